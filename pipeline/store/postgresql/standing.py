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
    >>> found = overall({name: PipelineStatus(*status) for name, status in shards.items()})
    >>> found.state, found.heartbeat_us, found.watermark_us, found.lag_us
    ('running', 5, 7, 3)

    Lags of partitions are told as of that sign of life: those of partitions that gave a later one
    are smaller by so much, and may be below 0.

    >>> found.lags_us
    {'kafka:t:0': -4, 'kafka:t:1': 3}
    """
    read = {topic_of(name) for name, one in said.items() if one.state == "running"}
    by_name = {name: one for name, one in said.items() if not read or topic_of(name) in read}
    of = list(by_name.values())
    if not of:
        return PipelineStatus()
    heartbeat_us = min((one.heartbeat_us for one in of if one.heartbeat_us is not None), default=0)
    newest = max(of, key=lambda one: (one.state == "running", one.heartbeat_us or 0))
    return PipelineStatus(
        newest.state,
        min((one.heartbeat_us for one in of if one.heartbeat_us is not None), default=None),
        max((one.watermark_us for one in of if one.watermark_us is not None), default=None),
        max((one.lag_us for one in of if one.lag_us is not None), default=None),
        {
            partition: lag_us - ((one.heartbeat_us or 0) - heartbeat_us)
            for name, one in by_name.items()
            for partition, lag_us in _lags(name, one).items()
        },
    )


def _lags(name: str, said: PipelineStatus) -> Mapping[str, int]:
    """Give the lags of what one shard judges: of itself, where it is a partition."""
    if not name:
        return said.lags_us
    return {} if said.lag_us is None else {name: said.lag_us}


def topic_of(shard: str) -> str:
    """Give what is the same for all partitions of a topic."""
    return shard.rpartition(":")[0]
