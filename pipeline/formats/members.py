"""Read members of decoded JSON whose shape nobody guarantees."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from models.errors import MalformedEvent
from models.event import microseconds
from pipeline.formats.reasons import REFUSALS, malformed

_MAX_TEXTS = 10_000


def object_of(value: bytes) -> dict[str, Any]:
    """Decode a JSON object; raise `MalformedEvent` for anything else."""
    try:
        found = msgspec.json.decode(value)
    except REFUSALS as error:
        raise malformed(error, value) from None
    if not isinstance(found, dict):
        raise MalformedEvent("wrong_type", f"expected `object`, got `{kind_of(found)}` at $")
    return found


def kind_of(value: Any) -> str:
    """Name the JSON type of a value.

    >>> kind_of([]), kind_of(None), kind_of(1.5)
    ('array', 'null', 'number')
    """
    if value is None or isinstance(value, bool):
        return "null" if value is None else "bool"
    names: dict[type[Any], str] = {dict: "object", list: "array", str: "str"}
    return names.get(type(value), "number")


def text(value: Any) -> str | None:
    """Give a text that is not empty; None for anything else."""
    return value if isinstance(value, str) and value else None


def inner(value: Any) -> dict[str, Any]:
    """Give an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def number(value: Any) -> float | None:
    """Give a number of at least 0, which may be written as text; None for anything else.

    >>> number("182"), number(3), number(-1), number("fast"), number(True)
    (182.0, 3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if 0.0 <= found < float("inf") else None


def time_us(value: Any) -> int:
    """Give the microseconds since 1970 of an RFC 3339 text; 0 for anything else.

    A time without a zone is in UTC.

    >>> time_us("1970-01-01T00:00:01.5Z"), time_us("1970-01-01 00:00:01"), time_us(None)
    (1500000, 1000000, 0)
    """
    if not isinstance(value, str):
        return 0
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return 0
    return max(0, microseconds(at if at.tzinfo is not None else at.replace(tzinfo=UTC)))


def texts(value: Any) -> str:
    r"""Give all texts in a value, one a line.

    >>> texts({"stdout": "a.py\n", "code": 0, "lines": ["x"]})
    'a.py\n\nx'
    """
    if isinstance(value, str):
        return value
    found: list[str] = []
    waiting = [value]
    while waiting and len(found) < _MAX_TEXTS:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict):
            waiting += reversed(list(one.values()))
        elif isinstance(one, list):
            waiting += reversed(one)
    return "\n".join(found)
