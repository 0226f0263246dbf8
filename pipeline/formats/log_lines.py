"""Log lines of ``key=value`` pairs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from models.errors import MalformedEvent
from pipeline.formats.json_records import object_in
from pipeline.formats.reasons import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PAIRS = 500
# A name begins behind a separator, so that a long word is examined once.
_PAIR = re.compile(r'(?<![^\s,({])(?P<key>[\w.@/-]{1,100})=(?P<value>"(?:[^"\\]|\\.)*"|\S*)')


def pairs_of(line: str) -> dict[str, Any]:
    r"""Give the pairs of a line; the first one of a name counts.

    >>> pairs_of('time=1 msg="API accessed" path="a\\"b" caller= type="X", user="u"')
    {'time': '1', 'msg': 'API accessed', 'path': 'a"b', 'caller': '', 'type': 'X', 'user': 'u'}
    """
    found: dict[str, Any] = {}
    for pair in _PAIR.finditer(line):
        value = pair["value"].removesuffix(",")
        found.setdefault(pair["key"], _unquoted(value))
        if len(found) >= MAX_PAIRS:
            break
    return found


def logged(record: dict[str, Any], read: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """Give the record in a line that a container runtime has wrapped; any other one unchanged.

    Parameters
    ----------
    read
        Reads a line that is no JSON.

    Examples
    --------
    >>> logged({"log": '{"type":"audit"}', "stream": "stdout"}, pairs_of)
    {'type': 'audit'}
    >>> logged({"log": "type=audit", "stream": "stdout"}, pairs_of), logged({"a": 1}, pairs_of)
    ({'type': 'audit'}, {'a': 1})
    """
    line = record.get("log")
    if not isinstance(line, str) or not line:
        return record
    return object_in(line) or read(line)


def text_of(value: bytes) -> str:
    """Decode a line; raise `MalformedEvent` for bytes that are no text."""
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise MalformedEvent("not_utf8", f"text is not UTF-8: {error.reason}") from None


def _unquoted(value: str) -> str:
    if not (len(value) > 1 and value[0] == value[-1] == '"'):
        return value
    try:
        return str(msgspec.json.decode(value.encode(), type=str))
    except REFUSALS:
        return value[1:-1]
