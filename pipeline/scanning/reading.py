"""Read transcripts to native records in order of time, and name the files that cannot be read."""

from __future__ import annotations

from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import HabitusError, MalformedEvent
from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import native_records
from pipeline.clock import clock_us
from pipeline.formats import event_format, event_of, format_named, whole_files
from pipeline.processing.stream_types import BYTES
from pipeline.sources.recordings import records_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from pipeline.formats import AnyFormat
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord

NAMED = 10
"""Most files that are named."""
_FILE = "file:"


class Reading:
    """Reads the files of several formats.

    Attributes
    ----------
    rejected
        Number of records that could not be read.
    unread
        Files that could not be read, or not wholly, with the first reason.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self.rejected = 0
        self.unread: dict[str, str] = {}
        self._progress = progress
        self._timed: list[tuple[datetime, RawRecord]] = []

    def in_order(self, files: Mapping[str, Sequence[str]]) -> list[RawRecord]:
        """Give the records of the files of each format; those of one time as they were read."""
        progress = self._progress
        if progress is not None:
            progress.start(
                sum(map(_size, (one for names in files.values() for one in names))),
                "reading",
                BYTES,
            )
        for fmt, names in files.items():
            wire, assembler = format_named(fmt), Assembler(0)
            for record in self._records(names, wire):
                self._add(native_records([record], wire, assembler, self._reject))
            self._add(native_records([], wire, assembler, self._reject, whole=True))
        if progress is not None:
            progress.stop()
        self._timed.sort(key=itemgetter(0))
        return [record for _, record in self._timed]

    def _records(self, names: Sequence[str], wire: AnyFormat) -> Iterator[RawRecord]:
        """Give the records of files; after one that cannot be read, the next one is read."""
        now_us, is_whole = clock_us(), whole_files(wire)
        for name in names:
            records = records_of(
                [name], now_us=now_us, progress=self._progress, whole_files=is_whole
            )
            try:
                yield from records
            except HabitusError as error:
                self.unread.setdefault(name, str(error).replace(f" {name}", "", 1))

    def _add(self, records: Iterable[RawRecord]) -> None:
        native = event_format("native")
        for record in records:
            try:
                self._timed.append((event_of(record, native).time, record))
            except MalformedEvent as error:
                self._reject(record, error)

    def _reject(self, record: RawRecord, error: MalformedEvent) -> None:
        self.rejected += 1
        name = record.source.removeprefix(_FILE)
        self.unread.setdefault(name, f"record {record.offset}: {error}")


def named(unread: Mapping[str, str]) -> tuple[list[tuple[str, str]], int]:
    """Give the first files that could not be read, and the number of the others.

    >>> named({f"{number}.jsonl": "cannot open: Permission denied" for number in range(12)})[1]
    2
    """
    shown = list(islice(unread.items(), NAMED))
    return shown, len(unread) - len(shown)


def _size(name: str) -> int:
    try:
        return Path(name).stat().st_size
    except OSError:
        return 0
