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
OPA = "Open Policy Agent"
COLLECTOR = "OpenTelemetry Collector"
LITELLM = "LiteLLM and Agents SDK"
KEYCLOAK = "Keycloak"
SPIRE = "SPIRE"
RUST = "Rust compiler"
SHARED = "shared data folder"
TOOLS = "tools of .venv/tools"
HOW = {
    KAFKA: "make services says why; or set HABITUS_TEST_KAFKA to HOST:PORT",
    POSTGRESQL: "make services says why; or set HABITUS_TEST_POSTGRESQL to a URL",
    CHROMIUM: "make services says why; or set HABITUS_TEST_CHROMIUM to its path",
    PROMTOOL: "make services says why; or set HABITUS_TEST_PROMTOOL to its path",
    OPA: "make services compiles it, or says why not; or set HABITUS_TEST_OPA to its path",
    COLLECTOR: "make services-otel compiles it",
    LITELLM: "make services-otel installs them",
    KEYCLOAK: "make services-identity fetches and starts it",
    SPIRE: "make services-identity compiles it",
    RUST: "install it (rustup), and start a new shell",
    SHARED: "it lies beside the repository, as ../shared",
    TOOLS: "make test installs them",
}
ABSENT = "absent: "
SLOW = (LITELLM, KEYCLOAK, SPIRE)
"""What takes minutes to fetch: CI uses it where it is cached."""


def absent(component: str) -> NoReturn:
    """Skip the test that needs this component; in CI all but the slow ones must be there."""
    message = f"{ABSENT}{component} ({HOW[component]})"
    if os.environ.get("CI") == "true" and component not in SLOW:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
