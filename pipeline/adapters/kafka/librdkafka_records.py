"""A message of librdkafka as a record: for every event, so as few objects and calls as it takes."""

from __future__ import annotations

from typing import Any

from pipeline.record import KEPT_OF_LONG, MAX_VALUE, RawRecord


def record_of(key: str, received: Any, now: int) -> RawRecord:
    """Give a record as the rest of the pipeline knows it."""
    value = received.value() or b""
    full_length = 0
    if len(value) > MAX_VALUE:
        value, full_length = value[:KEPT_OF_LONG], len(value)
    headers, sent = received.headers(), received.timestamp()[1]
    return RawRecord(
        value,
        key,
        received.offset(),
        now,
        tuple(headers) if headers else (),
        received.key(),
        full_length,
        sent * 1000 if sent > 0 else 0,
    )
