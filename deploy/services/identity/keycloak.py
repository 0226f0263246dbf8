"""One Keycloak for the tests: from Maven, on loopback, with delegation tokens and SSF."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import debian
import processes
import wire
from place import FETCHED, HOME, Absent

NAME = "keycloak"
HOST = "127.0.0.1"
FEATURES = "parameterized-scopes,token-exchange-delegation,ssf"
_PORT, _PORT_STEP, _PORT_TRIES = 18180, 100, 10
_START_SECONDS = 600.0
_MAVEN_SECONDS = 900
_POM = Path(__file__).with_name("keycloak.xml")

_RUN = HOME / "keycloak"
_PID = _RUN / "pid"
_PASSWORD = _RUN / "password"
_LOG = HOME / "logs" / "keycloak.log"
ADDRESS = HOME / "keycloak.json"  # {"url": "http://127.0.0.1:18180", ...}; what the tests read


def cached() -> bool:
    """Return whether the distribution was fetched before."""
    return _archive().is_file()


def up() -> str:
    """Fetch, unpack and start the server if necessary; return a status line."""
    pid = processes.running(_PID, str(_RUN))
    if pid is not None:
        port = _known_port()
        if port and _wait(port, pid):
            return f"{_where(port)} (pid {pid}, was up)"
        down()
    if shutil.which("java") is None:
        debian.install(["default-jre-headless"], "java 17 or later")
    home = _unpacked()
    port = _free_port()
    pid = _start(home, port)
    if not _wait(port, pid):
        down()
        raise Absent(f"it did not answer within {_START_SECONDS:.0f} s; see {_LOG}")
    found = {"url": f"http://{HOST}:{port}", "pid": pid, "log": str(_LOG)}
    found |= {"user": "admin", "password": _PASSWORD.read_text()}
    ADDRESS.touch(mode=0o600)
    ADDRESS.write_text(json.dumps(found) + "\n")
    return f"{_where(port)} (pid {pid}, started)"


def down() -> str:
    """Stop the server; its realms stay for the next start."""
    ended = processes.end(_PID, str(_RUN))
    ADDRESS.unlink(missing_ok=True)
    return "stopped" if ended else "was not running"


def status() -> str:
    """Report the status, without changes."""
    pid = processes.running(_PID, str(_RUN))
    if pid is None:
        return "down" if cached() else "not fetched; make services-identity"
    port = _known_port()
    return f"{_where(port)} (pid {pid}, {'answers' if _answers(port) else 'does not answer'})"


def _where(port: int) -> str:
    return f"{_version()} at {HOST}:{port}, log {_LOG}"


def _version() -> str:
    found = re.search(r"<keycloak\.version>(.+?)<", _POM.read_text())
    if found is None:
        raise Absent("keycloak.xml names no keycloak.version")
    return found[1]


def _archive() -> Path:
    return FETCHED / f"keycloak-{_version()}" / f"keycloak-quarkus-dist-{_version()}.zip"


def _known_port() -> int:
    try:
        return int(json.loads(ADDRESS.read_text())["url"].rpartition(":")[2])
    except (FileNotFoundError, ValueError, KeyError):
        return 0


def _free_port() -> int:
    wanted = os.environ.get("HABITUS_TEST_KEYCLOAK_PORT")
    if wanted is not None and not (wanted.isascii() and wanted.isdigit()):
        raise Absent(f"HABITUS_TEST_KEYCLOAK_PORT is {wanted!r}, expected a port")
    ports = [_PORT + step * _PORT_STEP for step in range(_PORT_TRIES)]
    for port in ports if wanted is None else [int(wanted)]:
        if wire.free(HOST, port):
            return port
    raise Absent("its port is taken; set HABITUS_TEST_KEYCLOAK_PORT")


def _fetched() -> Path:
    """Give the archive; fetch it once per version."""
    archive = _archive()
    if archive.is_file():
        return archive
    if shutil.which("mvn") is None:
        debian.install(["maven"], "maven")
    print(f"  fetching Keycloak {_version()} (Maven, about 177 MB)", flush=True)
    # Fetched into a temporary folder and then renamed, so that an aborted fetch is not used.
    partial = archive.parent.with_name(f"{archive.parent.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    command = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies"]
    done = subprocess.run(  # noqa: S603 - fixed words and paths of our own
        [*command, f"-DoutputDirectory={partial}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_MAVEN_SECONDS,
        check=False,
    )
    if done.returncode:
        first = next((line for line in done.stdout.splitlines() if "ERROR" in line), "no message")
        raise Absent(f"Maven could not fetch Keycloak: {first[:300]}")
    partial.rename(archive.parent)
    return archive


def _unpacked() -> Path:
    """Give the folder of this place's server, which writes its data there."""
    home = _RUN / f"keycloak-{_version()}"
    if not home.is_dir():
        partial = _RUN / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.unpack_archive(_fetched(), partial)
        (partial / home.name).rename(home)
        partial.rmdir()
    return home


def _start(home: Path, port: int) -> int:
    _LOG.parent.mkdir(exist_ok=True)
    if not _PASSWORD.exists():
        _PASSWORD.touch(mode=0o600)
        _PASSWORD.write_text(secrets.token_urlsafe(18))
    environment = {
        **os.environ,
        "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
        "KC_BOOTSTRAP_ADMIN_PASSWORD": _PASSWORD.read_text(),
        "JAVA_OPTS_KC_HEAP": "-Xms128m -Xmx512m",
    }
    command = ["bash", str(home / "bin" / "kc.sh"), "start-dev"]
    command += [f"--http-host={HOST}", f"--http-port={port}", f"--features={FEATURES}"]
    command += ["--spi-events-listener--jboss-logging--success-level=info"]
    # The API under test listens on loopback; a stream may push there.
    command += ["--spi-ssf-transmitter--default--allow-insecure-push-targets=true"]
    command += ["--spi-ssf-transmitter--default--outbox-drainer-interval=1s"]
    return processes.start(command, _LOG, _PID, environment=environment).pid


def _wait(port: int, pid: int) -> bool:
    """Wait until the server answers; False if it died or took too long."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if processes.running(_PID, str(_RUN)) != pid:
            return False
        if _answers(port):
            return True
        time.sleep(1.0)
    return False


def _answers(port: int) -> bool:
    url = f"http://{HOST}:{port}/realms/master/.well-known/openid-configuration"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
