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
    said = status.lag_us or 0
    if clock == "event" and status.state == "drained":
        return said
    return said + max(0, now_us - status.heartbeat_us)
