"""Files as a source: order, growth, positions, damage."""

from __future__ import annotations

import contextlib
import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard

from lab.simulation.sample import fleet_events
from models.errors import ConfigError, HabitusError
from pipeline.processing.stream_types import MAX_VALUE
from pipeline.settings import Settings
from pipeline.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.processing.stream_types import Batch, Source


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.files.IDLE_SECONDS", 0)


def source(url: str, batch_size: int = 2, *, drain: bool = False) -> Source:
    return open_source(f"file:{url}", batch_size=batch_size, clock_us=lambda: 42, drain=drain)


def values(batches: Iterable[Batch]) -> list[bytes]:
    return [record.value for batch in batches for record in batch.records]


def until_idle(batches: Iterator[Batch]) -> list[bytes]:
    taken: list[bytes] = []
    for batch in batches:
        if not batch.records:
            break
        taken += [record.value for record in batch.records]
    return taken


def lines(first: int, last: int) -> bytes:
    return b"".join(b'{"n":%d}\n' % n for n in range(first, last))


def packed(content: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.compress(content)
    return zstandard.compress(content) if suffix == ".zst" else content


def test_records_have_position_and_arrival_time(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"{}\n\n[]\n")
    (batch,) = source(str(file)).batches()
    assert [(r.source, r.offset, r.arrived_us) for r in batch.records] == [
        (f"file:{file}", 1, 42),
        (f"file:{file}", 3, 42),
    ]
    assert batch.positions == {f"file:{file}": "3:7"}


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_reading_resumes_after_any_batch(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a.jsonl{suffix}"
    file.write_bytes(packed(lines(0, 7), suffix))
    whole = list(source(str(file)).batches())
    assert b"\n".join(values(whole)) + b"\n" == lines(0, 7)
    for taken, batch in enumerate(whole, 1):
        again = source(str(file))
        again.resume(batch.positions)
        assert values(again.batches()) == values(whole[taken:])
        offsets = [r.offset for later in whole[taken:] for r in later.records]
        again.resume(batch.positions)
        assert offsets == list(range(len(batch.records) * taken + 1, 8))[: len(offsets)]


def test_several_gzip_members_and_zstd_frames_are_one_file(tmp_path: Path) -> None:
    for suffix in (".gz", ".zst"):
        file = tmp_path / f"a.jsonl{suffix}"
        file.write_bytes(packed(lines(0, 2), suffix) + packed(lines(2, 4), suffix))
        assert b"\n".join(values(source(str(file)).batches())) + b"\n" == lines(0, 4)


def test_a_folder_is_read_in_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "2.jsonl").write_bytes(b"two\n")
    (tmp_path / "1.jsonl.gz").write_bytes(gzip.compress(b"one\n"))
    (tmp_path / "3.ndjson").write_bytes(b"three")
    (tmp_path / "notes.md").write_bytes(b"no\n")
    (tmp_path / ".hidden.jsonl").write_bytes(b"no\n")
    assert values(source(str(tmp_path)).batches()) == [b"one", b"two", b"three"]


def test_a_pattern_is_read_in_order_of_names(tmp_path: Path) -> None:
    for name in ("a-2.log", "a-1.log", "b.log"):
        (tmp_path / name).write_bytes(name.encode())
    assert values(source(f"{tmp_path}/a-?.log").batches()) == [b"a-1.log", b"a-2.log"]


def test_an_unfinished_last_line_is_a_record_once_nothing_more_will_come(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"{}\n[1")
    assert values(source(str(file)).batches()) == [b"{}", b"[1"]


def test_a_followed_file_waits_for_the_newline(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"{}\n[1")
    followed = source(f"{file}?follow=1")
    batches = followed.batches()
    assert until_idle(batches) == [b"{}"]
    with file.open("ab") as writer:
        writer.write(b",2]\n{")
    assert until_idle(batches) == [b"[1,2]"]
    followed.close()


def test_following_a_folder_finds_new_files(tmp_path: Path) -> None:
    followed = source(f"{tmp_path}?follow=1")
    batches = followed.batches()
    assert until_idle(batches) == []
    (tmp_path / "a.jsonl").write_bytes(b"one\n")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b"two\n"))
    assert until_idle(batches) == [b"one", b"two"]
    with (tmp_path / "a.jsonl").open("ab") as writer:
        writer.write(b"three\n")
    assert until_idle(batches) == [b"three"]
    followed.close()


