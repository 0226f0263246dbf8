"""What an OTLP payload holds, whatever its encoding: spans, log records, and what is unusable."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from msgspec import Struct, field

MAX_RECORDS = 50_000
"""Most spans or log records of one payload."""
MAX_DEPTH = 12
"""Deepest nesting of an attribute; what is deeper is left out."""
_MAX_NANOSECONDS = 1 << 64
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
"""Kinds of spans."""
ERROR = 2
"""Status of a failed span."""
_LARGEST = 1 << 63
Attributes = dict[str, Any]
_LOWER = re.compile(r"[0-9a-f]+").fullmatch
_HEX = re.compile(r"[0-9a-fA-F]+").fullmatch


class Span(Struct):
    """One span; ids are lower-case hexadecimal digits."""

    trace: str
    span: str
    parent: str
    name: str
    kind: int
    start_us: int
    end_us: int
    failed: bool
    attributes: Attributes
    resource: Attributes
    events: list[tuple[str, Attributes]]
    index: int


class LogRecord(Struct):
    """One log record."""

    name: str
    time_us: int
    trace: str
    span: str
    body: Any
    attributes: Attributes
    resource: Attributes
    index: int


class Unusable(NamedTuple):
    """A span or log record that could not be used.

    Attributes
    ----------
    place
        Index in the payload, from 0, over all resources and scopes.
    reason
        One word of `models.errors.REJECT_REASONS`.
    detail
        What was expected where; never a value.
    """

    place: int
    reason: str
    detail: str


class Payload(Struct):
    """The content of one payload; `signals` says which kinds of telemetry it has members for."""

    spans: list[Span] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)
    count: int = 0
    signals: tuple[str, ...] = ()


def hex_id(value: Any, zero: str) -> str:
    """Give an id in lower case; empty where it is not one of the length of `zero`, or is zero.

    >>> hex_id("EEE19B7EC3C1B174", "0" * 16), hex_id("0" * 16, "0" * 16), hex_id(5, "0" * 16)
    ('eee19b7ec3c1b174', '', '')
    """
    if not isinstance(value, str) or len(value) != len(zero) or value == zero:
        return ""
    if _LOWER(value):
        return value
    return value.lower() if _HEX(value) else ""


def microseconds_of(value: Any) -> int:
    """Give the microseconds of nanoseconds, which are text or a number; 0 for anything else.

    >>> microseconds_of("1544712660300000000"), microseconds_of(2500), microseconds_of("now")
    (1544712660300000, 2, 0)
    """
    if isinstance(value, str):
        if not value.isascii() or not value.isdecimal() or len(value) > 20:
            return 0
        value = int(value)
    if not isinstance(value, int) or not 0 <= value < _MAX_NANOSECONDS:
        return 0
    return value // 1000


def integer_of(value: Any) -> int | None:
    """Give an integer of 64 bits, which is text or a number; None for anything else."""
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 20):
            return None
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -_LARGEST <= value < _LARGEST else None
