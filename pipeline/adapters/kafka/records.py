"""What a client received as a record: for every event, so as few objects and calls as it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.record import KEPT_OF_LONG, MAX_VALUE, RawRecord

if TYPE_CHECKING:
    from collections.abc import Iterable


def record_of(
    position: str,
    offset: Any,
    value: bytes | None,
    key: Any,
    headers: Iterable[Any] | None,
    stamp_ms: int | None,
    now: int,
) -> RawRecord:
    """Give a record as the rest of the pipeline knows it.

    Parameters
    ----------
    position
        Key of its partition's position.
    stamp_ms
        When it was sent; none or below 0 where that is not known.
    now
        When it arrived, in microseconds.

    Examples
    --------
    >>> record_of("kafka:agent.actions:0", 7, b"{}", None, None, -1, 0).value
    b'{}'
    """
    value = value or b""
    full_length = 0
    if len(value) > MAX_VALUE:
        value, full_length = value[:KEPT_OF_LONG], len(value)
    sent = max(0, stamp_ms or 0) * 1000
    told = tuple(headers) if headers else ()
    return RawRecord(value, position, offset, now, told, key, full_length, sent)
