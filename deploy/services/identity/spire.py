"""Server and agent of SPIRE, compiled from Go modules; tests start their own ones."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import go_program
from place import FETCHED

if TYPE_CHECKING:
    from pathlib import Path

NAME = "spire"
_VERSION = "v1.13.3"
_FOLDER = FETCHED / f"spire-{_VERSION}"
_PROGRAMS = ("spire-server", "spire-agent")


def cached() -> bool:
    """Return whether both programs were compiled before."""
    return all((_bin() / program).is_file() for program in _PROGRAMS)


def up() -> str:
    """Give the folder of the programs; compile them once per version."""
    if not cached():
        _build()
    return f"{_VERSION} in {_bin()}"


def down() -> str:
    """Nothing runs between tests."""
    return go_program.NOTHING_TO_STOP


def status() -> str:
    """Report the folder of the programs."""
    return str(_bin()) if cached() else "not compiled; make services-identity"


def _bin() -> Path:
    return _FOLDER / "bin"


def _build() -> None:
    go = go_program.compiler()
    print(f"  compiling SPIRE {_VERSION} (Go modules, minutes)", flush=True)
    module = _FOLDER / "module"
    shutil.rmtree(module, ignore_errors=True)
    module.mkdir(parents=True)
    commands = [f"github.com/spiffe/spire/cmd/{program}" for program in _PROGRAMS]
    _run([go, "mod", "init", "spire"], module)
    _run([go, "get", "-tool", *(f"{command}@{_VERSION}" for command in commands)], module)
    # Without a version: with one, the replacements in SPIRE's own module are refused.
    _run([go, "install", *commands], module)


def _run(command: list[str], folder: Path) -> None:
    go_program.run(command, folder, _bin(), GOFLAGS="-mod=mod")
