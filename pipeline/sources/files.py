"""Files as a source: one file, a folder or a pattern, in order of their names."""

from __future__ import annotations

import glob
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from models.errors import ConfigError
from pipeline.processing.stream_types import BATCH_BYTES, BYTES, MAX_VALUE, Batch
from pipeline.sources import jsonl, parquet, whole
from pipeline.sources.json_document import document_of
from pipeline.sources.own_results import are_results

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from pipeline.sources.lines import LineBatch

IDLE_SECONDS = 0.2
_MAX_OPEN = 64
_KNOWN = jsonl.SUFFIXES + parquet.SUFFIXES + whole.SUFFIXES

_log = logging.getLogger(__name__)


class Reader(Protocol):
    """Interface of a reader of one file."""

    def take(self, count: int, size: int, *, last: bool) -> LineBatch:
        """Take the next records; none if there are none (yet)."""

    @property
    def position(self) -> str:
        """Position to resume from after the records taken."""

    @property
    def progress(self) -> int:
        """Bytes of the file up to the records taken."""

    def close(self) -> None:
        """Close the file."""


class Files:
    """Read files in order of their names, and follow them if `follow` is set.

    Parameters
    ----------
    path
        A file, a folder, or a pattern with ``*``, ``?``, ``**``. In a folder, the ``.jsonl``,
        ``.ndjson``, ``.json``, ``.log``, ``.eval``, ``.traj`` and ``.parquet`` files are read,
        compressed or not, without subfolders. A ``.json`` file that is one document gives each
        object of its array as a record. Result files of Habitus in a folder or pattern are skipped.
    batch_size
        Largest number of records in a batch; a batch is at most 32 MiB in any case.
    clock_us
        Gives the arrival time of records.
    follow
        Wait for new lines and new files, and never end. A half-written last line waits for its
        newline; without `follow` it is a record.
    drain
        With `follow`: end after the records that were present at the start.
    skip
        Resolved paths of our own outputs; a folder or a pattern does not include them.
    whole_files
        Whether a file is one record (`pipeline.sources.whole`).
    longest
        Largest line in bytes; a longer one is cut.

    Raises
    ------
    ConfigError
        There is nothing to read, and `follow` is off.
    """

    unit = BYTES

    def __init__(
        self,
        path: str,
        *,
        batch_size: int,
        clock_us: Callable[[], int],
        follow: bool = False,
        drain: bool = False,
        skip: Collection[Path] = (),
        whole_files: bool = False,
        longest: int = MAX_VALUE,
    ) -> None:
        self._longest = longest
        self._path = path
        self._whole_files = whole_files
        self._skip = skip
        self._batch_size = batch_size
        self._clock_us = clock_us
        self._whole = not follow
        self._ends = drain or not follow
        self._positions: dict[str, str] = {}
        self._readers: dict[Path, Reader] = {}
        self._done: dict[Path, int] = {}
        self._paths, results = _separate(path, skip)
        self._results = set(results)
        if not self._paths and not follow:
            raise ConfigError(f"no file to read at {path!r}")

    @property
    def ends(self) -> bool:
        """Whether the source has an end."""
        return self._ends

    def resume(self, positions: Mapping[str, str]) -> None:
        """Resume from these positions; other files are read from the start."""
        self._positions = dict(positions)

    def batches(self) -> Iterator[Batch]:
        """Give the records of each file in turn; with `follow`, empty batches while idle."""
        while True:
            idle = True
            for path in self._paths:
                for batch in self._read(path):
                    idle = False
                    yield batch
            if self._ends:
                return
            if idle:
                yield Batch([], {})
                time.sleep(IDLE_SECONDS)
            self._find_new()

    def _find_new(self) -> None:
        """Find new files, and log skipped result files."""
        self._paths, results = _separate(self._path, self._skip)
        for path in results:
            if path not in self._results:
                self._results.add(path)
                _log.warning("results_not_read", extra={"path": str(path)})

    def _read(self, path: Path) -> Iterator[Batch]:
        key = f"file:{path}"
        reader = self._reader(path, key)
        if reader is None:
            return
        while True:
            lines = reader.take(self._batch_size, BATCH_BYTES, last=self._whole)
            moved = reader.position != self._positions.get(key)
            self._positions[key] = reader.position
            self._done[path] = reader.progress
            if not lines:
                # Blank lines advance the position and give no record.
                if moved and self._ends:
                    yield Batch([], {key: reader.position})
                break
            yield Batch(lines.records(key, self._clock_us()), {key: reader.position})
        if self._ends or len(self._readers) > _MAX_OPEN or not self._grows(path):
            reader.close()
            del self._readers[path]

    def _reader(self, path: Path, key: str) -> Reader | None:
        if path in self._readers:
            return self._readers[path]
        if path in self._done and (not self._grows(path) or _size(path) == self._done[path]):
            return None
        self._readers[path] = self._read_as(path, self._positions.get(key))
        return self._readers[path]

    def _read_as(self, path: Path, position: str | None) -> Reader:
        if self._whole_files:
            return whole.WholeFile(path, position)
        if path.suffix in parquet.SUFFIXES:
            return parquet.ParquetRows(path, position, longest=self._longest)
        longest = self._longest
        document = document_of(path, position, longest=longest) if _is_json(path) else None
        return document or jsonl.JsonLines(path, position, longest=longest)

    def _grows(self, path: Path) -> bool:
        return self._whole_files or path.suffix not in jsonl.COMPRESSED + parquet.SUFFIXES

    def commit(self, positions: Mapping[str, str]) -> None:
        """Do nothing: a file keeps no position."""

    def size_hint(self) -> int | None:
        """Bytes of all files."""
        return sum(_size(path) for path in self._paths)

    def progress(self) -> int:
        """Bytes read so far, over all files."""
        return sum(self._done.values())

    def close(self) -> None:
        """Close all open files."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()


def find(path: str, skip: Collection[Path] = ()) -> list[Path]:
    """Find the recordings of a path, in order of their names.

    An existing file is never treated as a pattern. Symbolic links are resolved, so each file has
    one position.

    Parameters
    ----------
    skip
        Resolved paths to leave out of a folder or a pattern, in addition to result files.
    """
    return _separate(path, skip)[0]


def results_in(path: str, skip: Collection[Path] = ()) -> list[Path]:
    """Find the result files that are skipped in a folder or pattern."""
    return _separate(path, skip)[1]


def _separate(path: str, skip: Collection[Path]) -> tuple[list[Path], list[Path]]:
    """Give the recordings, and the result files."""
    given = Path(path)
    if given.is_file():
        return [given.resolve()], []
    if given.is_dir():
        inside = (entry for entry in given.iterdir() if _known(entry))
    else:
        inside = (Path(match) for match in glob.iglob(path, recursive=True))  # noqa: PTH207  # Path.glob takes no absolute pattern
    there = sorted({entry.resolve() for entry in inside if entry.is_file()}.difference(skip))
    results = [one for one in there if are_results(one)]
    return [one for one in there if one not in set(results)], results


def _known(path: Path) -> bool:
    name = path.name
    for suffix in jsonl.COMPRESSED:
        name = name.removesuffix(suffix)
    return name.endswith(_KNOWN) and not name.startswith(".")


def _is_json(path: Path) -> bool:
    name = path.name
    for suffix in jsonl.COMPRESSED:
        name = name.removesuffix(suffix)
    return name.endswith(".json")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
