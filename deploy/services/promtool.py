"""promtool, which checks the Prometheus files of deploy/; unpacked from Debian's package."""

from __future__ import annotations

import os
import shutil

import debian
from place import HOME, Absent

NAME = "promtool"
_FOLDER = HOME / "prometheus"
_TOOL = _FOLDER / "usr" / "bin" / "promtool"


def up() -> str:
    """Give the path of the tool; unpack it from the package if it is not installed."""
    path = _path()
    if path is None:
        _fetch()
        path = _path()
    return f"{path}"


def down() -> str:
    """Nothing runs between tests."""
    return "not a service; nothing to stop"


def status() -> str:
    """Report the path of the tool."""
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
    failed = "promtool is missing and its package cannot be had"
    download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "prometheus"]
    if os.geteuid() == 0:
        debian.run(["apt-get", "-qq", "update"], failed)
    debian.run(download, failed, folder=_FOLDER)
    (package,) = sorted(_FOLDER.glob("prometheus_*.deb"))[-1:]
    debian.run(["dpkg-deb", "-x", str(package), str(_FOLDER)], failed)
    package.unlink()
