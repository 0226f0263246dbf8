"""Escapes of bash in ``$'…'``, of ``echo -e`` and of ``printf``."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|[0-7]{1,4}|.)", re.DOTALL)
_NAMES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f"}
_SURROGATES = range(0xD800, 0xE000)


def without_escapes(text: str) -> str:
    r"""Give a text with its escapes replaced.

    >>> without_escapes(r"\x72m\40a\n")
    'rm a\n'
    """
    return _ANSI.sub(_plain, text)


def _plain(found: re.Match[str]) -> str:
    code = found[1]
    if code in _NAMES:
        return _NAMES[code]
    if len(code) > 1 and code[0] in "xu":
        point = int(code[1:], 16)
        return "\ufffd" if point in _SURROGATES else chr(point)
    return chr(int(code, 8) & 0xFF) if code[0] in "01234567" else code
