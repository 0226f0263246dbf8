"""The OpenTelemetry Collector with a Kafka exporter, compiled from Go modules; tests start it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from place import FETCHED, Absent

NAME = "collector"
_VERSION = "v0.155.0"
_BUILDER = f"go.opentelemetry.io/collector/cmd/builder@{_VERSION}"
_BUILD_FILE = Path(__file__).with_name("collector.yaml")
_FOLDER = FETCHED / f"collector-{_VERSION}"
_PROGRAM = _FOLDER / "collector"
_BUILD_SECONDS = 3_600


def cached() -> bool:
    """Return whether the program was compiled before."""
    return _PROGRAM.is_file()


def up() -> str:
    """Give the path of the program; compile it once per version."""
    if not cached():
        _build()
    return f"{_VERSION} at {_PROGRAM}"


def down() -> str:
    """Nothing runs between tests."""
    return "not a service; nothing to stop"


def status() -> str:
    """Report the path of the program."""
    return str(_PROGRAM) if cached() else "not compiled; make services-otel"


def _build() -> None:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise Absent("Go is missing, which compiles it; install it by hand")
    print(f"  compiling the Collector {_VERSION} (Go modules, a minute or two)", flush=True)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    path = f"{Path(go).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "GOBIN": str(_FOLDER / "bin"), "PATH": path}
    _run([go, "install", _BUILDER], environment)
    _run([str(_FOLDER / "bin" / "builder"), "--config", str(_BUILD_FILE)], environment)
    (_FOLDER / "built" / "collector").rename(_PROGRAM)
    shutil.rmtree(_FOLDER / "built")


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(  # noqa: S603 - fixed words of this file
        command,
        cwd=_FOLDER,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Absent(f"{Path(command[0]).name} {command[1]} failed: {last[:300]}")
