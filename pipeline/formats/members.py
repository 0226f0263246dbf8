"""Read members of decoded JSON whose shape nobody guarantees."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec

from models.errors import MalformedEvent
from models.event import microseconds
from pipeline.formats.bounds import cut
from pipeline.formats.json_text import decoded
from pipeline.formats.reasons import REFUSALS, malformed

_MAX_TEXTS = 10_000
_NUMBERS = (int, float)
_WRITTEN = (str, *_NUMBERS)
_DEEPEST = 64
_DEEPEST_RECORD = 256  # an event that has the record's values can be written, too
_LATEST_US = 253_402_300_799_999_999  # the end of the year 9999


def object_of(value: bytes) -> dict[str, Any]:
    """Decode a JSON object; raise `MalformedEvent` for anything else."""
    try:
        found = decoded(value)
    except REFUSALS as error:
        raise malformed(error, value) from None
    if not isinstance(found, dict):
        raise MalformedEvent("wrong_type", f"expected `object`, got `{kind_of(found)}` at $")
    if value.count(b"[") + value.count(b"{") > _DEEPEST_RECORD and not is_shallow(
        found, _DEEPEST_RECORD
    ):
        raise MalformedEvent("malformed_json", "values are nested too deeply")
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
    if isinstance(value, bool) or not isinstance(value, _WRITTEN):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
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
    at_us = microseconds(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
    return at_us if 0 < at_us <= _LATEST_US else 0


def epoch_us(value: Any, unit_us: int = 1_000) -> int:
    """Give the microseconds since 1970 of a number, or of RFC 3339 text; 0 for anything else.

    Parameters
    ----------
    unit_us
        Microseconds of one unit of the number; milliseconds by default.

    Examples
    --------
    >>> epoch_us(1_500), epoch_us("1970-01-01T00:00:01Z"), epoch_us(True), epoch_us(1e300)
    (1500000, 1000000, 0, 0)
    """
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return time_us(value)
    found = number(value) or 0.0
    return int(found * unit_us) if found * unit_us <= _LATEST_US else 0


def name(value: Any) -> str | None:
    """Give a text that is not empty, cut to the 256 characters of a name; None for anything else.

    >>> name(""), name("desk"), len(name("x" * 300) or "")
    (None, 'desk', 256)
    """
    found = text(value)
    return None if found is None else cut(found, 256)


def arguments(value: Any) -> dict[str, Any]:
    """Give the arguments of a call, which may be an object or its JSON as text.

    Anything else is the argument ``input``. Of values that are nested too deeply, texts are left.

    >>> arguments('{"to": "Ines"}'), arguments("ls -l"), arguments(None), arguments("[1]")
    ({'to': 'Ines'}, {'input': 'ls -l'}, {}, {'input': [1]})
    """
    if isinstance(value, str):
        value = parsed(value)
    if value is None or value == "":
        return {}
    if not is_shallow(value):
        return {"input": texts(value)}
    return value if isinstance(value, dict) else {"input": value}


def parsed(value: Any) -> Any:
    """Give the object or array that a text encodes; anything else as it is.

    >>> parsed('{"a": 1}'), parsed("17"), parsed(None)
    ({'a': 1}, '17', None)
    """
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return decoded(value)
    except (*REFUSALS, UnicodeEncodeError):
        return value


def is_shallow(value: Any, deepest: int = _DEEPEST) -> bool:
    """Return whether a value is nested at most `deepest` levels deep.

    >>> is_shallow({"a": [1]}), is_shallow({"a": [1]}, 2)
    (True, False)
    """
    level = [value]
    for _ in range(deepest):
        inside: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inside += one.values()
            elif isinstance(one, list):
                inside += one
        if not inside:
            return True
        level = inside
    return False


def match_of(session: str, tool: str, given: dict[str, Any]) -> str:
    """Give the text that both halves of a call share, where the emitter gives no id.

    >>> match_of("s", "ls", {"a": 1, "b": 2}) == match_of("s", "ls", {"b": 2, "a": 1})
    True
    """
    raw = msgspec.json.encode([session, tool, given], order="sorted")
    return f"call-{blake2b(raw, digest_size=8).hexdigest()}"


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
