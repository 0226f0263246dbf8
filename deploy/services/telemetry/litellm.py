"""LiteLLM's proxy, the OpenAI Agents SDK and OpenTelemetry's SDK, in an environment of their own.

They are heavy, and pin packages that Habitus uses too. Tests start their programs.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from place import FETCHED, Absent

NAME = "litellm"
_REQUIREMENTS = Path(__file__).with_name("frameworks.txt")
_VERSION = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]
_FOLDER = FETCHED / f"litellm-{_VERSION}"
_STAMP = _FOLDER / "installed"
_INSTALL_SECONDS = 1_800


def cached() -> bool:
    """Return whether everything was installed before."""
    return _STAMP.is_file()


def up() -> str:
    """Give the folder of the environment; install it once per list of versions."""
    if not cached():
        _install()
    return str(_FOLDER)


def down() -> str:
    """Nothing runs between tests."""
    return "not a service; nothing to stop"


def status() -> str:
    """Report the folder of the environment."""
    return str(_FOLDER) if cached() else "not installed; make services-otel"


def _install() -> None:
    print("  installing LiteLLM and the Agents SDK (pip, 800 MB, minutes)", flush=True)
    shutil.rmtree(_FOLDER, ignore_errors=True)
    pip = [str(_FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    for command in (
        [sys.executable, "-m", "venv", str(_FOLDER)],
        [*pip, "-r", str(_REQUIREMENTS)],
    ):
        done = subprocess.run(  # noqa: S603 - fixed words of this file
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_INSTALL_SECONDS,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise Absent(f"{command[2]} failed: {last[:300]}")
    _STAMP.touch()
