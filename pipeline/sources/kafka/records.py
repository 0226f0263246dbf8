"""What a client received as records: for every event, so as few objects and calls as it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.processing.stream_types import KEPT_OF_LONG, MAX_VALUE, RawRecord, Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Told = tuple[Any, Any, "Iterable[Any] | None", "int | None"]
"""Offset, key, headers, and when it was sent in milliseconds: none or below 0 if not known."""


def records_of(
    position: str,
    values: Sequence[bytes | None],
    told: Callable[[int], Told],
    now: int,
) -> Records:
    """Give records as the rest of the pipeline knows them.

    Parameters
    ----------
    position
        Key of their partition's position.
    values
        Of each record, in order.
    told
        Gives what else the client knows of the record at a place.
    now
        When they arrived, in microseconds.

    Examples
    --------
    >>> said = lambda at: (at, None, (), -1)
    >>> records = records_of("kafka:agent.actions:0", [b"{}", None], said, 0)
    >>> records[0].value, records[1].where
    (b'{}', 'kafka:agent.actions:0@1')
    """
    kept = [value or b"" for value in values]
    long = [at for at, value in enumerate(kept) if len(value) > MAX_VALUE]
    cut = {at: len(kept[at]) for at in long}
    for at in long:
        kept[at] = kept[at][:KEPT_OF_LONG]

    def make(at: int) -> RawRecord:
        offset, key, headers, stamp_ms = told(at)
        sent = max(0, stamp_ms or 0) * 1000
        headers = tuple(headers) if headers else ()
        return RawRecord(kept[at], position, offset, now, headers, key, cut.get(at, 0), sent)

    return Records(kept, position, now, cut, make)
