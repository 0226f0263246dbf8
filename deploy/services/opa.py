"""Open Policy Agent, a policy decision point, compiled from Go modules; tests start it."""

from __future__ import annotations

import os
import shutil
import subprocess

from place import FETCHED, Absent

NAME = "opa"
_VERSION = "v1.22.2"
_MODULE = f"github.com/open-policy-agent/opa@{_VERSION}"
_FOLDER = FETCHED / f"opa-{_VERSION}"
_PROGRAM = _FOLDER / "opa"
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
    return str(_PROGRAM) if cached() else "not compiled; make services"


def _build() -> None:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise Absent("Go is missing, which compiles it; install it by hand")
    print(f"  compiling Open Policy Agent {_VERSION} (Go modules, a minute or two)", flush=True)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(  # noqa: S603 - fixed words of this file
        [go, "install", _MODULE],
        cwd=_FOLDER,
        env={**os.environ, "GOBIN": str(_FOLDER)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Absent(f"go install {_MODULE} failed: {last[:300]}")
