"""Is what the store says still the present? Lag and staleness out of the pipeline's last sign."""

from __future__ import annotations

from scoring_api.clock import ClockKind
from scoring_api.reading import PipelineStatus


def lag_of(status: PipelineStatus, now_us: int, clock: ClockKind) -> int | None:
    """Give how far behind the answers are, in microseconds; None when nobody can tell.

    The pipeline says its lag at each heartbeat, and since then time went on: a worker that is
    gone grows later by the second. Only over a recording that was judged to its end does time
    stand still.

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
    """Give the same for each partition.

    >>> running = PipelineStatus("running", 70, 60, 10, {"kafka:t:0": 10, "kafka:t:1": -4})
    >>> lags_of(running, 100, "wall")
    {'kafka:t:0': 40, 'kafka:t:1': 26}
    """
    since = _since(status, now_us, clock)
    return {name: max(0, lag_us + since) for name, lag_us in status.lags_us.items()}


def _since(status: PipelineStatus, now_us: int, clock: ClockKind) -> int:
    """Give how long ago the pipeline last said its lag; 0 where time stands still."""
    if status.heartbeat_us is None or (clock == "event" and status.state == "drained"):
        return 0
    return max(0, now_us - status.heartbeat_us)
