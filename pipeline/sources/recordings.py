"""Recordings: the records of files one after the other, and a check for empty files."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.formats import longest_of, whole_files
from pipeline.processing.stream_types import MAX_VALUE
from pipeline.publishing.rejected import rejected_by
from pipeline.sources import open_source
from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.formats import AnyFormat
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord, Source

_BATCH = 2_000


def records_of(
    files: Sequence[str],
    *,
    now_us: int,
    skip: Iterable[Path] = (),
    progress: Progress | None = None,
    wire: AnyFormat | None = None,
) -> Generator[RawRecord]:
    """Give the records of files one after the other; ``-`` is standard input.

    Parameters
    ----------
    skip
        Paths of our own outputs; a folder or a pattern does not include them.
    progress
        Advanced by the bytes read; `size_of` gives their total.
    wire
        Format of the records: it says how large one may be, and whether it is a whole file. None is
        that of events.

    Raises
    ------
    ConfigError
        A file does not exist or cannot be read.
    """
    for file in files:
        with closing(_source(file, now_us, skip, wire)) as source:
            source.resume({})
            done = 0
            for batch in source.batches():
                yield from batch.records
                if progress is not None:
                    progress.advance(source.progress() - done)
                    done = source.progress()


def size_of(files: Sequence[str], skip: Iterable[Path] = ()) -> int | None:
    """Give the total size of files; None if one is a pipe.

    Raises
    ------
    ConfigError
        A file does not exist.
    """
    total = 0
    for file in files:
        with closing(_source(file, 0, skip)) as source:
            size = source.size_hint()
        if size is None:
            return None
        total += size
    return total


def _source(file: str, now_us: int, skip: Iterable[Path], wire: AnyFormat | None = None) -> Source:
    return open_source(
        "-" if file == "-" else f"file:{file}",
        batch_size=_BATCH,
        clock_us=lambda: now_us,
        drain=True,
        skip=skip,
        whole_files=wire is not None and whole_files(wire),
        longest=MAX_VALUE if wire is None else longest_of(wire),
    )


def refuse_empty(files: Sequence[str], skip: Iterable[Path] = ()) -> list[str]:
    """Give the recordings without a record; raise if all are empty.

    Standard input counts as not empty, because it can be read only once.

    Parameters
    ----------
    skip
        As for `records_of`.

    Raises
    ------
    ConfigError
        A file does not exist or cannot be read, or no file holds a record.
    """
    empty = [name for name in files if name != "-" and is_empty(name, skip)]
    if empty and len(empty) == len(files):
        raise ConfigError(nothing_in(empty))
    return empty


def nothing_in(files: Sequence[str]) -> str:
    """Describe recordings without a record.

    >>> nothing_in(["old.jsonl", "-"])
    "no record in 'old.jsonl', standard input: nothing to judge or learn"
    """
    names = ("standard input" if name == "-" else quoted(name, LONGEST_PATH) for name in files)
    return f"no record in {', '.join(names)}: nothing to judge or learn"


def counted(counters: Mapping[str, int], files: Sequence[str]) -> tuple[int, dict[str, int]]:
    """Give the number of events of a run and its rejected records by reason; raise if both are 0.

    Parameters
    ----------
    counters
        Counters of the worker that read the recordings.

    Raises
    ------
    ConfigError
        No file held a record.

    Examples
    --------
    >>> counted({"events": 7, "rejected_missing_field": 2}, ["old.jsonl"])
    (7, {'missing_field': 2})
    """
    events, reasons = counters.get("events", 0), rejected_by(counters)
    if not events and not reasons:
        raise ConfigError(nothing_in(files))
    return events, reasons


def is_empty(file: str, skip: Iterable[Path] = ()) -> bool:
    """Return whether a recording holds no record; reads up to the first record."""
    with closing(records_of([file], now_us=0, skip=skip)) as records:
        return next(records, None) is None
