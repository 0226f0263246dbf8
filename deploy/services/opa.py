"""Open Policy Agent, a policy decision point, compiled from Go modules; tests start it."""

from __future__ import annotations

import go_program
from place import FETCHED

NAME = "opa"
_VERSION = "v1.22.2"
_MODULE = f"github.com/open-policy-agent/opa@{_VERSION}"
_FOLDER = FETCHED / f"opa-{_VERSION}"
_PROGRAM = _FOLDER / "opa"


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
    return str(_PROGRAM) if cached() else "not compiled; make services"


def _build() -> None:
    go = go_program.compiler()
    print(f"  compiling Open Policy Agent {_VERSION} (Go modules, a minute or two)", flush=True)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    go_program.run([go, "install", _MODULE], _FOLDER, _FOLDER)
