"""Files of JSON lines: plain, gzip or zstandard."""

from __future__ import annotations

import gzip
import logging
import os
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

import zstandard

from models.errors import HabitusError
from pipeline.processing.stream_types import BATCH_BYTES, MAX_VALUE
from pipeline.sources.lines import LineBatch, Lines

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".jsonl", ".ndjson", ".json", ".log")
COMPRESSED = (".gz", ".zst")
_PART = 64 << 10

_log = logging.getLogger(__name__)


class JsonLines:
    """Read one file from a position on.

    A plain file may grow while it is read. If it was truncated or replaced, it is read again from
    the start. A compressed file is read once.

    Parameters
    ----------
    path
        The file.
    position
        A value of `position`: ``"LINE:BYTE"``, for a compressed file ``"LINE"``; None is the start.

    Raises
    ------
    HabitusError
        The file cannot be opened, or is damaged past a line.
    """

    def __init__(
        self, path: Path, position: str | None = None, *, longest: int = MAX_VALUE
    ) -> None:
        self._path = path
        self._longest = longest
        self._compressed = path.suffix in COMPRESSED
        line, _, byte = (position or "0:0").partition(":")
        self._raw = opened(path)
        try:
            self._start(int(line), int(byte or 0))
        except BaseException:
            self.close()
            raise

    def _start(self, line: int, byte: int) -> None:
        if not self._compressed:
            if byte > self._size():
                _log.warning("file_shorter", extra={"path": str(self._path), "expected": byte})
                line = byte = 0
            self._raw.seek(byte)
            self._lines = Lines(self._raw.read, line=line, byte=byte, longest=self._longest)
            return
        plain = decompressed(self._raw, self._path.suffix)
        self._lines = Lines(plain.read, longest=self._longest)
        while self._lines.line < line and self._take(line - self._lines.line, last=True):
            pass

    def take(self, count: int, size: int, *, last: bool) -> LineBatch:
        """Take the next lines, as `pipeline.sources.lines.Lines.take`."""
        batch = self._take(count, last=last or self._compressed, size=size)
        if not batch and not last and not self._compressed and self._replaced():
            _log.warning("file_replaced", extra={"path": str(self._path)})
            self.close()
            self._raw = opened(self._path)
            self._start(0, 0)
            batch = self._take(count, last=last, size=size)
        return batch

    def _take(self, count: int, *, last: bool, size: int = BATCH_BYTES) -> LineBatch:
        try:
            return self._lines.take(count, size, last=last)
        except (OSError, EOFError, zstandard.ZstdError) as error:
            raise HabitusError(
                f"cannot read on past line {self._lines.line} of {self._path}: {error}"
            ) from error

    def _size(self) -> int:
        return self._path.stat().st_size

    def _replaced(self) -> bool:
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        mine = os.fstat(self._raw.fileno())
        return now.st_ino != mine.st_ino or now.st_size < self._lines.byte

    @property
    def position(self) -> str:
        """Position to resume from after the lines taken."""
        if self._compressed:
            return str(self._lines.line)
        return f"{self._lines.line}:{self._lines.byte}"

    @property
    def progress(self) -> int:
        """Bytes of the file up to the lines taken; for a compressed file, bytes read."""
        return self._raw.tell() if self._compressed else self._lines.byte

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


def first_line(path: Path, maximum: int) -> bytes:
    """Give at most `maximum` bytes of the first line; empty if the file cannot be read.

    >>> from pathlib import Path
    >>> first_line(Path("nowhere.jsonl"), 100)
    b''
    """
    line = b""
    try:
        with path.open("rb") as raw:
            packed = path.suffix in COMPRESSED
            read = (decompressed(raw, path.suffix) if packed else raw).read
            while b"\n" not in line and len(line) < maximum and (part := read(_PART)):
                line += part
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):
        return b""
    return line.partition(b"\n")[0]


def read_whole(path: Path, maximum: int) -> bytes | None:
    """Give the bytes of a file, decompressed; None if they are more than `maximum`, or unreadable.

    >>> from pathlib import Path
    >>> read_whole(Path("nowhere.json"), 100) is None
    True
    """
    try:
        with path.open("rb") as raw:
            packed = path.suffix in COMPRESSED
            found = (decompressed(raw, path.suffix) if packed else raw).read(maximum + 1)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):
        return None
    return found if len(found) <= maximum else None


def opened(path: Path) -> BinaryIO:
    """Open a file; raise `HabitusError` if that is impossible."""
    try:
        return path.open("rb")
    except OSError as error:
        raise HabitusError(f"cannot open {path}: {error.strerror}") from error


def decompressed(raw: BinaryIO, suffix: str) -> BinaryIO:
    """Read a compressed file, by its ending."""
    if suffix == ".gz":
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw))
    reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
    return cast("BinaryIO", reader)
