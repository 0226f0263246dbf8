"""Standard input as a source: one record a line, handed on when the writer pauses."""

from __future__ import annotations

import os
import select
import stat
import sys
from typing import TYPE_CHECKING

from pipeline.processing.stream_types import BATCH_BYTES, BYTES, MAX_VALUE, Batch
from pipeline.sources.lines import CHUNK, Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

IDLE_SECONDS = 0.2
KEY = "stdin"


class Stdin:
    """Read lines from a file descriptor until it ends.

    Every run is a new stream, so positions are not resumed. A repeated event is recognised by its
    id.

    Parameters
    ----------
    batch_size
        Largest number of records in a batch; a batch is at most 32 MiB in any case.
    clock_us
        Gives the arrival time of records.
    descriptor
        Open file descriptor; standard input by default.
    longest
        Largest line in bytes; a longer one is cut.
    """

    unit = BYTES
    ends = True

    def __init__(
        self,
        *,
        batch_size: int,
        clock_us: Callable[[], int],
        descriptor: int | None = None,
        longest: int = MAX_VALUE,
    ) -> None:
        self._batch_size = batch_size
        self._clock_us = clock_us
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        self._ended = False
        self._begun = _offset(self._descriptor)
        self._lines = Lines(self._read, longest=longest)

    def _read(self, size: int) -> bytes:
        """Read available bytes; none if the writer pauses."""
        if self._ended or not select.select([self._descriptor], [], [], 0)[0]:
            return b""
        chunk = os.read(self._descriptor, min(size, CHUNK))
        self._ended = not chunk
        return chunk

    def resume(self, positions: Mapping[str, str]) -> None:
        """Do nothing: a new stream has no position to resume."""

    def batches(self) -> Iterator[Batch]:
        """Give batches until the end of input; empty ones while nothing comes."""
        while True:
            taken = self._lines.take(self._batch_size, BATCH_BYTES, last=False)
            if not taken and self._ended:
                taken = self._lines.take(self._batch_size, BATCH_BYTES, last=True)
                if not taken:
                    return
            records = taken.records(KEY, self._clock_us())
            yield Batch(records, {KEY: str(self._lines.line)} if records else {})
            if not records:
                select.select([self._descriptor], [], [], IDLE_SECONDS)

    def commit(self, positions: Mapping[str, str]) -> None:
        """Do nothing: a stream keeps no position."""

    def size_hint(self) -> int | None:
        """Remaining bytes of a file behind the descriptor; None for a pipe."""
        there = os.fstat(self._descriptor)
        return there.st_size - self._begun if stat.S_ISREG(there.st_mode) else None

    def progress(self) -> int:
        """Bytes read so far."""
        return self._lines.byte

    def close(self) -> None:
        """Do nothing: this process does not own standard input."""


def _offset(descriptor: int) -> int:
    """Give the current offset of a file; 0 for a pipe."""
    try:
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError:
        return 0
