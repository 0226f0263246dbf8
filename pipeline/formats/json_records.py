"""The JSON objects of one record: a single one, an array, several lines, or an envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.errors import MalformedEvent
from pipeline.formats.members import kind_of
from pipeline.formats.reasons import REFUSALS, malformed

if TYPE_CHECKING:
    from collections.abc import Collection

MAX_OBJECTS = 20_000
"""Most objects of one record; the ones after them are left out."""
MAX_DEPTH = 100
_NESTED = frozenset((dict, list))
_decode = msgspec.json.decode


def objects_of(value: bytes, envelopes: Collection[str] = ()) -> list[dict[str, Any]]:
    r"""Give the objects of a record.

    Parameters
    ----------
    value
        A JSON object, an array of them, or one object a line.
    envelopes
        Names of members that hold the objects of an envelope, such as ``Records``.

    Raises
    ------
    MalformedEvent
        The record is no JSON, or has no object.

    Examples
    --------
    >>> objects_of(b'{"Records":[{"a":1},{"a":2}]}', ["Records"])
    [{'a': 1}, {'a': 2}]
    >>> objects_of(b'{"a":1}\n{"a":2}\n')
    [{'a': 1}, {'a': 2}]
    """
    found = items_of(value, envelopes)
    objects = [one for one in found[:MAX_OBJECTS] if isinstance(one, dict)]
    if found and not objects:
        raise MalformedEvent("wrong_type", f"expected `object`, got `{kind_of(found[0])}` at $[0]")
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return objects
    return [one for one in objects if not _is_deep(one)]


def items_of(value: bytes, envelopes: Collection[str] = ()) -> list[Any]:
    r"""Give the values of a record, of which some may be no objects; as `objects_of`.

    >>> items_of(b'[{"a":1},5]'), items_of(b'{"a":1}\n{"a":2}\n')
    ([{'a': 1}, 5], [{'a': 1}, {'a': 2}])
    """
    try:
        found = _decode(value)
    except REFUSALS as error:
        found = _lines(value, malformed(error, value))
    if isinstance(found, dict):
        held = next((found[key] for key in envelopes if isinstance(found.get(key), list)), None)
        found = [found] if held is None else held
    if not isinstance(found, list):
        raise MalformedEvent(
            "wrong_type", f"expected `object | array`, got `{kind_of(found)}` at $"
        )
    return found


def object_in(value: Any) -> dict[str, Any]:
    """Give an object that may be written as JSON text; an empty one for anything else.

    >>> object_in('{"a":1}'), object_in({"a": 1}), object_in("a")
    ({'a': 1}, {'a': 1}, {})
    """
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = _decode(value.encode("utf-8", "replace"))
        except REFUSALS:
            return {}
    return value if isinstance(value, dict) and not _is_deep(value) else {}


def _lines(value: bytes, refusal: MalformedEvent) -> list[Any]:
    """Read one value a line; raise the refusal of the whole record where a line is none."""
    lines = [line for line in value.splitlines() if line.strip()]
    if len(lines) < 2:
        raise refusal
    try:
        return [_decode(line) for line in lines[:MAX_OBJECTS]]
    except REFUSALS:
        raise refusal from None


def _is_deep(value: Any) -> bool:
    """Return whether values are nested more deeply than the writer of events allows."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for one in level
            for part in (one.values() if isinstance(one, dict) else one)
            if type(part) in _NESTED
        ]
        if not level:
            return False
    return True
