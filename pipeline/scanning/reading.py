"""Read transcripts to native records in order of time, and name the files that cannot be read.

Files with a common session are a group, which one assembler reads. Groups do not depend on each
other, so a second process reads some of them. The order of records is that of one process.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from models.errors import HabitusError, MalformedEvent
from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import native_records
from pipeline.clock import clock_us
from pipeline.formats import event_format, event_of, format_named
from pipeline.processing.stream_types import BYTES
from pipeline.sources.recordings import records_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord

NAMED = 10
"""Most files that are named."""
ALONE_BYTES = 32 << 20
"""Size of all files up to which one process reads them."""
_CHUNKS = 24
_AHEAD = 2
"""Most chunks that wait for the second process."""
_PEEKED = 64 << 10
_FILE = "file:"
_SESSION = re.compile(rb'"session_?[iI]d"\s{0,9}:\s{0,9}"([^"]{1,200})"')


class Group(Struct):
    """Files with a common session, each with its place among all files."""

    fmt: str
    files: list[tuple[int, str]]
    size: int = 0


Place = tuple[bool, int, int]
"""Whether a record comes at the end of its files, the place of its file, and its own place."""


class Found(Struct):
    """What was read out of one group.

    Attributes
    ----------
    records
        Native records with their times, and where they are.
    sessions
        Names of the sessions.
    """

    records: list[tuple[datetime, Place, RawRecord]] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    rejected: int = 0
    unread: dict[str, str] = field(default_factory=dict)


class Reading:
    """Reads the files of several formats.

    Parameters
    ----------
    alone_bytes
        Size of all files up to which one process reads them.

    Attributes
    ----------
    rejected
        Number of records that could not be read.
    unread
        Files that could not be read, or not wholly, with the first reason.
    """

    def __init__(self, progress: Progress | None = None, *, alone_bytes: int = ALONE_BYTES) -> None:
        self.rejected = 0
        self.unread: dict[str, str] = {}
        self._progress = progress
        self._alone_bytes = alone_bytes

    def in_order(self, files: Mapping[str, Sequence[str]]) -> list[RawRecord]:
        """Give the records of the files of each format; those of one time as they were read."""
        groups, progress, now_us = groups_of(files), self._progress, clock_us()
        if progress is not None:
            progress.start(sum(group.size for group in groups), "reading", BYTES)
        found = self._read(groups, now_us)
        while shared := _sharing(groups, found):
            for group in shared:
                del found[groups.index(group)]
                groups.remove(group)
            groups.append(_joined(shared))
            found.append(_of_group(groups[-1], now_us))
        if progress is not None:
            progress.stop()
        self.rejected = sum(one.rejected for one in found)
        for _, one in sorted(zip(groups, found, strict=True), key=_first_place):
            self.unread |= one.unread
        records = [record for one in found for record in one.records]
        records.sort(key=itemgetter(0, 1))
        return [record for _, _, record in records]

    def _read(self, groups: list[Group], now_us: int) -> list[Found]:
        """Read all groups, those at the end in a second process."""
        size = sum(group.size for group in groups)
        if size <= self._alone_bytes or os.cpu_count() == 1:
            return [one for group in groups for one in self._of_chunk([group], now_us)]
        chunks = list(_chunks(groups, size // _CHUNKS))
        found: list[list[Found]] = [[] for _ in chunks]
        at, end = 0, len(chunks)
        given: dict[int, Future[list[Found]]] = {}
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
            while at < end:
                waiting = sum(not future.done() for future in given.values())
                for _ in range(min(_AHEAD - waiting, end - at)):
                    end -= 1
                    given[end] = _submitted(other, chunks[end], now_us)
                if at < end:
                    found[at] = self._of_chunk(chunks[at], now_us)
                    at += 1
            for place, future in given.items():
                found[place] = self._given(chunks[place], future, now_us)
        return [one for chunk in found for one in chunk]

    def _given(self, chunk: list[Group], future: Future[list[Found]], now_us: int) -> list[Found]:
        """Give what the other process finds in a chunk; read it here if that process is gone."""
        try:
            found = future.result()
        except (BrokenProcessPool, OSError):
            return self._of_chunk(chunk, now_us)
        self._advance(chunk)
        return found

    def _of_chunk(self, chunk: list[Group], now_us: int) -> list[Found]:
        found = read_chunk(chunk, now_us)
        self._advance(chunk)
        return found

    def _advance(self, chunk: list[Group]) -> None:
        if self._progress is not None:
            self._progress.advance(sum(group.size for group in chunk))


def _submitted(other: ProcessPoolExecutor, chunk: list[Group], now_us: int) -> Future[list[Found]]:
    try:
        return other.submit(read_chunk, chunk, now_us)
    except (BrokenProcessPool, OSError) as error:
        failed: Future[list[Found]] = Future()
        failed.set_exception(error)
        return failed


def groups_of(files: Mapping[str, Sequence[str]]) -> list[Group]:
    """Put files whose beginnings name one session into one group."""
    groups: dict[tuple[str, bytes | int], Group] = {}
    place = 0
    for fmt, names in files.items():
        for name in names:
            size, session = _peeked(name)
            group = groups.setdefault((fmt, session or place), Group(fmt, []))
            group.files.append((place, name))
            group.size += size
            place += 1
    return list(groups.values())


def _peeked(name: str) -> tuple[int, bytes | None]:
    """Give the size of a file, and the session that its beginning names."""
    try:
        with Path(name).open("rb") as file:
            found = _SESSION.search(file.read(_PEEKED))
            return os.fstat(file.fileno()).st_size, found[1] if found else None
    except OSError:  # the reader says why
        return 0, None


def _chunks(groups: Iterable[Group], size: int) -> Iterator[list[Group]]:
    """Give groups together, so that a chunk has about a size."""
    chunk: list[Group] = []
    for group in groups:
        chunk.append(group)
        if sum(one.size for one in chunk) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def read_chunk(chunk: Sequence[Group], now_us: int) -> list[Found]:
    """Read groups, in this process or another one."""
    return [_of_group(group, now_us) for group in chunk]


def _of_group(group: Group, now_us: int) -> Found:
    found, assembler = Found(), Assembler(0)
    wire, native = format_named(group.fmt), event_format("native")

    def reject(record: RawRecord, error: MalformedEvent) -> None:
        found.rejected += 1
        name = record.source.removeprefix(_FILE)
        found.unread.setdefault(name, f"record {record.offset}: {error}")

    def add(records: Iterable[RawRecord], place: int, *, last: bool) -> None:
        for record in records:
            try:
                time = event_of(record, native).time
            except MalformedEvent as error:
                reject(record, error)
            else:
                found.records.append((time, (last, place, len(found.records)), record))

    for place, name in group.files:
        records = records_of([name], now_us=now_us, wire=wire)
        try:
            for record in records:
                add(native_records([record], wire, assembler, reject), place, last=False)
        except HabitusError as error:
            found.unread.setdefault(name, str(error).replace(f" {name}", "", 1))
    found.sessions = assembler.names()
    end = native_records([], wire, assembler, reject, whole=True)
    add(end, group.files[-1][0], last=True)
    return found


def _sharing(groups: Sequence[Group], found: Sequence[Found]) -> list[Group]:
    """Give the groups that have a session in common with the first such one; none if all differ."""
    holders: dict[tuple[str, str], list[Group]] = {}
    for group, one in zip(groups, found, strict=True):
        for session in one.sessions:
            holders.setdefault((group.fmt, session), []).append(group)
    return next((list(one) for one in holders.values() if len(one) > 1), [])


def _joined(groups: Sequence[Group]) -> Group:
    files = sorted(file for group in groups for file in group.files)
    return Group(groups[0].fmt, files, sum(group.size for group in groups))


def _first_place(read: tuple[Group, Found]) -> int:
    return read[0].files[0][0]


def named(unread: Mapping[str, str]) -> tuple[list[tuple[str, str]], int]:
    """Give the first files that could not be read, and the number of the others.

    >>> named({f"{number}.jsonl": "cannot open: Permission denied" for number in range(12)})[1]
    2
    """
    shown = list(islice(unread.items(), NAMED))
    return shown, len(unread) - len(shown)
