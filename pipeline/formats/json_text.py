"""Decode JSON that the grammar permits and decoders refuse: half of a surrogate pair in a text."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_ESCAPE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_REPLACED = rb"\ufffd"
_decode = msgspec.json.decode


def decoded(value: bytes | str) -> Any:
    r"""Decode JSON; half of a surrogate pair is replaced by U+FFFD.

    JavaScript cuts texts within a pair, and writes the half as an escape.

    Raises
    ------
    msgspec.DecodeError, UnicodeDecodeError, RecursionError
        It is no JSON.

    Examples
    --------
    >>> decoded(rb'{"a": "\ud800"}') == {"a": "\ufffd"}
    True
    """
    try:
        return _decode(value)
    except msgspec.DecodeError:
        given = value.encode("utf-8", "replace") if isinstance(value, str) else value
        whole = with_whole_pairs(given)
        if whole == given:
            raise
        return _decode(whole)


def with_whole_pairs(value: bytes) -> bytes:
    r"""Replace each escape of half a surrogate pair in JSON text.

    >>> with_whole_pairs(rb'"\ud83d\ude00 \ud83d \\ud83d"')
    b'"\\ud83d\\ude00 \\ufffd \\\\ud83d"'
    """
    return _ESCAPE.sub(lambda found: _REPLACED if found[1] else found[0], value)
