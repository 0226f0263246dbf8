"""One PostgreSQL server for the tests: from Debian, run by an unprivileged user on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import debian
import processes
import wire
from place import HOME, Absent

NAME = "postgresql"
HOST = "127.0.0.1"
_PORT, _PORT_STEP, _PORT_TRIES = 15432, 100, 10
_OLDEST = 14
_START_SECONDS = 30.0
_USERS = ("postgres", "nobody")  # users to run it as if we are root, which it refuses

_PID = HOME / "postgresql.pid"
_LOG = HOME / "logs" / "postgresql.log"
ADDRESS = HOME / "postgresql.json"  # {"url": "postgresql://...", ...}; what the tests read


def up() -> str:
    """Install, create the cluster and start it if necessary; return a status line."""
    folder = _folder()
    pid = processes.running(_PID, str(folder))
    wanted = os.environ.get("HABITUS_TEST_POSTGRESQL_PORT")
    if pid is not None:
        port = _known_port()
        if (wanted is None or port == _number(wanted)) and _wait(port, pid, folder):
            return f"{_where(port)} (pid {pid}, was up)"
        down()
    programs = _programs()
    port = _free_port(wanted)
    _make(programs, folder)
    pid = _start(programs, folder, port)
    if not _wait(port, pid, folder):
        down()
        raise Absent(f"it did not answer within {_START_SECONDS:.0f} s; see {_LOG}")
    url = f"postgresql://habitus@{HOST}:{port}/postgres"
    ADDRESS.write_text(json.dumps({"url": url, "pid": pid, "data": str(folder / "data")}) + "\n")
    return f"{_where(port)} (pid {pid}, started)"


def down() -> str:
    """Stop the server of this folder; its data stays for the next start."""
    # SIGTERM would wait for all clients to disconnect; SIGINT disconnects them.
    ended = processes.end(_PID, str(_folder()), signal.SIGINT)
    ADDRESS.unlink(missing_ok=True)
    return "stopped" if ended else "was not running"


def status() -> str:
    """Report the status, without changes."""
    pid = processes.running(_PID, str(_folder()))
    if pid is None:
        return "down"
    port = _known_port()
    word = "accepts" if port and not wire.free(HOST, port) else "does not accept"
    return f"{_where(port)} (pid {pid}, {word})"


def _where(port: int) -> str:
    return f"at {HOST}:{port}, log {_LOG}"


def _user() -> str | None:
    """Give the user to run it as; None: the current user."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _USERS:
        if name in known:
            return name
    raise Absent(f"it refuses to run as root, and there is no user {' or '.join(_USERS)}")


def _folder() -> Path:
    """Give the folder of data and socket; as root, one that the other user can access."""
    own = HOME / NAME
    if os.geteuid() != 0 or all(part.stat().st_mode & 0o001 for part in HOME.parents):
        return own
    digest = hashlib.blake2b(str(HOME).encode(), digest_size=6).hexdigest()
    return Path("/var/tmp") / f"habitus-{NAME}-{digest}"  # noqa: S108 - accessible only to its owner


def _known_port() -> int:
    """Give the port of the running server; 0 if its address file is missing."""
    try:
        return int(json.loads(ADDRESS.read_text())["url"].rpartition(":")[2].partition("/")[0])
    except (FileNotFoundError, ValueError, KeyError):
        return 0


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and 1024 <= int(word) < 65536):
        raise Absent(f"HABITUS_TEST_POSTGRESQL_PORT is {word!r}, expected a port from 1024")
    return int(word)


def _free_port(wanted: str | None) -> int:
    ports = [_PORT + step * _PORT_STEP for step in range(_PORT_TRIES)]
    if wanted is not None:
        ports = [_number(wanted)]
    for port in ports:
        if wire.free(HOST, port):
            return port
    raise Absent(f"port {ports[0]} is taken; set HABITUS_TEST_POSTGRESQL_PORT")


def _programs() -> Path:
    """Give the folder of a recent enough server; install one if possible."""
    found = _newest()
    if found is None:
        debian.install(["postgresql"], f"PostgreSQL {_OLDEST} or later")
        found = _newest()
    if found is None:
        raise Absent(f"no PostgreSQL {_OLDEST} or later after it was installed")
    return found


def _newest() -> Path | None:
    named = shutil.which("postgres")
    folders = [Path(named).resolve().parent] if named else []
    folders += [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    known = [(_version(place), place) for place in folders if (place / "initdb").exists()]
    version, place = max(known, default=(0, Path()))
    return place if version >= _OLDEST else None


def _version(place: Path) -> int:
    said = subprocess.run(  # noqa: S603 - a program of this machine
        [str(place / "postgres"), "--version"], capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"(\d+)", said)
    return int(found[1]) if found else 0


def _make(programs: Path, folder: Path) -> None:
    """Create the cluster at the first start, owned by the user of the server."""
    data, user = folder / "data", _user()
    if (data / "PG_VERSION").exists():
        return
    shutil.rmtree(data, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user is not None:
        shutil.chown(folder, user)
    command = [str(programs / "initdb"), "-A", "trust", "-U", "habitus", "-E", "UTF8"]
    done = subprocess.run(  # noqa: S603 - fixed words and paths of our own
        [*command, "--locale=C.UTF-8", "-D", str(data)],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        **processes.identity(user),
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Absent(f"initdb failed: {last[:300]}")


def _start(programs: Path, folder: Path, port: int) -> int:
    _LOG.parent.mkdir(exist_ok=True)
    settings = [f"port={port}", f"listen_addresses={HOST}", f"unix_socket_directories={folder}"]
    settings += ["max_connections=60", "shared_buffers=128MB"]
    chosen = [word for setting in settings for word in ("-c", setting)]
    command = [str(programs / "postgres"), "-D", str(folder / "data"), *chosen]
    return processes.start(command, _LOG, _PID, user=_user()).pid


def _wait(port: int, pid: int, folder: Path) -> bool:
    """Wait until the server accepts connections; return False if it died or took too long."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if processes.running(_PID, str(folder)) != pid:
            return False
        if not wire.free(HOST, port) and _ready(folder):
            return True
        time.sleep(0.1)
    return False


def _ready(folder: Path) -> bool:
    """Return whether its pid file reports a completed start."""
    try:
        return (folder / "data" / "postmaster.pid").read_text().rstrip().endswith("ready")
    except OSError:
        return False
