"""How many records the next batch may have: as many as allowed, unless that would take too long."""

from __future__ import annotations

_LEAST = 32


class Pace:
    """Batches bounded by size, for throughput, and by time, for latency.

    Parameters
    ----------
    most
        Records in a batch at most.
    within_us
        How long a batch should take at most, microseconds; 0 for no bound.

    Examples
    --------
    >>> pace = Pace(4096, 1_000_000)
    >>> pace.records
    4096
    >>> pace.took(4096, 4_000_000)
    >>> pace.records
    1024
    >>> pace.took(1024, 100_000)
    >>> pace.records
    2048
    """

    def __init__(self, most: int, within_us: int) -> None:
        self._most = most
        self._within_us = within_us
        self.records = most

    def took(self, records: int, us: int) -> None:
        """Note how long a batch took from being handed out until the next was asked for."""
        if not self._within_us or not records or us <= 0:
            return
        fitting = records * self._within_us // us
        # Up only by steps: a small batch says little about a large one.
        self.records = max(min(_LEAST, self._most), min(self._most, fitting, 2 * self.records))
