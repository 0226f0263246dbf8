"""Two shards of one store, and the records of each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.processing.assembly import SharedResources
from pipeline.processing.stream_types import RawRecord
from pipeline.sharding.shard import Shard

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.store.postgresql import PostgresStore


ZERO, ONE = "kafka:t:0", "kafka:t:1"


def a_shard(settings: Settings, store: PostgresStore, name: str) -> Shard:
    return Shard(settings, store.of(name), SharedResources.of(settings, store))


def records(pipeline: Any, name: str, limit: int = 400) -> list[RawRecord]:
    """Events of every second agent."""
    lines = pipeline.events(limit)
    names = sorted({json.loads(line)["agent"]["id"] for line in lines})
    mine = set(names[int(name[-1]) :: 2])
    own = [line for line in lines if json.loads(line)["agent"]["id"] in mine]
    return [RawRecord(line, name, at, 2_000_000_000_000_000) for at, line in enumerate(own)]


def judge(shard: Shard, given: list[RawRecord], size: int = 50) -> None:
    for start in range(0, len(given), size):
        batch = given[start : start + size]
        shard.judge(batch, str(batch[-1].offset + 1), 0)
