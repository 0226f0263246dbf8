"""One Apache Kafka broker for the tests: jars from Maven, run with the local Java."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import debian
import processes
import wire
from place import FETCHED, HOME, SOURCES, Absent

if TYPE_CHECKING:
    from pathlib import Path

NAME = "kafka"
HOST = "127.0.0.1"
_PORT, _PORT_STEP, _PORT_TRIES = 19092, 100, 10  # the controller listens on the next port
_OLDEST_JAVA = 17
_START_SECONDS = 90.0
_MAVEN_SECONDS = 900

_RUN = HOME / "kafka"  # configuration, data and pid of this machine's broker
_PID = _RUN / "pid"
_CONFIGURATION = _RUN / "server.properties"
_LOG = HOME / "logs" / "kafka.log"
ADDRESS = HOME / "kafka.json"  # {"bootstrap": "127.0.0.1:19092", ...}; what the tests read


def up() -> str:
    """Fetch, format and start the broker if necessary; return a status line."""
    pid = processes.running(_PID, str(_CONFIGURATION))
    wanted = os.environ.get("HABITUS_TEST_KAFKA_PORT")
    if pid is not None:
        port = _known_port()
        if (wanted is None or port == _number(wanted)) and _wait(port, pid):
            return f"{_where(port)} (pid {pid}, was up)"
        down()
    java = _java()
    libraries = _libraries()
    port = _free_port(wanted)
    _configure(java, libraries, port)
    pid = _start(java, libraries)
    if not _wait(port, pid):
        down()
        raise Absent(f"the broker did not answer within {_START_SECONDS:.0f} s; see {_LOG}")
    address = {"bootstrap": f"{HOST}:{port}", "version": _version(), "pid": pid}
    ADDRESS.write_text(json.dumps(address) + "\n")
    return f"{_where(port)} (pid {pid}, started)"


def down() -> str:
    """Stop the broker of this folder; its data stays for the next start."""
    ended = processes.end(_PID, str(_CONFIGURATION))
    ADDRESS.unlink(missing_ok=True)
    return "stopped" if ended else "was not running"


def status() -> str:
    """Report the status, without changes."""
    pid = processes.running(_PID, str(_CONFIGURATION))
    if pid is None:
        return "down"
    port = _known_port()
    word = "answers" if port and wire.answers(HOST, port) else "does not answer"
    return f"{_where(port)} (pid {pid}, {word})"


def _where(port: int) -> str:
    return f"{_version()} at {HOST}:{port}, log {_LOG}"


def _version() -> str:
    found = re.search(r"<kafka\.version>(.+?)<", (SOURCES / "pom.xml").read_text())
    if found is None:
        raise Absent("pom.xml names no kafka.version")
    return found[1]


def _known_port() -> int:
    """Give the port of the running broker; 0 if its address file is missing."""
    try:
        return int(json.loads(ADDRESS.read_text())["bootstrap"].rpartition(":")[2])
    except (FileNotFoundError, ValueError, KeyError):
        return 0


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and 1024 <= int(word) < 65535):
        raise Absent(f"HABITUS_TEST_KAFKA_PORT is {word!r}, expected a port from 1024 to 65534")
    return int(word)


def _free_port(wanted: str | None) -> int:
    """Choose the port: the requested one, else the first free default one."""
    if wanted is not None:
        ports = [_number(wanted)]
    else:
        ports = [_PORT + step * _PORT_STEP for step in range(_PORT_TRIES)]
    for port in ports:
        if wire.free(HOST, port) and wire.free(HOST, port + 1):
            return port
    raise Absent(f"port {ports[0]} or the next is taken; set HABITUS_TEST_KAFKA_PORT")


def _java() -> str:
    """Give the path of a recent enough Java; install one if possible."""
    if shutil.which("java") is None:
        debian.install(["default-jre-headless"], f"java {_OLDEST_JAVA} or later")
    java = shutil.which("java")
    if java is None:
        raise Absent("java is not on the path after it was installed")
    shown = subprocess.run(  # noqa: S603 - the java of this machine
        [java, "-version"], capture_output=True, text=True, errors="replace", check=False
    ).stderr
    found = re.search(r'version "(\d+)', shown)
    if found is None or int(found[1]) < _OLDEST_JAVA:
        said = found[1] if found else "unreadable"
        raise Absent(f"java is version {said}, Kafka needs {_OLDEST_JAVA} or later")
    return java


def _libraries() -> Path:
    """Give the folder of jars; fetch them once per version."""
    folder = FETCHED / f"kafka-{_version()}" / "libs"
    if folder.is_dir():
        return folder
    if shutil.which("mvn") is None:
        debian.install(["maven"], "maven")
    print(f"  fetching Kafka {_version()} (Maven, about 55 MB)", flush=True)
    # Copied to a temporary folder and then renamed, so that an aborted fetch is not used.
    partial = folder.with_name("libs.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    command = ["mvn", "-q", "-B", "-f", str(SOURCES / "pom.xml"), "dependency:copy-dependencies"]
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
        raise Absent(f"Maven could not fetch Kafka: {first[:300]}")
    partial.rename(folder)
    return folder


def _configure(java: str, libraries: Path, port: int) -> None:
    """Write the configuration for this port, and format the data folder the first time."""
    data = _RUN / "data"
    data.mkdir(parents=True, exist_ok=True)
    template = (SOURCES / "server.properties").read_text()
    for word, value in {"port": port, "controller_port": port + 1, "data": data}.items():
        template = template.replace(f"{{{word}}}", str(value))
    _CONFIGURATION.write_text(template)
    if (data / "meta.properties").exists():
        return
    tool = [java, *_logging(), "-cp", f"{libraries}/*", "kafka.tools.StorageTool"]
    cluster = _output([*tool, "random-uuid"]).split()[-1]
    _output([*tool, "format", "-t", cluster, "-c", str(_CONFIGURATION)])


def _output(command: list[str]) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words and paths of our own
        command, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise Absent(f"Kafka's storage tool failed: {said[0][:300]}")
    return done.stdout


def _logging() -> list[str]:
    return [f"-Dlog4j2.configurationFile={SOURCES / 'log4j2.properties'}"]


def _start(java: str, libraries: Path) -> int:
    _LOG.parent.mkdir(exist_ok=True)
    memory = ["-Xms128m", "-Xmx512m"]
    main = ["-cp", f"{libraries}/*", "kafka.Kafka", str(_CONFIGURATION)]
    return processes.start([java, *memory, *_logging(), *main], _LOG, _PID).pid


def _wait(port: int, pid: int) -> bool:
    """Wait until the broker answers; False if it died or took too long."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if processes.running(_PID, str(_CONFIGURATION)) != pid:
            return False
        if wire.answers(HOST, port):
            return True
        time.sleep(0.2)
    return False
