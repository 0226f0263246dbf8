"""Install Debian packages if possible: as root, with apt-get."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from place import Absent

if TYPE_CHECKING:
    from pathlib import Path

_WAIT_SECONDS = 900


def install(packages: list[str], need: str) -> None:
    """Install packages, or raise `Absent` with the reason.

    Parameters
    ----------
    packages
        Names of Debian packages.
    need
        The missing component, for the message: ``"java 17 or later"``.
    """
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise Absent(f"{need} is missing and there is no apt-get here; install it by hand")
    if os.geteuid() != 0:
        raise Absent(f"{need} is missing; as root: apt-get install {names}")
    print(f"  installing {names} (apt-get)", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages],
    ):
        run(command, f"{need} is missing and {command[2]} of {names} failed", environment)


def run(
    command: list[str],
    failed: str,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    """Run a command, or raise `Absent` with `failed` and its last output line."""
    done = subprocess.run(  # noqa: S603 - fixed words and package names of this folder
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_WAIT_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Absent(f"{failed}: {last}")
