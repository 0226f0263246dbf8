"""Freshness of the store: lag, and last events of live sources."""

from __future__ import annotations

from typing import Any

from models.event import rfc3339
from models.units import SECOND_US
from scoring_api.clock import ClockKind
from scoring_api.trust_cache.store_reading import PipelineStatus


def lag_of(status: PipelineStatus, now_us: int, clock: ClockKind) -> int | None:
    """Give the lag of the answers in microseconds; None if unknown.

    The pipeline stores its lag at each heartbeat, and the time since then is added. So the lag of a
    stopped worker grows. Time stops only over a completely judged recording.

    Examples
    --------
    >>> running = PipelineStatus("running", heartbeat_us=70, watermark_us=60, lag_us=10)
    >>> lag_of(running, 100, "wall")
    40
    >>> lag_of(PipelineStatus("drained", 70, 60, 0), 100, "event")
    0
    >>> lag_of(PipelineStatus("none"), 100, "wall") is None
    True
    """
    if status.state == "none" or status.heartbeat_us is None:
        return None
    return (status.lag_us or 0) + _since(status, now_us, clock)


def lags_of(status: PipelineStatus, now_us: int, clock: ClockKind) -> dict[str, int]:
    """Give the lag of each partition in microseconds.

    >>> running = PipelineStatus("running", 70, 60, 10, {"kafka:t:0": 10, "kafka:t:1": -4})
    >>> lags_of(running, 100, "wall")
    {'kafka:t:0': 40, 'kafka:t:1': 26}
    """
    since = _since(status, now_us, clock)
    return {name: max(0, lag_us + since) for name, lag_us in status.lags_us.items()}


def late_of(status: PipelineStatus, now_us: int, clock: ClockKind) -> int | None:
    """Give the largest possible age of the newest evidence, in microseconds; None if unknown.

    This is the lag of the pipeline, or the longest silence of a live source. The silence counts
    from its last event, or from the newest event of all sources. Over a recording only the lag
    counts.

    Examples
    --------
    >>> from scoring_api.trust_cache.store_reading import LastEvent
    >>> last = {"http": LastEvent("live", 10), "file": LastEvent("batch", 1)}
    >>> late_of(PipelineStatus("running", 100, 60, 0, last_events=last), 100, "wall")
    90
    >>> late_of(PipelineStatus("running", 100, 60, 0, last_events=last), 100, "event")
    0
    """
    lag = lag_of(status, now_us, clock)
    if lag is None or clock == "event":
        return lag
    return max(lag, status.quiet_us(now_us))


def sources_of(
    status: PipelineStatus, now_us: int, clock: ClockKind, stale_after_us: int
) -> list[dict[str, Any]]:
    """Give each source with the age of its last event, and whether it exceeds the bound.

    >>> from scoring_api.trust_cache.store_reading import LastEvent
    >>> last = {"http": LastEvent("live", 0), "kafka:t": LastEvent("live")}
    >>> quiet, unknown = sources_of(PipelineStatus(last_events=last), 2_000_000, "wall", 1_000_000)
    >>> quiet["source"], quiet["age_s"], quiet["quiet"], unknown["age_s"], unknown["quiet"]
    ('http', 2.0, True, None, False)
    """
    found = []
    silences = status.silences_us(now_us) if clock == "wall" else {}
    for name, last in sorted(status.last_events.items()):
        age = last.age_us(now_us)
        found.append(
            {
                "source": name,
                "feed": last.kind,
                "last_event": None if last.event_us is None else rfc3339(last.event_us),
                "age_s": None if age is None else round(age / SECOND_US, 3),
                "quiet": silences.get(name, 0) > stale_after_us,
            }
        )
    return found


def _since(status: PipelineStatus, now_us: int, clock: ClockKind) -> int:
    """Give the time since the last heartbeat; 0 if time is stopped."""
    if status.heartbeat_us is None or (clock == "event" and status.state == "drained"):
        return 0
    return max(0, now_us - status.heartbeat_us)
