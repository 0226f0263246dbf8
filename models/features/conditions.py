"""Conditions on the fields of an event, declared as data: both kernels evaluate them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.features.fields import Fields

MAX_TEXT = 500
_SEPARATORS = str.maketrans(dict.fromkeys("/._:-", " "))


class Test(Struct, frozen=True):
    """A test of one field.

    Attributes
    ----------
    field
        A field with one value, or ``KIND.FIELD`` of records, of which any may pass.
    equal
        Values, one of which it must equal.
    words
        Texts, one of which it must contain, in lower case.
    parts
        For each tuple, one of its words must be a part of the field between ``/._:-``.
    """

    field: str
    equal: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    parts: tuple[tuple[str, ...], ...] = ()


Condition = tuple[tuple[Test, ...], ...]
"""Groups of tests: of each group one must pass."""


def holds(condition: Condition, fields: Fields) -> bool:
    """Tell whether a condition holds.

    Examples
    --------
    >>> from models.features.fields import Fields
    >>> tool = lambda name: Fields({"tool": name})
    >>> wipes = ((Test("tool", words=("delete", "wipe")),),)
    >>> holds(wipes, tool("db.deleteRow")), holds(wipes, tool("db.read"))
    (True, False)
    >>> settings = ((Test("tool", parts=(("agent", "agents"), ("settings", "config"))),),)
    >>> holds(settings, tool("agent/config.set")), holds(settings, tool("agentless.config"))
    (True, False)
    """
    return all(any(_passes(test, fields) for test in group) for group in condition)


def _passes(test: Test, fields: Fields) -> bool:
    for value in _values(test.field, fields):
        if value in test.equal:
            return True
        if test.words and _has_word(test.words, value):
            return True
        if test.parts and _has_parts(test.parts, value):
            return True
    return False


def _values(field: str, fields: Fields) -> Iterator[str]:
    kind, dot, name = field.partition(".")
    if dot:
        for record in fields.records.get(kind, ()):
            if name in record:
                yield record[name]
    elif field in fields.single:
        yield fields.single[field]


@lru_cache(maxsize=50_000)
def _has_word(words: tuple[str, ...], value: str) -> bool:
    text = value[:MAX_TEXT].lower()
    return any(word in text for word in words)


@lru_cache(maxsize=50_000)
def _has_parts(parts: tuple[tuple[str, ...], ...], value: str) -> bool:
    found = set(value[:MAX_TEXT].lower().translate(_SEPARATORS).split())
    return all(not found.isdisjoint(words) for words in parts)
