"""Settings of a shard over an empty PostgreSQL store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.settings import Settings
from pipeline.store import open_store
from tests.pipeline.sharding.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def settings(postgresql_url: str) -> Settings:
    return Settings(
        source="kafka://127.0.0.1:9/t?group=g", store=postgresql_url, sink="none", clock="event"
    )


@pytest.fixture
def stream(kafka_address: str, postgresql_url: str, kafka_client: str) -> Iterator[Stream]:
    open_store(postgresql_url).close()
    made = Stream(kafka_address, postgresql_url, kafka_client)
    yield made
    made.close()
