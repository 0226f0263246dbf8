"""Programs that report agents: what is absent is skipped by name."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.components import COLLECTOR, LITELLM, ROOT, absent

if TYPE_CHECKING:
    from pathlib import Path

_SOURCES = ROOT / "deploy" / "services" / "telemetry"


@pytest.fixture(scope="session")
def collector() -> Path:
    """Give the program of the OpenTelemetry Collector."""
    found = sorted((ROOT / ".services").glob("collector-v*/collector"))
    if not found:
        absent(COLLECTOR)
    return found[-1]


@pytest.fixture(scope="session")
def frameworks() -> Path:
    """Give the folder of the programs of LiteLLM and of the Agents SDK."""
    version = hashlib.sha256((_SOURCES / "frameworks.txt").read_bytes()).hexdigest()[:12]
    folder = ROOT / ".services" / f"litellm-{version}"
    if not (folder / "installed").is_file():
        absent(LITELLM)
    return folder / "bin"
