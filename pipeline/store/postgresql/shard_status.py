"""Combined status of all shards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.store.batch import SILENT_US, LastEvent, PipelineStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def overall(statuses: Mapping[str, PipelineStatus]) -> PipelineStatus:
    """Combine the status of all shards: newest event, oldest heartbeat, largest lag.

    Shards of a topic that is no longer read do not count if another topic is read (see `read_now`).
    Partitions without a worker count.

    >>> shards = {"kafka:t:0": ("running", 9, 7, 0), "kafka:t:1": ("stopped", 5, 6, 3)}
    >>> found = overall({name: PipelineStatus(*status) for name, status in shards.items()})
    >>> found.state, found.heartbeat_us, found.watermark_us, found.lag_us
    ('running', 5, 7, 3)

    Lags of partitions refer to the oldest heartbeat. The lag of a partition with a later heartbeat
    is smaller by the difference, and may be negative.

    >>> found.lags_us
    {'kafka:t:0': -4, 'kafka:t:1': 3}
    """
    read = read_now(statuses)
    by_name = {name: one for name, one in statuses.items() if topic_of(name) in read}
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
        sum(one.waiting for one in of),
        _last_events(of),
        # includes history learned before there were shards
        max(
            (one.newest_us for one in statuses.values() if one.newest_us is not None), default=None
        ),
    )


def _last_events(of: Iterable[PipelineStatus]) -> dict[str, LastEvent]:
    """Give the newest event of each source among all shards.

    >>> known = [LastEvent("live", 5, 5), LastEvent("live", 9, 9), LastEvent("live")]
    >>> _last_events([PipelineStatus(last_events={"kafka:t": one}) for one in known])
    {'kafka:t': LastEvent(kind='live', event_us=9, arrived_us=9)}
    """
    found: dict[str, LastEvent] = {}
    for name, one in ((name, one) for status in of for name, one in status.last_events.items()):
        if name not in found or (one.event_us or 0) > (found[name].event_us or 0):
            found[name] = one
    return found


def read_now(statuses: Mapping[str, PipelineStatus]) -> set[str]:
    """Give the topics that are read; if none is, the topics read last.

    A killed worker leaves its partitions "running". So a topic counts as abandoned if all its
    partitions were silent for a minute longer than those of another topic.

    >>> old, new = ("running", 5, 5, 0), ("running", 5 + 61_000_000, 7, 0)
    >>> shards = {"kafka:old:0": old, "kafka:new:0": old, "kafka:new:1": new}
    >>> read_now({name: PipelineStatus(*status) for name, status in shards.items()})
    {'kafka:new'}
    """
    running = {name: one for name, one in statuses.items() if one.state == "running"} or statuses
    beats: dict[str, int] = {}
    for name, one in running.items():
        topic = topic_of(name)
        beats[topic] = max(beats.get(topic, 0), one.heartbeat_us or 0)
    newest = max(beats.values(), default=0)
    return {topic for topic, beat_us in beats.items() if newest - beat_us <= SILENT_US}


def _lags(name: str, status: PipelineStatus) -> Mapping[str, int]:
    """Give the lags of one shard, which may be a partition itself."""
    if not name:
        return status.lags_us
    return {} if status.lag_us is None else {name: status.lag_us}


def topic_of(shard: str) -> str:
    """Give the topic part of a shard name."""
    return shard.rpartition(":")[0]
