"""Cut streams of bytes into messages: lines of stdio, and events of an SSE stream."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MESSAGE = 64 << 20
"""Longest message that is recorded; longer ones pass, and are counted."""
_END = re.compile(rb"\r\n|\n|\r")
_GZIP = 16 + zlib.MAX_WBITS


class Lines:
    r"""Lines of a stream.

    Examples
    --------
    >>> lines = Lines()
    >>> list(lines.feed(b'{"id":1}\n{"i')), list(lines.feed(b'd":2}\n')), lines.rest()
    ([b'{"id":1}'], [b'{"id":2}'], b'')
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self.too_long = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the lines that a chunk completes."""
        first, *others = data.split(b"\n")
        self._keep(first)
        for other in others:
            yield self.rest()
            self._keep(other)

    def rest(self) -> bytes:
        """Give what has come of a line, and begin another one."""
        whole = b"".join(self._parts) if self._size <= MAX_MESSAGE else b""
        self.too_long += self._size > MAX_MESSAGE
        self._parts, self._size = [], 0
        return whole

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= MAX_MESSAGE:
            self._parts.append(part)
        else:
            self._parts.clear()


class Events:
    r"""Data of the events of an SSE stream, whatever ends its lines.

    Examples
    --------
    >>> events = Events()
    >>> list(events.feed(b'event: message\r\nid: 1\r\ndata: {"id":1}\r\n\r\nda'))
    [('message', b'{"id":1}')]
    >>> list(events.feed(b"ta: a\ndata: b\n\n"))
    [('', b'a\nb')]
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._data: list[bytes] = []
        self._size = 0
        self._kind = ""
        self._after_return = False
        self.too_long = 0

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """Give the kind and the data of the events that a chunk completes."""
        if not data:
            return
        if self._after_return and data[:1] == b"\n":
            data = data[1:]
        self._after_return = data[-1:] == b"\r"
        *whole, rest = _END.split(data)
        for part in whole:
            line = b"".join([*self._parts, part])
            self._parts.clear()
            yield from self._line(line)
        self._size += len(rest)
        if self._size <= MAX_MESSAGE:
            self._parts.append(rest)

    def _line(self, line: bytes) -> Iterator[tuple[str, bytes]]:
        if line:
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            self._size += len(value)
            if name == b"data" and self._size <= MAX_MESSAGE:
                self._data.append(value)
            elif name == b"event":
                self._kind = value.decode("utf-8", "replace")
            return
        if self._size > MAX_MESSAGE:
            self.too_long += 1
        elif self._data:
            yield self._kind, b"\n".join(self._data)
        self._data, self._size, self._kind = [], 0, ""


class Decompressor(Protocol):
    """Interface of what undoes a content encoding."""

    def decompress(self, data: bytes, /) -> bytes:
        """Give what a chunk holds."""


class Plain:
    """No content encoding."""

    def decompress(self, data: bytes, /) -> bytes:
        """Give the chunk."""
        return data


def decompressor(encoding: str) -> Decompressor | None:
    """Give what undoes a content encoding; None for one that is not known.

    >>> decompressor("gzip") is None, decompressor("br") is None
    (False, True)
    """
    if encoding in ("", "identity"):
        return Plain()
    if encoding in ("gzip", "x-gzip"):
        return zlib.decompressobj(_GZIP)
    return zlib.decompressobj() if encoding == "deflate" else None
