"""Lag of judging: the age of the last judged record while more records wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.processing.stream_types import by_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.processing.stream_types import RawRecord


def lags_us(records: Sequence[RawRecord], now_us: int) -> dict[str, int]:
    """Give the lag of each source (a partition, the inbox) after these records were judged.

    The lag is in microseconds. The last record of each source counts, because later records were
    sent later. A record without a send time, as in a file, has no lag.

    Examples
    --------
    >>> from pipeline.processing.stream_types import RawRecord
    >>> late = RawRecord(b"{}", "kafka:agent.actions:3", 1, 900, sent_us=100)
    >>> level = RawRecord(b"{}", "kafka:agent.actions:4", 1, 900, sent_us=890)
    >>> lags_us([late, level, RawRecord(b"{}", "stdin", 1, 900)], 900)
    {'kafka:agent.actions:3': 800, 'kafka:agent.actions:4': 10}
    """
    last = [some[-1] for some in by_source(records).values()]
    return {one.source: max(0, now_us - one.sent_us) for one in last if one.sent_us}


def worst_us(lags: Mapping[str, int]) -> int:
    """Give the largest lag of all sources.

    >>> worst_us({"kafka:agent.actions:3": 800, "kafka:agent.actions:4": 10}), worst_us({})
    (800, 0)
    """
    return max(lags.values(), default=0)
