"""How all shards are doing, in one word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.store.batch import PipelineStatus

if TYPE_CHECKING:
    from collections.abc import Mapping


def overall(said: Mapping[str, PipelineStatus]) -> PipelineStatus:
    """Give one word for all shards: their furthest event, the oldest sign of life, the worst lag.

    What a topic has left behind that nobody reads any more does not count beside one that is read;
    a partition that nobody has does.

    >>> shards = {"kafka:t:0": ("running", 9, 7, 0), "kafka:t:1": ("stopped", 5, 6, 3)}
    >>> overall({name: PipelineStatus(*status) for name, status in shards.items()})
    PipelineStatus(state='running', heartbeat_us=5, watermark_us=7, lag_us=3)
    """
    read = {topic_of(name) for name, one in said.items() if one.state == "running"}
    of = [one for name, one in said.items() if not read or topic_of(name) in read]
    if not of:
        return PipelineStatus()
    newest = max(of, key=lambda one: (one.state == "running", one.heartbeat_us or 0))
    return PipelineStatus(
        newest.state,
        min((one.heartbeat_us for one in of if one.heartbeat_us is not None), default=None),
        max((one.watermark_us for one in of if one.watermark_us is not None), default=None),
        max((one.lag_us for one in of if one.lag_us is not None), default=None),
    )


def topic_of(shard: str) -> str:
    """Give what is the same for all partitions of a topic."""
    return shard.rpartition(":")[0]
