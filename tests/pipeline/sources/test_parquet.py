"""Parquet rows become events like lines do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.errors import HabitusError
from pipeline.formats import FORMATS
from pipeline.sources import open_source
from pipeline.sources.parquet import ParquetRows

if TYPE_CHECKING:
    from pathlib import Path


def a_row(n: int, **changes: Any) -> dict[str, Any]:
    row = {
        "id": f"e-{n}",
        "time": datetime(2026, 10, 5, 8, 0, n, tzinfo=UTC),
        "agent": {"id": "a", "role": None},
        "tool": "mail.send",
        "volume": {"bytes_out": n},
        "duration_ms": None,
    }
    return {**row, **changes}


def written(path: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, **options)
    return path


def test_rows_become_events_with_nested_structs_and_without_nulls(tmp_path: Path) -> None:
    file = written(tmp_path / "a.parquet", [a_row(1), a_row(2)])
    (batch,) = open_source(f"file:{file}", clock_us=lambda: 0).batches()
    events = [FORMATS["native"].normalise(record.value) for record in batch.records]
    assert [event.id for event in events] == ["e-1", "e-2"]
    assert events[1].volume is not None
    assert events[1].volume.bytes_out == 2
    assert events[0].time == datetime(2026, 10, 5, 8, 0, 1, tzinfo=UTC)
    assert b"null" not in batch.records[0].value
    assert [record.offset for record in batch.records] == [1, 2]
    assert batch.positions == {f"file:{file}": "2"}


def test_a_timestamp_without_zone_is_utc(tmp_path: Path) -> None:
    naive = datetime(2026, 10, 5, 8, tzinfo=UTC).replace(tzinfo=None)
    file = written(tmp_path / "a.parquet", [a_row(1, time=naive)])
    (value,) = ParquetRows(file).take(9, 1 << 20, last=True).values
    assert json.loads(value)["time"] == "2026-10-05T08:00:00Z"


def test_map_columns_become_objects(tmp_path: Path) -> None:
    table = pa.table({"arguments": pa.array([[("to", "x")]], pa.map_(pa.string(), pa.string()))})
    pq.write_table(table, tmp_path / "a.parquet")
    (value,) = ParquetRows(tmp_path / "a.parquet").take(9, 1 << 20, last=True).values
    assert json.loads(value) == {"arguments": {"to": "x"}}


@pytest.mark.parametrize("position", range(0, 11, 3))
def test_reading_resumes_after_any_row_of_any_row_group(tmp_path: Path, position: int) -> None:
    file = written(tmp_path / "a.parquet", [a_row(n) for n in range(10)], row_group_size=4)
    rows = ParquetRows(file, str(position))
    taken = []
    while some := rows.take(3, 1 << 20, last=True):
        taken += some.numbers
    assert taken == list(range(position + 1, 11))
    assert rows.position == "10"
    assert rows.progress == file.stat().st_size
    rows.close()


def test_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"{}\n")
    with pytest.raises(HabitusError, match=r"cannot open .*a\.parquet"):
        list(open_source(f"file:{tmp_path}", clock_us=lambda: 0).batches())
