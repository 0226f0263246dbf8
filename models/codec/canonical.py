"""One canonical text of equal JSON values, so that digests compare content.

Members of objects are sorted, without white space. Strings have no needless escapes. Numbers keep
their form (``1`` is not ``1.0``). The last of two members with one name counts. A member that is
null counts as missing, as in an event.
`native/src/codec/canonical.rs` gives the same bytes.
"""

from __future__ import annotations

from json import JSONDecoder
from typing import Any


class _Text(str):
    """Part of the canonical text; any other string is a value."""

    __slots__ = ()


def canonical(value: bytes) -> bytes:
    r"""Give the canonical text of a JSON value that can be read.

    Each member of an object and each item of an array ends in a comma.

    Raises
    ------
    RecursionError
        Values are nested too deeply.

    Examples
    --------
    >>> canonical(b'{"b": [1.0, null], "a": "\\u0041", "c": null}')
    b'{"a":"A","b":[1.0,null,],}'
    """
    return _text(_read(value.decode())).encode("utf-8", "surrogatepass")


def _members(pairs: list[tuple[str, Any]]) -> _Text:
    """Put the members of an object in order; of one name the last counts, as for the decoder."""
    last = dict(pairs)
    members = [f"{_text(key)}:{_text(value)}," for key, value in last.items() if value is not None]
    members.sort()
    return _Text("{" + "".join(members) + "}")


def _text(value: Any) -> str:
    if isinstance(value, _Text):
        return value
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + "".join([_text(one) + "," for one in value]) + "]"
    return {True: "true", False: "false", None: "null"}[value]


_read = JSONDecoder(
    object_pairs_hook=_members, parse_int=_Text, parse_float=_Text, strict=False
).decode
