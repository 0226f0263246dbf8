"""Keep what arguments and results are now: a tool or its caller may change them later.

Nothing is called that may have effects: an iterator is not consumed, and a query is not run. A
value that JSON does not have is shown by the name of its type.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence, Set
from itertools import islice
from pathlib import PurePath
from typing import Any

import msgspec

MAX_ITEMS = 10_000
"""Most members of a container that are kept, where it is no list, tuple, set or dictionary."""
MAX_TEXT = 1_000_000
"""Longest text of an argument, in characters."""
MAX_BITS = 10_000
"""Longest whole number that is kept, in bits: Python refuses to write much longer ones."""
_MAX_BINARY = 1 << 16
_MAX_DEPTH = 32
_name_of = type.__dict__["__name__"].__get__  # a metaclass may have another one, which raises


def _plain(value: Any) -> Any:
    """Give a value that JSON has for one that it does not have."""
    dump = getattr(type(value), "model_dump", None)  # Pydantic
    if dump is not None:
        return dump(value, mode="json")
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return dict(islice(value.items(), MAX_ITEMS))
    if isinstance(value, Sequence | Set) and not isinstance(value, memoryview):
        return list(islice(value, MAX_ITEMS))
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else named(value)


_encode = msgspec.json.Encoder(enc_hook=_plain).encode


def named(value: Any) -> str:
    """Give the name of a type in place of a value.

    >>> named(iter([1]))
    '<list_iterator>'
    """
    return f"<{_name_of(type(value))}>"


def text_in(value: Any) -> str | None:
    """Give the text that a value is; None for another value. No method of the value is called.

    >>> text_in("paid"), text_in(7)
    ('paid', None)
    """
    return str.__str__(value) if issubclass(type(value), str) else None


def said_by(error: BaseException) -> str | None:
    """Give what an exception says; the name of its type where it cannot say it.

    >>> said_by(ValueError("no such order")), said_by(ValueError(10**5000)), said_by(ValueError())
    ('no such order', '<ValueError>', None)
    """
    try:
        return str(error) or None
    except Exception:  # noqa: BLE001  # methods of foreign values raise anything
        return named(error)


def encoded(value: Any) -> bytes:
    r"""Encode a value as JSON; what cannot be encoded is shown by its type.

    >>> encoded({"n": 1, "file": PurePath("a.txt"), "rows": [iter([1]), 10**5000, "\ud800"]})
    b'{"n":1,"file":"a.txt","rows":["<list_iterator>","<int>","?"]}'
    """
    try:
        return _encode(value)
    except Exception:  # noqa: BLE001  # as above
        return _Members().encoded(value)


class _Members:
    """Encodes a value member by member, as one of them cannot be encoded."""

    def __init__(self) -> None:
        self._room = MAX_ITEMS
        self._above: set[int] = set()

    def encoded(self, value: Any) -> bytes:
        """Encode a value; a container inside itself, or too far inside, is shown by its type."""
        self._room -= 1
        kind, above = type(value), self._above
        if not issubclass(kind, dict | list | tuple):
            return self._one(value)
        if id(value) in above or len(above) >= _MAX_DEPTH or self._room <= 0:
            return _shown(value)
        above.add(id(value))
        if issubclass(kind, dict):
            pairs = islice(dict(dict.items(value)).items(), max(self._room, 0))
            found = b"{" + b",".join(
                _shown(_key(key)) + b":" + self.encoded(one) for key, one in pairs
            ) + b"}"  # fmt: skip
        else:
            items = (list if issubclass(kind, list) else tuple).__iter__(value)
            some = islice(items, max(self._room, 0))
            found = b"[" + b",".join(self.encoded(one) for one in some) + b"]"
        above.discard(id(value))
        return found

    def _one(self, value: Any) -> bytes:
        try:
            return _encode(value)
        except Exception:  # noqa: BLE001  # as above
            return _shown(value)


def _key(key: Any) -> str:
    text = text_in(key)
    try:
        return str(key) if text is None else text
    except Exception:  # noqa: BLE001  # as above
        return named(key)


def _shown(value: Any) -> bytes:
    """Encode a text, or the type of another value; half of a surrogate pair is replaced."""
    text = text_in(value)
    text = named(value) if text is None else text
    return _encode(text.encode("utf-8", "replace").decode())


def arguments_of(values: Mapping[str, Any]) -> bytes:
    """Encode arguments; long texts are cut, and large binary values left out.

    >>> arguments_of({"to": "Ines", "file": bytes(100_000)})
    b'{"to":"Ines","file":"<bytes of 100000>"}'
    """
    return encoded({key: _short(value) for key, value in values.items()})


def _short(value: Any) -> Any:
    text, kind = text_in(value), type(value)
    if text is not None:
        return text[:MAX_TEXT]
    if kind in (bytes, bytearray, memoryview) and len(value) > _MAX_BINARY:
        return f"<{kind.__name__} of {len(value)}>"
    return value


def result_of(value: Any) -> tuple[str | bytes | None, bool]:
    """Give what is kept of a result, and whether it is JSON.

    >>> result_of("paid"), result_of(None), result_of(7), result_of({"a": 1})
    (('paid', False), (None, False), ('7', False), (b'{"a":1}', True))
    >>> result_of(10**5000)
    ('<int>', False)
    """
    kind = type(value)
    if value is None or kind is bytes:
        return value, False
    if (text := text_in(value)) is not None:
        return text, False
    if kind in (bool, float) or (kind is int and value.bit_length() <= MAX_BITS):
        return str(value), False
    return (named(value), False) if kind is int else (encoded(value), True)


def text_of(value: Any) -> str:
    r"""Give the texts and numbers in decoded JSON, one a line.

    >>> text_of({"order": 1041, "lines": ["tea", {"cups": 2.5}], "paid": True})
    '1041\ntea\n2.5'
    """
    found: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict):
            waiting += reversed(list(one.values()))
        elif isinstance(one, list):
            waiting += reversed(one)
        elif one is not None and not isinstance(one, bool):
            found.append(str(one))
    return "\n".join(found)
