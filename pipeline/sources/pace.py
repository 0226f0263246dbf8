"""Size of the next batch: as large as allowed, within a target time."""

from __future__ import annotations

_MIN = 32


class Pace:
    """Batch size, bounded by records for throughput and by time for latency.

    Parameters
    ----------
    maximum
        Largest number of records in a batch.
    within_us
        Target time of a batch in microseconds; 0: no bound.

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

    def __init__(self, maximum: int, within_us: int) -> None:
        self._most = maximum
        self._within_us = within_us
        self.records = maximum

    def took(self, records: int, us: int) -> None:
        """Note the time from handing out a batch until the next request."""
        if not self._within_us or not records or us <= 0:
            return
        fitting = records * self._within_us // us
        # At most double: the time of a small batch is a poor estimate for a large one.
        self.records = max(min(_MIN, self._most), min(self._most, fitting, 2 * self.records))