def test_a_followed_file_that_was_replaced_is_read_from_its_start(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"old-1\nold-2\n")
    followed = source(f"{file}?follow=1")
    batches = followed.batches()
    assert until_idle(batches) == [b"old-1", b"old-2"]
    (tmp_path / "new").write_bytes(b"new-1\nnew-2\nnew-3\n")
    os.replace(tmp_path / "new", file)  # noqa: PTH105  # the call a log rotation makes
    assert until_idle(batches) == [b"new-1", b"new-2", b"new-3"]
    file.write_bytes(b"cut\n")
    assert until_idle(batches) == [b"cut"]
    followed.close()


def test_a_file_shorter_than_its_position_is_read_from_its_start(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"{}\n")
    again = source(str(file))
    again.resume({f"file:{file}": "100:4000"})
    assert values(again.batches()) == [b"{}"]


def test_draining_a_followed_file_ends_and_leaves_the_unfinished_line(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"{}\n[1")
    batches = list(source(f"{file}?follow=1", drain=True).batches())
    assert values(batches) == [b"{}"]
    assert batches[-1].positions == {f"file:{file}": "1:3"}


def open_in(folder: Path) -> list[Path]:
    """Give the files of a folder that this process has open."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(one.readlink())
    return [path for path in found if path.is_relative_to(folder)]


def test_many_followed_files_do_not_stay_open(tmp_path: Path) -> None:
    for n in range(100):
        (tmp_path / f"{n:03}.jsonl").write_bytes(b"%d\n" % n)
    followed = source(f"{tmp_path}?follow=1")
    batches = followed.batches()
    assert len(until_idle(batches)) == 100
    assert 0 < len(open_in(tmp_path)) < 90
    with (tmp_path / "099.jsonl").open("ab") as writer:
        writer.write(b"more\n")
    assert until_idle(batches) == [b"more"]
    followed.close()


def test_a_very_long_line_is_marked_and_cut(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"x" * (MAX_VALUE + 9) + b"\n{}\n")
    (batch,) = source(str(file)).batches()
    assert [(r.full_length, len(r.value)) for r in batch.records] == [
        (MAX_VALUE + 9, 65536),
        (0, 2),
    ]


def test_damaged_archive_gives_records_before_the_damage_and_its_position(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.gz"
    whole = gzip.compress(b"".join(os.urandom(40).hex().encode() + b"\n" for _ in range(20_000)))
    file.write_bytes(whole[: len(whole) // 2])
    damaged = source(str(file), 100)
    taken: list[Batch] = []
    with pytest.raises(HabitusError, match=r"cannot read on past line \d+ of .*a\.jsonl\.gz"):
        taken.extend(damaged.batches())
    damaged.close()
    assert len(values(taken)) > 1000


@pytest.mark.parametrize("path", ["absent.jsonl", "absent/*.jsonl", "."])
def test_missing_input_is_reported_immediately(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no file to read at"):
        source(path)


def test_progress_ends_at_the_size_hint(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(0, 100))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines(0, 100)))
    both = source(str(tmp_path))
    assert both.progress() == 0
    list(both.batches())
    assert both.progress() == both.size_hint()


def test_whole_batch_of_typical_events_is_read_at_once(tmp_path: Path) -> None:
    usual, lines = Settings(source="-").batch_size, list(fleet_events(7, 5, limit=200))
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines * (2 * usual // len(lines))))
    opened = source(str(tmp_path / "a.jsonl"), usual)
    assert len(next(iter(opened.batches())).records) == usual
    opened.close()


def test_a_batch_of_large_events_ends_at_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.sources.files.BATCH_BYTES", 1_000)
    (tmp_path / "a.jsonl").write_bytes(b'{"a": "%s"}\n' % (b"x" * 300) * 10)
    sizes = [len(batch.records) for batch in source(str(tmp_path / "a.jsonl"), 100).batches()]
    assert sum(sizes) == 10
    assert max(sizes) <= 4
