"""Lines of a byte stream, in bounded memory for any line length."""

from __future__ import annotations

from io import BytesIO
from operator import methodcaller
from typing import TYPE_CHECKING

from pipeline.processing.stream_types import KEPT_OF_LONG, MAX_VALUE, RawRecord, Records

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 256 << 10
_BOM = b"\xef\xbb\xbf"
_NEWLINE = b"\n"
_is_object = methodcaller("endswith", b"}\n")


class LineBatch:
    """Lines of one batch: their bytes and, by index in `values`, their metadata.

    Attributes
    ----------
    values
        Bytes of the lines. Some keep their newline, which JSON readers ignore; a record has none.
    numbers
        Line numbers from 1.
    cut
        Full length of cut lines, by index.
    """

    __slots__ = ("cut", "numbers", "values")

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.numbers: list[int] = []
        self.cut: dict[int, int] = {}

    def add(self, number: int, value: bytes, full_length: int = 0) -> None:
        """Add a line, with its full length if it was cut, else 0."""
        if full_length:
            self.cut[len(self.values)] = full_length
        self.values.append(value)
        self.numbers.append(number)

    def __len__(self) -> int:
        return len(self.values)

    def records(self, source: str, arrived_us: int) -> Records:
        """Convert the lines to records of a source."""
        values, numbers, cut = self.values, self.numbers, self.cut

        def make(at: int) -> RawRecord:
            full = cut.get(at, 0)
            value = values[at].removesuffix(_NEWLINE)
            return RawRecord(value, source, numbers[at], arrived_us, full_length=full)

        return Records(values, source, arrived_us, cut, make)


class Lines:
    r"""Cut a stream into lines.

    Empty lines are counted and left out. If a line is longer than `longest`, its first
    `KEPT_OF_LONG` bytes are kept. Text after the last newline waits for its newline, or for `take`
    with `last`.

    Parameters
    ----------
    read
        Returns at most the given number of bytes; ``b""`` if there are none (yet).
    line, byte
        Start position: number of the last line taken, and bytes up to its end.
    longest
        Largest line in bytes.

    Attributes
    ----------
    line, byte
        Position after all lines taken so far, to resume from.

    Examples
    --------
    >>> import io
    >>> lines = Lines(io.BytesIO(b'{"a":1}\n\n{"b":2}\n{"c"').read)
    >>> batch = lines.take(10, 1 << 20, last=False)
    >>> batch.numbers, [one.value for one in batch.records("stdin", 0)], lines.byte
    ([1, 3], [b'{"a":1}', b'{"b":2}'], 17)
    >>> lines.take(10, 1 << 20, last=True).values
    [b'{"c"']
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        *,
        line: int = 0,
        byte: int = 0,
        longest: int = MAX_VALUE,
    ) -> None:
        self._longest = longest
        self.line = line
        self.byte = byte
        self._read = read
        self._ready: list[bytes] = []  # each with its newline
        self._next = 0  # index of the next line
        self._first = 0  # length of the first line, newline included
        self._rest = b""
        self._skipped = 0

    def take(self, count: int, size: int, *, last: bool) -> LineBatch:
        """Take lines until `count` lines, `size` bytes, or a pause of the stream.

        Parameters
        ----------
        count, size
            Largest number of lines and of bytes; one line of any size is always given.
        last
            Whether an unfinished last line counts as a line.
        """
        batch = LineBatch()
        while len(batch) < count and size > 0:
            if self._next == len(self._ready) and not self._fill():
                if last:
                    self._finish(batch)
                break
            left = count - len(batch)
            if not self._next or not self.line:
                size -= self._take_each(batch, 1, size)
            else:
                size -= self._take_plain(batch, left, size) or self._take_each(batch, left, size)
        return batch

    def _take_each(self, batch: LineBatch, count: int, size: int) -> int:
        """Take ready lines one by one; return their bytes."""
        before = size
        while self._next < len(self._ready) and count > 0 and size > 0:
            line = self._ready[self._next]
            length = len(line) if self._next else self._first
            self._next += 1
            self.byte += length
            size -= len(line)
            count -= self._add(batch, line.removesuffix(_NEWLINE), length - 1)
        return before - size

    def _take_plain(self, batch: LineBatch, count: int, size: int) -> int:
        """Take ready lines that need no stripping or cutting; return their bytes."""
        lines = self._ready[self._next : self._next + count]
        total = sum(map(len, lines))
        if total > size or not all(map(_is_object, lines)):
            return 0
        batch.values += lines
        batch.numbers += range(self.line + 1, self.line + len(lines) + 1)
        self._next += len(lines)
        self.line += len(lines)
        self.byte += total
        return total

    def _add(self, batch: LineBatch, line: bytes, length: int) -> bool:
        self.line += 1
        if self.line == 1:
            line = line.removeprefix(_BOM)
        if line.endswith(b"\r"):
            line = line[:-1]
        if not line or line.isspace():
            return False
        batch.add(self.line, line, length if length > self._longest else 0)
        return True

    def _fill(self) -> bool:
        """Read until a line is ready; return False if the stream has no more bytes."""
        self._ready, self._next = [], 0
        while not self._ready:
            chunk = self._read(CHUNK)
            if not chunk:
                return False
            end = chunk.find(b"\n") if self._skipped else -1
            if self._skipped and end < 0:
                self._skipped += len(chunk)
                continue
            # Faster than `split`, which examines each byte.
            lines = BytesIO(chunk if self._skipped else self._rest + chunk).readlines()
            rest = b"" if lines[-1].endswith(_NEWLINE) else lines.pop()
            self._ready = lines
            if self._skipped:  # the remainder of a long line whose start is kept
                self._ready[0], self._first = self._rest, self._skipped + end + 1
            elif self._ready:  # only the first line can be long: a chunk holds all others
                self._first = len(self._ready[0])
                self._ready[0] = self._kept(self._ready[0].removesuffix(_NEWLINE))
            self._rest, self._skipped = rest, 0
            if len(rest) > self._longest:
                self._skipped = len(rest)
                self._rest = self._kept(rest)
        return True

    def _finish(self, batch: LineBatch) -> None:
        if self._rest:
            length = self._skipped or len(self._rest)
            self.byte += length
            self._add(batch, self._rest, length)
            self._rest, self._skipped = b"", 0

    def _kept(self, line: bytes) -> bytes:
        return line if len(line) <= self._longest else line[:KEPT_OF_LONG]
