"""Programs that are compiled from Go modules, once per version; tests start their own ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from place import Absent

_BUILD_SECONDS = 3_600
NOTHING_TO_STOP = "not a service; nothing to stop"


def compiler() -> str:
    """Give the path of Go, or say that it is missing."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise Absent("Go is missing, which compiles it; install it by hand")
    return go


def run(command: list[str], folder: Path, target: Path, **variables: str) -> None:
    """Run a step of a build in a folder; programs are installed into `target`."""
    go_folder = str(Path(compiler()).parent)
    environment = os.environ | variables
    environment["GOBIN"] = str(target)
    environment["PATH"] = f"{go_folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603 - fixed words of this folder
        command,
        cwd=folder,
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
        raise Absent(f"{Path(command[0]).name} {' '.join(command[1:3])} failed: {last[:300]}")
