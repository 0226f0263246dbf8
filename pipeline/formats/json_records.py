"""The JSON objects of one record: a single one, an array, several lines, or an envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.errors import MalformedEvent
from pipeline.events.examined import Examined
from pipeline.formats.json_text import decoded
from pipeline.formats.members import kind_of
from pipeline.formats.part import Part
from pipeline.formats.reasons import REFUSALS, malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

MAX_OBJECTS = 20_000
"""Most objects of one record; the ones after them are left out."""
MAX_DEPTH = 100
_NESTED = frozenset((dict, list))


def parts_in(
    value: bytes,
    read: Callable[[dict[str, Any]], Iterable[Part]],
    envelopes: Collection[str] = (),
    *,
    order: Callable[[dict[str, Any]], int] | None = None,
) -> list[Part]:
    r"""Give the parts of each object of a record; one that cannot be read stops no other.

    Parameters
    ----------
    value
        A JSON object, an array of them, or one object a line.
    read
        Gives the parts of an object, or raises `MalformedEvent`.
    envelopes
        Names of members that hold the objects of an envelope, such as ``Records``.
    order
        Gives the instant of an object, where a record has them in another order.

    Raises
    ------
    MalformedEvent
        Something cannot be read, and nothing else is in the record.

    Examples
    --------
    >>> def read(one):
    ...     return [Part(kind="event", call=one["id"])]
    >>> [part.kind for part in parts_in(b'{"id":"a"}\n{"id":\n{"id":"b"}', read)]
    ['event', 'event', 'refused']
    """
    objects, refusal = _objects(value, envelopes)
    if order is not None:
        objects.sort(key=order)
    parts: list[Part] = []
    for one in objects:
        try:
            parts += read(one)
        except MalformedEvent as error:
            refusal = refusal or error
    if refusal is None:
        return parts
    if not parts:
        raise refusal
    return [*parts, Part(kind="refused", match=refusal.reason, text=refusal.detail)]


def examined_in(value: bytes, fault: Callable[[dict[str, Any]], str]) -> Examined:
    r"""Count the records of a record as in `parts_in`, and name those that cannot be used.

    Parameters
    ----------
    fault
        Says what is wrong with an object; empty for nothing.

    Raises
    ------
    MalformedEvent
        Nothing can be read.

    Examples
    --------
    >>> found = examined_in(b'{"id":"a"}\n{"id":\n5', lambda one: "")
    >>> found.records, found.faults
    (3, ['1: expected an object', 'a line: the JSON ends too early or holds half a surrogate pair'])
    """
    items, refusal = _items(value, ())
    faults = []
    for at, one in enumerate(items):
        wrong = fault(one) if isinstance(one, dict) else "expected an object"
        if wrong:
            faults.append(f"{at}: {wrong}")
    records = len(items)
    if refusal is not None and refusal.reason == "too_long":
        faults.append(refusal.detail)
        records += 1
    elif refusal is not None:
        unread = sum(1 for line in value.splitlines() if line.strip()) - records
        faults += [f"a line: {refusal.detail}"] * unread
        records += unread
    return Examined(records, faults)


def _objects(
    value: bytes, envelopes: Collection[str]
) -> tuple[list[dict[str, Any]], MalformedEvent | None]:
    """Give the objects of a record, and why the first one that is left out is none."""
    items, refusal = _items(value, envelopes)
    objects = [one for one in items if isinstance(one, dict)]
    if len(objects) < len(items) and refusal is None:
        at = next(at for at, one in enumerate(items) if not isinstance(one, dict))
        refusal = MalformedEvent(
            "wrong_type", f"expected `object`, got `{kind_of(items[at])}` at $[{at}]"
        )
    if items and not objects and refusal is not None:
        raise refusal
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return objects, refusal
    shallow = [one for one in objects if not _is_deep(one)]
    if len(shallow) < len(objects) and refusal is None:
        refusal = MalformedEvent("wrong_type", "values are nested too deeply")
    return shallow, refusal


def _items(value: bytes, envelopes: Collection[str]) -> tuple[list[Any], MalformedEvent | None]:
    """Give the values of a record, and why the first one that is left out is none."""
    refusal = None
    try:
        found = decoded(value)
    except REFUSALS as error:
        found, refusal = _lines(value, malformed(error, value))
    pages = found if isinstance(found, list) else [found]
    if refusal is None and not isinstance(found, dict | list):
        raise MalformedEvent(
            "wrong_type", f"expected `object | array`, got `{kind_of(found)}` at $"
        )
    items = [one for page in pages for one in _held(page, envelopes)]
    if len(items) > MAX_OBJECTS:
        refusal = refusal or MalformedEvent(
            "too_long", f"{len(items)} objects, expected at most {MAX_OBJECTS}"
        )
    return items[:MAX_OBJECTS], refusal


def _held(page: Any, envelopes: Collection[str]) -> list[Any]:
    """Give what an envelope holds; anything else is no envelope."""
    if not isinstance(page, dict):
        return [page]
    held = next((page[key] for key in envelopes if isinstance(page.get(key), list)), None)
    return [page] if held is None else held


def object_in(value: Any) -> dict[str, Any]:
    """Give an object that may be written as JSON text; an empty one for anything else.

    >>> object_in('{"a":1}'), object_in({"a": 1}), object_in("a")
    ({'a': 1}, {'a': 1}, {})
    """
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = decoded(value.encode("utf-8", "replace"))
        except REFUSALS:
            return {}
    return value if isinstance(value, dict) and not _is_deep(value) else {}


def _lines(value: bytes, refusal: MalformedEvent) -> tuple[list[Any], MalformedEvent | None]:
    """Read one value a line, and give why a line is none; raise the refusal if no line is one."""
    lines = [line for line in value.splitlines() if line.strip()]
    if len(lines) < 2:
        raise refusal
    found: list[Any] = []
    wrong: MalformedEvent | None = None
    for line in lines[: MAX_OBJECTS + 1]:
        try:
            found.append(decoded(line))
        except REFUSALS as error:
            wrong = wrong or malformed(error, line)
    if not any(isinstance(one, dict) for one in found):
        raise refusal
    return found, wrong


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
