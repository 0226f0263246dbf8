"""promtool, which checks what deploy/ tells Prometheus: out of Debian's package, not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from place import HOME, Absent

if TYPE_CHECKING:
    from pathlib import Path

NAME = "promtool"
_FOLDER = HOME / "prometheus"
_TOOL = _FOLDER / "usr" / "bin" / "promtool"
_WAIT_SECONDS = 300


def up() -> str:
    """Give the path of the tool, taking it out of the package where it is not installed."""
    path = _path()
    if path is None:
        _fetch()
        path = _path()
    return f"{path}"


def down() -> str:
    """Nothing runs between tests."""
    return "not a service; nothing to stop"


def status() -> str:
    """Say where the tool is."""
    return _path() or "absent"


def _path() -> str | None:
    named = os.environ.get("HABITUS_TEST_PROMTOOL") or shutil.which("promtool")
    return named or (str(_TOOL) if _TOOL.is_file() else None)


def _fetch() -> None:
    """Unpack the package: installing it would start a server."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Absent("promtool is missing and there is no apt-get here; install it by hand")
    print("  fetching prometheus (apt-get, about 20 MB)", flush=True)
    _FOLDER.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        _run(["apt-get", "-qq", "update"], _FOLDER)
    _run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "prometheus"], _FOLDER)
    (package,) = sorted(_FOLDER.glob("prometheus_*.deb"))[-1:]
    _run(["dpkg-deb", "-x", str(package), str(_FOLDER)], _FOLDER)
    package.unlink()


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - fixed words
        command,
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
        raise Absent(f"promtool is missing and {command[0]} failed: {last}")
