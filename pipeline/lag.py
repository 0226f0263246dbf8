"""How late judging is: the age of what was judged last, while there is more to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.record import RawRecord


def lag_us(records: Iterable[RawRecord], now_us: int) -> int:
    """Give the lag after these records were judged, in microseconds.

    Of each source (a partition, the inbox) the last record counts: what comes after it was sent
    later. The source that is furthest behind counts for all. A record that does not say when it
    was sent, as in a file, has no lag.

    Examples
    --------
    >>> from pipeline.record import RawRecord
    >>> late = RawRecord(b"{}", "kafka:agent.actions:3", 1, 900, sent_us=100)
    >>> level = RawRecord(b"{}", "kafka:agent.actions:4", 1, 900, sent_us=890)
    >>> lag_us([late, level], 900), lag_us([RawRecord(b"{}", "stdin", 1, 900)], 900), lag_us([], 0)
    (800, 0, 0)
    """
    last = {record.source: record.sent_us for record in records if record.sent_us}
    return max(0, now_us - min(last.values())) if last else 0
