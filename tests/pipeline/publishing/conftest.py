"""The fixtures of the sources: a topic of its own on a real broker."""

from __future__ import annotations

from tests.pipeline.sources.conftest import *  # noqa: F403 - fixtures
