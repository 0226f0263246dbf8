"""Lines of a byte stream, in bounded memory however long a line is."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pipeline.record import KEPT_OF_LONG, MAX_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 256 << 10
_BOM = b"\xef\xbb\xbf"

Line = tuple[int, bytes, int]
"""Line number from 1, the bytes, and the full length if they were cut (else 0)."""


class Lines:
    r"""Cut a stream into lines.

    Empty lines are counted and left out. A line longer than `MAX_VALUE` is read past, keeping its
    first `KEPT_OF_LONG` bytes. What follows the last newline is kept back until its newline comes,
    or until `take` is told that nothing more will.

    Parameters
    ----------
    read
        Gives up to that many bytes; ``b""`` when there is nothing (yet).
    line, byte
        What was read before: line number of the last line taken, bytes up to its end.

    Attributes
    ----------
    line, byte
        The same after everything taken so far: where to resume.

    Examples
    --------
    >>> import io
    >>> lines = Lines(io.BytesIO(b'{"a":1}\n\n{"b":2}\n{"c"').read)
    >>> lines.take(10, 1 << 20, last=False), lines.byte
    ([(1, b'{"a":1}', 0), (3, b'{"b":2}', 0)], 17)
    >>> lines.take(10, 1 << 20, last=True)
    [(4, b'{"c"', 0)]
    """

    def __init__(self, read: Callable[[int], bytes], *, line: int = 0, byte: int = 0) -> None:
        self.line = line
        self.byte = byte
        self._read = read
        self._ready: deque[tuple[bytes, int]] = deque()
        self._rest = b""
        self._skipped = 0

    def take(self, count: int, size: int, *, last: bool) -> list[Line]:
        """Take lines until there are `count` of them or `size` bytes, or the stream pauses.

        Parameters
        ----------
        count, size
            Lines and bytes at most; one line is given whatever its size.
        last
            Whether an unfinished last line is a line.
        """
        taken: list[Line] = []
        while len(taken) < count and size > 0:
            if not self._ready and not self._fill():
                if last:
                    self._finish(taken)
                break
            line, length = self._ready.popleft()
            self.byte += length + 1
            size -= len(line)
            if line.endswith(b"}") and length <= MAX_VALUE and self.line:
                self.line += 1  # nearly every line: nothing to strip, nothing cut
                taken.append((self.line, line, 0))
            else:
                self._add(taken, line, length)
        return taken

    def _add(self, taken: list[Line], line: bytes, length: int) -> None:
        self.line += 1
        if self.line == 1:
            line = line.removeprefix(_BOM)
        if line.endswith(b"\r"):
            line = line[:-1]
        if line and not line.isspace():
            taken.append((self.line, line, length if length > MAX_VALUE else 0))

    def _fill(self) -> bool:
        """Read until a line is ready; False when the stream has nothing more."""
        while not self._ready:
            chunk = self._read(CHUNK)
            if not chunk:
                return False
            if self._skipped:
                end = chunk.find(b"\n")
                if end < 0:
                    self._skipped += len(chunk)
                    continue
                self._ready.append((self._rest, self._skipped + end))
                self._rest, self._skipped = b"", 0
                chunk = chunk[end + 1 :]
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self._ready.extend([(_kept(line), len(line)) for line in lines])
            if len(self._rest) > MAX_VALUE:
                self._skipped = len(self._rest)
                self._rest = _kept(self._rest)
        return True

    def _finish(self, taken: list[Line]) -> None:
        if self._rest:
            length = self._skipped or len(self._rest)
            self.byte += length
            self._add(taken, self._rest, length)
            self._rest, self._skipped = b"", 0


def _kept(line: bytes) -> bytes:
    return line if len(line) <= MAX_VALUE else line[:KEPT_OF_LONG]
