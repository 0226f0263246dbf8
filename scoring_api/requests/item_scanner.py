"""Find the items of a JSON array without decoding them, so that an invalid one affects no other.

A decoder checks every item, so a lone surrogate or deep nesting in one item fails the whole array.
This scanner parses only strings and brackets. It counts depth instead of recursing, and its work is
bounded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TOKENS: Final = 500_000
"""Largest number of strings and brackets inside items; about a quarter of a second of work."""
MAX_MEMBERS: Final = 1_000
"""Largest number of members of the object around the events."""

_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_token = re.compile(_STRING + rb'|["\[\]{}]', re.DOTALL).finditer
_string = re.compile(_STRING, re.DOTALL).match
_scalar = re.compile(
    _STRING + rb"|-?+\d++(?:\.\d++)?+(?:[eE][+-]?+\d++)?+|true|false|null", re.DOTALL
).match
_space = re.compile(rb"[ \t\n\r]*+").match
_CLOSING: Final = {b"[": b"]", b"{": b"}"}


class UnsplitError(ValueError):
    """The body cannot be split into items."""


class Scanner:
    """Scans a body from its beginning, item by item.

    Parameters
    ----------
    body
        The body.
    most_tokens
        Bound on the strings and brackets inside items.
    """

    def __init__(self, body: bytes, most_tokens: int = MAX_TOKENS) -> None:
        self._body = body
        self._at = 0
        self._left = most_tokens

    def items(self, maximum: int) -> list[bytes]:
        r"""Give the items of an array, at most `maximum` + 1.

        >>> Scanner(rb'[{"id":"\ud800"}, 2]').items(10)
        [b'{"id":"\\ud800"}', b'2']
        """
        found: list[bytes] = []
        for _ in self._listed(b"["):
            start, end = self._value()
            found.append(self._body[start:end])
            if len(found) > maximum:
                return found
        self._end()
        return found

    def members(self) -> dict[bytes, tuple[int, int]]:
        r"""Give the spans of an object's values, by undecoded name.

        >>> Scanner(rb'{"events":[{"id":"\ud800"}]}').members()
        {b'events': (10, 27)}
        """
        found: dict[bytes, tuple[int, int]] = {}
        for number, key in enumerate(self._listed(b"{")):
            if _string(self._body, key) is None or number == MAX_MEMBERS:
                raise UnsplitError
            name = self._value()
            self._expect(b":")
            found[self._body[name[0] + 1 : name[1] - 1]] = self._value()
        self._end()
        return found

    def _listed(self, opening: bytes) -> Iterator[int]:
        """Give the start of each comma-separated element; the caller reads the element."""
        self._expect(opening)
        closing = _CLOSING[opening]
        if self._next() == closing:
            self._at += 1
            return
        while True:
            self._next()
            yield self._at
            if self._next() == closing:
                self._at += 1
                return
            self._expect(b",")

    def _value(self) -> tuple[int, int]:
        """Skip a value; return its span."""
        first = self._next()
        start = self._at
        if first in _CLOSING:
            self._at = self._close()
        elif (scalar := _scalar(self._body, start)) is not None:
            self._at = scalar.end()
        else:
            raise UnsplitError
        return start, self._at

    def _close(self) -> int:
        """Return the end of the bracketed value that begins here."""
        awaited: list[bytes] = []
        for token in _token(self._body, self._at):
            self._left -= 1
            if self._left < 0:
                break
            text = token[0]
            if (closing := _CLOSING.get(text)) is not None:
                awaited.append(closing)
            elif text in (b"]", b"}"):
                if awaited.pop() != text:
                    break
                if not awaited:
                    return token.end()
            elif len(text) == 1:  # an unterminated string
                break
        raise UnsplitError

    def _next(self) -> bytes:
        space = _space(self._body, self._at)
        assert space is not None  # noqa: S101 - it also matches the empty string
        self._at = space.end()
        return self._body[self._at : self._at + 1]

    def _expect(self, char: bytes) -> None:
        if self._next() != char:
            raise UnsplitError
        self._at += 1

    def _end(self) -> None:
        if self._next():
            raise UnsplitError


def items_of(body: bytes, maximum: int) -> list[bytes]:
    r"""Give the items of an array, or of the member ``events`` of a batch object.

    At most `maximum` + 1 items are returned.

    Raises
    ------
    UnsplitError
        The body is neither, or a bracket or string is not closed.

    Examples
    --------
    >>> items_of(rb'{"events":[{"id":"\ud800"}, {"id":"2"}]}', 10)
    [b'{"id":"\\ud800"}', b'{"id":"2"}']
    """
    if body.lstrip()[:1] == b"[":
        return Scanner(body).items(maximum)
    members = Scanner(body).members()
    if b"events" not in members or b"tool" in members:
        raise UnsplitError
    start, end = members[b"events"]
    return Scanner(body[start:end]).items(maximum)
