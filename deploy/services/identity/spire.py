"""Server and agent of SPIRE, compiled from Go modules; tests start their own ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from place import FETCHED, Absent

if TYPE_CHECKING:
    from pathlib import Path

NAME = "spire"
_VERSION = "v1.13.3"
_FOLDER = FETCHED / f"spire-{_VERSION}"
_PROGRAMS = ("spire-server", "spire-agent")
_BUILD_SECONDS = 3_600


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
    return "not a service; nothing to stop"


def status() -> str:
    """Report the folder of the programs."""
    return str(_bin()) if cached() else "not compiled; make services-identity"


def _bin() -> Path:
    return _FOLDER / "bin"


def _build() -> None:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise Absent("Go is missing, which compiles it; install it by hand")
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
    done = subprocess.run(  # noqa: S603 - fixed words of this file
        command,
        cwd=folder,
        env={**os.environ, "GOBIN": str(_bin()), "GOFLAGS": "-mod=mod"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Absent(f"{' '.join(command[1:3])} failed: {last[:300]}")
