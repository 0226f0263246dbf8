"""Convert received messages to records, with few objects and calls for speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.processing.stream_types import KEPT_OF_LONG, MAX_VALUE, RawRecord, Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Metadata = tuple[Any, Any, "Iterable[Any] | None", "int | None"]
"""Offset, key, headers, and send time in milliseconds; None or negative if unknown."""


def records_of(
    position: str,
    values: Sequence[bytes | None],
    metadata: Callable[[int], Metadata],
    now: int,
    longest: int = MAX_VALUE,
) -> Records:
    """Make the records of the pipeline.

    Parameters
    ----------
    position
        Position key of the partition.
    values
        Value of each record, in order.
    metadata
        Gives the metadata of the record at an index.
    now
        Arrival time in microseconds.
    longest
        Largest value in bytes; a longer one is cut.

    Examples
    --------
    >>> metadata = lambda at: (at, None, (), -1)
    >>> records = records_of("kafka:agent.actions:0", [b"{}", None], metadata, 0)
    >>> records[0].value, records[1].where
    (b'{}', 'kafka:agent.actions:0@1')
    """
    kept = [value or b"" for value in values]
    long = [at for at, value in enumerate(kept) if len(value) > longest]
    cut = {at: len(kept[at]) for at in long}
    for at in long:
        kept[at] = kept[at][:KEPT_OF_LONG]

    def make(at: int) -> RawRecord:
        offset, key, headers, stamp_ms = metadata(at)
        sent = max(0, stamp_ms or 0) * 1000
        headers = tuple(headers) if headers else ()
        return RawRecord(kept[at], position, offset, now, headers, key, cut.get(at, 0), sent)

    return Records(kept, position, now, cut, make)
