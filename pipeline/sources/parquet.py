"""Parquet files: each row becomes one event in JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow
import pyarrow.parquet

from models.errors import HabitusError
from pipeline.processing.stream_types import KEPT_OF_LONG, MAX_VALUE
from pipeline.sources.lines import LineBatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


SUFFIXES = (".parquet",)
ROWS = 1024


class ParquetRows:
    """Read one file from a row on, in parts.

    Struct and map columns become objects, and timestamps become RFC 3339. A timestamp without zone
    is UTC, the only meaning of that column type. Nulls are left out.

    Parameters
    ----------
    path
        The file.
    position
        Number of rows taken before, or None.
    longest
        Largest row in bytes; a longer one is cut.

    Raises
    ------
    HabitusError
        The file is not Parquet or is damaged.
    """

    def __init__(
        self, path: Path, position: str | None = None, *, longest: int = MAX_VALUE
    ) -> None:
        self._path = path
        self._longest = longest
        self._row = 0
        try:
            self._file = pyarrow.parquet.ParquetFile(path)
        except (OSError, pyarrow.ArrowException) as error:
            raise HabitusError(f"cannot open {path}: {error}") from error
        self._rows = self._read(int(position or 0))

    def _read(self, skip: int) -> Iterator[bytes]:
        first = 0
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            if first + rows <= skip:
                first += rows
                continue
            for part in self._file.iter_batches(ROWS, row_groups=[group]):
                for row in part.to_pylist(maps_as_pydicts="lossy"):
                    first += 1
                    if first > skip:
                        self._row = first
                        yield _json(row)

        self._row = max(self._row, first)

    def take(self, count: int, size: int, *, last: bool) -> LineBatch:  # noqa: ARG002  # signature of `Reader`; rows are always complete
        """Take rows until `count` rows or `size` bytes."""
        batch = LineBatch()
        try:
            while len(batch) < count and size > 0:
                value = next(self._rows, None)
                if value is None:
                    break
                size -= len(value)
                long = len(value) > self._longest
                kept = value[:KEPT_OF_LONG] if long else value
                batch.add(self._row, kept, len(value) if long else 0)
        except (OSError, pyarrow.ArrowException) as error:
            raise HabitusError(
                f"cannot read on past row {self._row} of {self._path}: {error}"
            ) from error
        return batch

    @property
    def position(self) -> str:
        """Position to resume from after the rows taken."""
        return str(self._row)

    @property
    def progress(self) -> int:
        """Bytes of the file up to the rows taken, estimated from the share of rows."""
        rows = self._file.metadata.num_rows
        return self._path.stat().st_size * self._row // rows if rows else 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _json(row: dict[str, Any]) -> bytes:
    return msgspec.json.encode(_plain(row), enc_hook=str)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value
