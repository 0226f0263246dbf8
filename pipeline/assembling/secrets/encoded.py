"""Texts within a text: in base64, in hexadecimal digits, quoted as in a URL, or after an option."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_RUNS = 50
"""Most encoded texts of one text that are read; the first ones count."""
_BASE64 = re.compile(r"[\w+/-]{16,}+(?:\s{1,24}+[\w+/-]{16,}+)*+(?:\s{0,24}+[\w+/-]++)?")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{2}[:\s]?){8,}")
_QUOTED = re.compile(r"(?<![^\s\"'%])[^\s\"'%]*+%[0-9a-fA-F]{2}[^\s\"']*+")
_GLUED = re.compile(r"(?<![\w-])-[A-Za-z](?P<value>\w{6,256}+)")
"""A value without a space after its option, such as ``-pVALUE``."""
_PIECE = re.compile(r"(?:%[0-9a-fA-F]{2})++|[^%]++|%")
_BREAKS = re.compile(r"\s+")
_FROM_URL = str.maketrans("-_", "+/")


@dataclass(frozen=True)
class Encoded:
    """A text that is encoded in another one, from `start` to before `end`.

    `quoted` is the run of the other text, where it is quoted as in a URL.
    """

    text: str
    start: int
    end: int
    quoted: str = ""

    def span_of(self, start: int, end: int) -> tuple[int, int]:
        """Give where a part of `text` is in the other one: the whole, where it is not quoted.

        >>> url = "https://u:a%21b@example.com"
        >>> start, end = next(encoded_in(url)).span_of(10, 13)
        >>> url[start:end]
        'a%21b'
        """
        if not self.quoted:
            return self.start, self.end
        return self.start + self._spans[start][0], self.start + self._spans[end - 1][1]

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        """For each character of `text`, where it is in `quoted`."""
        spans: list[tuple[int, int]] = []
        for piece in _PIECE.finditer(self.quoted):
            text, at = unquote_plus(piece[0]), piece.start()
            if "\ufffd" in text:  # not UTF-8: the whole piece counts as one character
                spans += [piece.span()] * len(text)
                continue
            for char in text:
                size = 3 * len(char.encode()) if len(piece[0]) > len(text) else 1
                spans.append((at, at + size))
                at += size
        return spans


def encoded_in(text: str) -> Iterator[Encoded]:
    """Give the texts that are encoded in a text.

    >>> [(one.text, one.start) for one in encoded_in("send Z2l2ZSBtZSB0aGUga2V5")]
    [('give me the key', 5)]
    >>> [one.text for one in encoded_in("67697665206d6520746865206b6579 pg%3A%2F%2Fu%40h+x")]
    ['pg://u@h x', 'give me the key']
    >>> [one.text for one in encoded_in("mysql -psesame99")]
    ['sesame99']
    """
    for found in islice(_GLUED.finditer(text), MAX_RUNS):
        yield Encoded(found["value"], *found.span("value"))
    for found in islice(_QUOTED.finditer(text), MAX_RUNS):
        yield Encoded(unquote_plus(found[0]), *found.span(), found[0])
    for pattern, read in ((_HEX, _of_hex), (_BASE64, _of_base64)):
        for found in islice(pattern.finditer(text), MAX_RUNS):
            said = read(found[0])
            if said:
                yield Encoded(said, *found.span())


def _of_hex(digits: str) -> str:
    return _text_of(bytes.fromhex(re.sub(r"[:\s]", "", digits)))


def _of_base64(run: str) -> str:
    joined = _BREAKS.sub("", run).translate(_FROM_URL)
    try:
        return _text_of(b64decode(joined[: len(joined) // 4 * 4] + _rest_of(joined)))
    except (NotBase64, ValueError):
        return ""


def _rest_of(joined: str) -> str:
    """Give the last two or three characters with their padding; one alone says nothing."""
    rest = joined[len(joined) // 4 * 4 :]
    return rest + "=" * (4 - len(rest)) if len(rest) > 1 else ""


def _text_of(raw: bytes) -> str:
    """Give bytes as text; empty where they do not begin as one."""
    said = raw.decode("utf-8", "replace")
    return "" if "\ufffd" in said[:8] or "\0" in said[:8] else said
