"""The clock of the pipeline."""

from __future__ import annotations

import time


def clock_us() -> int:
    """Give the wall time in microseconds since 1970.

    It is used for arrivals and heartbeats, never for judging.
    """
    return time.time_ns() // 1_000  # noqa: TID251 - the only clock of the pipeline
