"""Files that are one record each: sizes, growth, positions, endings."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import pytest
import zstandard

from models.errors import ConfigError, HabitusError
from pipeline.processing.stream_types import KEPT_OF_LONG
from pipeline.sources import open_source, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipeline.processing.stream_types import Batch, RawRecord, Source

LONG_AGO = 1_000_000_000


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.files.IDLE_SECONDS", 0)


def source(path: Path | str, query: str = "") -> Source:
    return open_source(f"file:{path}{query}", batch_size=2, clock_us=lambda: 42, whole_files=True)


def records(batches: Iterable[Batch]) -> list[RawRecord]:
    return [record for batch in batches for record in batch.records]


def until_idle(batches: Iterator[Batch]) -> list[bytes]:
    taken: list[bytes] = []
    for batch in batches:
        if not batch.records:
            break
        taken += [record.value for record in batch.records]
    return taken


def test_file_is_one_record_with_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"{}\n{}\n[1")
    (record,) = records(source(file).batches())
    assert (record.value, record.where) == (b"{}\n{}\n[1", f"file:{file}@1")


def test_folder_includes_the_files_of_runs(tmp_path: Path) -> None:
    for name in ("1.eval", "2.traj", "3.json", "4.txt"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "5.traj.gz").write_bytes(gzip.compress(b"five"))
    (tmp_path / "6.json.zst").write_bytes(zstandard.compress(b"six"))
    found = [record.value for record in records(source(tmp_path).batches())]
    assert found == [b"1.eval", b"2.traj", b"3.json", b"five", b"six"]


def test_empty_file_gives_no_record(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"")
    assert records(source(tmp_path).batches()) == []


@pytest.mark.parametrize("packed", [False, True])
def test_file_that_is_too_large_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr(whole, "MAX_WHOLE", 100_000)
    content = os.urandom(50_000) * 3
    file = tmp_path / ("a.json.gz" if packed else "a.json")
    file.write_bytes(gzip.compress(content) if packed else content)
    (record,) = records(source(file).batches())
    assert record.value == content[:KEPT_OF_LONG]
    assert record.full_length == (file.stat().st_size if packed else 150_000)


def test_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b"x" * 1000)[:-9])
    with pytest.raises(HabitusError, match=r"cannot read .*a\.json\.gz"):
        list(source(tmp_path).batches())


def test_followed_file_waits_until_it_is_quiet(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"{")
    followed = source(file, "?follow=1")
    batches = followed.batches()
    assert until_idle(batches) == []
    os.utime(file, (LONG_AGO, LONG_AGO))
    assert until_idle(batches) == [b"{"]
    assert until_idle(batches) == []
    file.write_bytes(b"{}")
    assert until_idle(batches) == []
    os.utime(file, (LONG_AGO, LONG_AGO))
    assert until_idle(batches) == [b"{}"]
    followed.close()


def test_many_followed_files_are_each_read_once(tmp_path: Path) -> None:
    for at in range(100):
        (tmp_path / f"{at:03}.json").write_bytes(b"%d" % at)
        os.utime(tmp_path / f"{at:03}.json", (LONG_AGO, LONG_AGO))
    followed = source(tmp_path, "?follow=1")
    batches = followed.batches()
    assert until_idle(batches) == [b"%d" % at for at in range(100)]
    assert until_idle(batches) == []
    followed.close()


@pytest.mark.parametrize(
    ("position", "count"), [("2", 0), ("1", 1), ("0", 1), ("7:93", 1), ("x", 1)]
)
def test_file_of_the_size_of_its_position_is_not_read_again(
    tmp_path: Path, position: str, count: int
) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"{}")
    again = source(file)
    again.resume({f"file:{file}": position})
    assert len(records(again.batches())) == count


def test_progress_is_the_size_of_the_files_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")
    (tmp_path / "b.json").write_bytes(b"[1]")
    opened = source(tmp_path)
    assert len(records(opened.batches())) == 2
    assert (opened.progress(), opened.size_hint()) == (5, 5)


def test_standard_input_is_refused() -> None:
    with pytest.raises(ConfigError, match="reads whole files"):
        open_source("-", clock_us=lambda: 0, whole_files=True)
