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
_MAX_BINARY = 1 << 16


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
    return f"<{type(value).__name__}>"


def encoded(value: Any) -> bytes:
    """Encode a value as JSON; what cannot be encoded is shown by its type.

    >>> encoded({"n": 1, "file": PurePath("a.txt"), "rows": iter([1])})
    b'{"n":1,"file":"a.txt","rows":"<list_iterator>"}'
    """
    try:
        return _encode(value)
    except Exception:  # noqa: BLE001  # methods of foreign values raise anything
        if not isinstance(value, dict):
            return _shown(value)
    pairs = (_shown(str(key)) + b":" + _member(one) for key, one in value.items())
    return b"{" + b",".join(pairs) + b"}"


def _member(value: Any) -> bytes:
    try:
        return _encode(value)
    except Exception:  # noqa: BLE001  # as above
        return _shown(value)


def _shown(value: Any) -> bytes:
    """Encode a text, or the type of another value; half of a surrogate pair is replaced."""
    text = value if isinstance(value, str) else named(value)
    return _encode(text.encode("utf-8", "replace").decode())


def arguments_of(values: Mapping[str, Any]) -> bytes:
    """Encode arguments; long texts are cut, and large binary values left out.

    >>> arguments_of({"to": "Ines", "file": bytes(100_000)})
    b'{"to":"Ines","file":"<bytes of 100000>"}'
    """
    return encoded({key: _short(value) for key, value in values.items()})


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value[:MAX_TEXT] if len(value) > MAX_TEXT else value
    if isinstance(value, bytes | bytearray | memoryview) and len(value) > _MAX_BINARY:
        return f"<{type(value).__name__} of {len(value)}>"
    return value


def result_of(value: Any) -> tuple[str | bytes | None, bool]:
    """Give what is kept of a result, and whether it is JSON.

    >>> result_of("paid"), result_of(None), result_of(7), result_of({"a": 1})
    (('paid', False), (None, False), ('7', False), (b'{"a":1}', True))
    """
    if value is None or type(value) is str or type(value) is bytes:
        return value, False
    if isinstance(value, bool | int | float):
        return str(value), False
    return encoded(value), True


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
