"""Files that are one record each: logs of runs, trajectories, session files."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import zstandard

from models.errors import HabitusError
from models.units import SECOND_US
from pipeline.clock import clock_us
from pipeline.processing.stream_types import KEPT_OF_LONG, MAX_WHOLE
from pipeline.sources import jsonl
from pipeline.sources.lines import LineBatch

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".eval", ".traj")
"""Endings of such files beside those of JSON."""
QUIET_US = 10 * SECOND_US
"""Time without a change after which a followed file is read."""


class WholeFile:
    """Read one file as one record.

    A file that is followed is read once nothing was written to it for 10 seconds. A file that has
    changed since it was read is read again; the assembler drops the calls that it has seen. Of a
    file above 64 MiB, only the beginning is kept, so that its record is rejected by name.

    Parameters
    ----------
    path
        The file, which may be compressed (``.gz``, ``.zst``).
    position
        A value of `position`: the size of the file when it was read; None is unread.

    Raises
    ------
    HabitusError
        The file cannot be opened, or is damaged.
    """

    def __init__(self, path: Path, position: str | None = None) -> None:
        self._path = path
        self._taken = int(position) if position and position.isdecimal() else 0

    def take(self, count: int, size: int, *, last: bool) -> LineBatch:  # noqa: ARG002  # signature of `Reader`; a file is one record
        """Take the file, unless it was taken before; with `last`, without waiting."""
        batch = LineBatch()
        try:
            seen = self._path.stat()
        except FileNotFoundError:
            return batch
        if seen.st_size == self._taken:
            return batch
        if not last and clock_us() - seen.st_mtime_ns // 1_000 < QUIET_US:
            return batch
        value = self._read()
        self._taken = seen.st_size
        if len(value) > MAX_WHOLE:
            batch.add(1, value[:KEPT_OF_LONG], max(seen.st_size, len(value)))
        elif value:
            batch.add(1, value)
        return batch

    def _read(self) -> bytes:
        with jsonl.opened(self._path) as raw:
            packed = self._path.suffix in jsonl.COMPRESSED
            try:
                file = jsonl.decompressed(raw, self._path.suffix) if packed else raw
                return file.read(MAX_WHOLE + 1)
            except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
                raise HabitusError(f"cannot read {self._path}: {error}") from error

    @property
    def position(self) -> str:
        """Position to resume from: the size of the file when it was read."""
        return str(self._taken)

    @property
    def progress(self) -> int:
        """Bytes of the file, once it was read."""
        return self._taken

    def close(self) -> None:
        """Do nothing: a file is open only while it is read."""
