"""Standard input as a source: one record a line, handed on as soon as the other side pauses."""

from __future__ import annotations

import os
import select
import stat
import sys
from typing import TYPE_CHECKING

from pipeline.processing.stream_types import BATCH_BYTES, BYTES, Batch
from pipeline.sources.lines import CHUNK, Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

IDLE_SECONDS = 0.2
KEY = "stdin"


class Stdin:
    """Read lines from a file descriptor until it ends.

    Blind to earlier runs: every run is a new stream, so positions are not resumed and a repeated
    event is recognised by its id.

    Parameters
    ----------
    batch_size
        Records in a batch at most; 32 MiB at most all the same.
    clock_us
        Says when records arrived.
    descriptor
        The open file; standard input by default.
    """

    unit = BYTES
    ends = True

    def __init__(
        self, *, batch_size: int, clock_us: Callable[[], int], descriptor: int | None = None
    ) -> None:
        self._batch_size = batch_size
        self._clock_us = clock_us
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        self._ended = False
        self._begun = _offset(self._descriptor)
        self._lines = Lines(self._read)

    def _read(self, size: int) -> bytes:
        """Read what is there now; nothing when the other side pauses."""
        if self._ended or not select.select([self._descriptor], [], [], 0)[0]:
            return b""
        chunk = os.read(self._descriptor, min(size, CHUNK))
        self._ended = not chunk
        return chunk

    def resume(self, positions: Mapping[str, str]) -> None:
        """Nothing to resume in a new stream."""

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
        """Nothing to tell a stream."""

    def size_hint(self) -> int | None:
        """Bytes of a file behind the descriptor; of a pipe it cannot be known."""
        there = os.fstat(self._descriptor)
        return there.st_size - self._begun if stat.S_ISREG(there.st_mode) else None

    def progress(self) -> int:
        """Bytes handed out."""
        return self._lines.byte

    def close(self) -> None:
        """Do nothing: standard input is not ours to close."""


def _offset(descriptor: int) -> int:
    """Give the byte at which a file is read on; a pipe has none."""
    try:
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError:
        return 0
