"""Settings of a shard over an empty PostgreSQL store."""

from __future__ import annotations

import pytest

from pipeline.settings import Settings


@pytest.fixture
def settings(postgresql_url: str) -> Settings:
    return Settings(
        source="kafka://127.0.0.1:9/t?group=g", store=postgresql_url, sink="none", clock="event"
    )
