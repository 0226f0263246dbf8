"""Chromium for the tests of the console, from Debian, never downloaded."""

from __future__ import annotations

import os
import shutil

import debian

NAME = "chromium"
_COMMANDS = ("chromium", "chromium-browser", "google-chrome")


def up() -> str:
    """Give the path of the browser; install it if possible."""
    path = _path()
    if path is None:
        debian.install(["chromium"], "chromium")
        path = _path()
    return f"{path}"


def down() -> str:
    """Nothing runs between tests."""
    return "not a service; nothing to stop"


def status() -> str:
    """Report the path of the browser."""
    return _path() or "absent"


def _path() -> str | None:
    named = os.environ.get("HABITUS_TEST_CHROMIUM")
    return named or next((path for path in map(shutil.which, _COMMANDS) if path), None)
