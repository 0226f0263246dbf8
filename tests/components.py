"""Real components that tests use, by name: an absent one skips its tests, or fails them in CI."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[1]
KAFKA = "Kafka broker"
POSTGRESQL = "PostgreSQL"
CHROMIUM = "Chromium"
PROMTOOL = "promtool"
RUST = "Rust compiler"
SHARED = "shared data folder"
TOOLS = "tools of .venv/tools"
HOW = {
    KAFKA: "make services says why; or set HABITUS_TEST_KAFKA to HOST:PORT",
    POSTGRESQL: "make services says why; or set HABITUS_TEST_POSTGRESQL to a URL",
    CHROMIUM: "make services says why; or set HABITUS_TEST_CHROMIUM to its path",
    PROMTOOL: "make services says why; or set HABITUS_TEST_PROMTOOL to its path",
    RUST: "install it (rustup), and start a new shell",
    SHARED: "it lies beside the repository, as ../shared",
    TOOLS: "make test installs them",
}
ABSENT = "absent: "


def absent(component: str) -> NoReturn:
    """Skip the test that needs this component; where CI=true every component must be there."""
    message = f"{ABSENT}{component} ({HOW[component]})"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
