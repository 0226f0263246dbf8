"""The OpenTelemetry Collector with a Kafka exporter, compiled from Go modules; tests start it."""

from __future__ import annotations

import shutil
from pathlib import Path

import go_program
from place import FETCHED

NAME = "collector"
_VERSION = "v0.155.0"
_BUILDER = f"go.opentelemetry.io/collector/cmd/builder@{_VERSION}"
_BUILD_FILE = Path(__file__).with_name("collector.yaml")
_FOLDER = FETCHED / f"collector-{_VERSION}"
_PROGRAM = _FOLDER / "collector"


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
    return go_program.NOTHING_TO_STOP


def status() -> str:
    """Report the path of the program."""
    return str(_PROGRAM) if cached() else "not compiled; make services-otel"


def _build() -> None:
    go, programs = go_program.compiler(), _FOLDER / "bin"
    print(f"  compiling the Collector {_VERSION} (Go modules, a minute or two)", flush=True)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    go_program.run([go, "install", _BUILDER], _FOLDER, programs)
    build = [str(programs / "builder"), "--config", str(_BUILD_FILE)]
    go_program.run(build, _FOLDER, programs)
    (_FOLDER / "built" / "collector").rename(_PROGRAM)
    shutil.rmtree(_FOLDER / "built")
