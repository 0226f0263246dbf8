"""What a target cannot take is kept, and delivered in order once it takes records again."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.tap.recording import spool as spool_module
from pipeline.tap.recording.delivery import Delivery
from pipeline.tap.recording.record import Line
from pipeline.tap.recording.spool import Spool
from pipeline.tap.recording.targets import FileTarget, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Target(FileTarget):
    """A file that can be down."""

    down = False

    def send(self, lines: Sequence[Line]) -> None:
        if self.down:
            raise Unavailable("it is down")
        super().send(lines)


class Bench:
    """A delivery with a clock."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "out.jsonl"
        self.target = Target(self.out)
        self.spool = Spool(folder / "spool", "tap-1")
        self.said: list[str] = []
        self.now = 0.0
        self.delivery = Delivery(
            self.target, self.spool, warn=self.said.append, monotonic=lambda: self.now
        )

    def put(self, *names: str) -> None:
        self.delivery.put([Line("bot", name.encode()) for name in names])

    def lines(self) -> list[str]:
        return self.out.read_text().split()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_spooled_records_are_delivered_first(bench: Bench) -> None:
    bench.put("a")
    bench.target.down = True
    bench.put("b")
    bench.put("c")
    bench.target.down = False
    bench.now = 5
    bench.put("d")
    assert bench.lines() == ["a", "b", "c", "d"]
    assert not bench.spool.path.exists()
    assert len(bench.said) == 2


def test_a_failed_target_rests_between_attempts(bench: Bench) -> None:
    bench.target.down = True
    bench.put("a")
    bench.target.down = False
    bench.put("b")
    assert not bench.out.exists()
    bench.now = 2.5
    bench.delivery.tick()
    assert bench.lines() == ["a", "b"]


def test_records_left_at_the_end_are_named(bench: Bench) -> None:
    bench.target.down = True
    bench.put("a", "b")
    bench.delivery.close()
    assert bench.said[-1] == f"2 records are left in {bench.spool.path}"
    assert bench.spool.path.read_text() == "a\nb\n"
    assert bench.spool.path.stat().st_mode & 0o077 == 0


def test_a_full_spool_loses_records_and_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "MAX_BYTES", 3)
    bench.target.down = True
    bench.put("a")
    bench.put("b", "c")
    bench.put("d")
    bench.delivery.close()
    assert "records are lost" in " ".join(bench.said)
    assert bench.said[-1] == "3 records are lost"


def test_a_write_that_a_full_disk_cut_short_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = FileTarget(tmp_path / "out.jsonl")
    real = spool_module.append
    monkeypatch.setattr(
        "pipeline.tap.recording.targets.append", lambda path, data: real(path, data[:3])
    )
    with pytest.raises(Unavailable):
        target.send([Line("bot", b'{"n":1}')])
    monkeypatch.setattr("pipeline.tap.recording.targets.append", real)
    target.send([Line("bot", b'{"n":1}')])
    assert (tmp_path / "out.jsonl").read_text() == '{"n\n{"n":1}\n'


def test_a_file_that_was_moved_away_is_begun_again(bench: Bench) -> None:
    bench.put("a")
    bench.out.rename(bench.out.with_suffix(".1"))
    bench.put("b")
    assert bench.lines() == ["b"]


def test_records_of_an_ended_process_are_delivered_by_a_later_one(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    process = subprocess.Popen([sys.executable, "-c", ""])  # our own code
    process.wait()
    (folder / f"tap-1.{process.pid}.aa.jsonl").write_text("a\nb\n")
    (folder / f"tap-1.{os.getppid()}.bb.jsonl").write_text("of a running process\n")
    (folder / f"tap-2.{process.pid}.cc.jsonl").write_text("for another target\n")
    bench = Bench(tmp_path)
    bench.delivery.start()
    bench.put("c")
    assert bench.lines() == ["a", "b", "c"]
    assert sorted(path.name.split(".")[2] for path in folder.iterdir()) == ["bb", "cc"]
