"""Progress counts in a unit that it names, up to a total wherever that can be known."""

from __future__ import annotations

import gzip
import io
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from lab.evaluation.run import evaluate
from lab.simulation.fleet import SimulationConfig
from lab.simulation.output.files import write
from pipeline.processing import progress as shown
from pipeline.processing import runner
from pipeline.processing.recordings.learn import learn
from pipeline.processing.recordings.replay import replay
from pipeline.settings import Settings
from pipeline.sources.stdin import Stdin

if TYPE_CHECKING:
    from pathlib import Path

BAR_WIDTH = 120


class Reported:
    """Keeps each piece of work: what, in which unit, of how much, and how much was done."""

    def __init__(self) -> None:
        self.work: list[list[Any]] = []

    def start(self, total: int | None, what: str, unit: str = "records") -> None:
        self.work.append([what, unit, total, 0])

    def advance(self, n: int) -> None:
        before = self.work[-1][3]
        self.work[-1][3] += n
        assert self.work[-1][3] >= before

    def stop(self) -> None:
        pass


def settings(folder: Path, source: str = "") -> Settings:
    return Settings(source=source, store=f"sqlite:{folder}/h.db", clock="event")


@pytest.fixture
def recording(pipeline) -> Path:
    return pipeline.file(pipeline.events(60))


def test_a_run_over_files_counts_their_bytes(recording: Path, tmp_path: Path) -> None:
    size = recording.stat().st_size
    for _ in range(2):  # the second time everything was judged before
        reported = Reported()
        runner.run(
            settings(tmp_path, f"file:{recording}"), progress=reported, stop=threading.Event()
        )
        assert reported.work == [["judging", "bytes", size, size]]


def test_a_run_over_a_folder_counts_compressed_files_as_they_lie(
    recording: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    lines = recording.read_bytes().splitlines(keepends=True)
    (folder / "a.jsonl").write_bytes(b"".join(lines[:30]))
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[30:])))
    size = sum(path.stat().st_size for path in folder.iterdir())
    reported = Reported()
    summary = runner.run(
        settings(tmp_path, f"file:{folder}"), progress=reported, stop=threading.Event()
    )
    assert summary.events == len(lines)
    assert reported.work == [["judging", "bytes", size, size]]


def test_files_that_are_followed_have_a_total_only_where_they_are_drained(
    recording: Path, tmp_path: Path
) -> None:
    source, stop = f"file:{recording}?follow=1", threading.Event()
    reported = Reported()
    runner.run(settings(tmp_path, source), drain=True, progress=reported, stop=stop)
    assert reported.work[0][2] == recording.stat().st_size
    stop.set()
    runner.run(settings(tmp_path, source), progress=reported, stop=stop)
    assert reported.work[1][:3] == ["judging", "bytes", None]


def test_standard_input_has_a_total_where_it_is_a_file(recording: Path) -> None:
    with recording.open("rb") as file:
        source = Stdin(batch_size=10, clock_us=lambda: 0, descriptor=file.fileno())
        size = source.size_hint()
        for _ in source.batches():
            pass
        assert source.progress() == size == recording.stat().st_size
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading) as pipe:
        source = Stdin(batch_size=10, clock_us=lambda: 0, descriptor=pipe.fileno())
        assert (source.unit, source.size_hint()) == ("bytes", None)


def test_replaying_with_a_history_says_what_is_read_learned_and_judged(
    pipeline, recording: Path
) -> None:
    past = pipeline.file(pipeline.events(30), "past.jsonl.gz")
    past.write_bytes(gzip.compress(past.read_bytes()))
    reported, size = Reported(), past.stat().st_size
    replay(
        [str(recording)],
        fmt="native",
        out=str(pipeline.folder / "out.jsonl"),
        history=[str(past)],
        settings=settings(pipeline.folder),
        progress=reported,
    )
    records = len(pipeline.events(30))
    judged = recording.stat().st_size
    assert reported.work == [
        ["reading", "bytes", size, size],
        ["learning", "records", records, records],
        ["judging", "bytes", judged, judged],
    ]


def test_learning_says_what_is_read_and_learned(pipeline, recording: Path) -> None:
    reported, size = Reported(), recording.stat().st_size
    learned = learn(
        [str(recording)], fmt="native", settings=settings(pipeline.folder), progress=reported
    )
    assert reported.work == [
        ["reading", "bytes", size, size],
        ["learning", "records", learned.events, learned.events],
    ]


def test_an_evaluation_by_a_truth_file_counts_bytes(pipeline, recording: Path) -> None:
    truth = pipeline.folder / "truth.jsonl"
    truth.touch()
    reported, size = Reported(), recording.stat().st_size
    evaluate(
        [str(recording)],
        fmt="native",
        truth=str(truth),
        cold=True,
        baselines=["first_seen"],
        draws=0,
        settings=settings(pipeline.folder),
        progress=reported,
    )
    assert [work[1:] for work in reported.work] == [["bytes", size, size]] * 2


def test_a_simulation_counts_days(tmp_path: Path) -> None:
    reported = Reported()
    write(SimulationConfig(agents=5, days=3).validate(), tmp_path / "fleet.jsonl", reported)
    assert reported.work == [["simulating", "days", 3, 3]]


@pytest.mark.parametrize(
    ("unit", "total", "line"),
    [
        ("bytes", 4_000_000, "judging: 1.0 of 4.0 MB (25%), "),
        ("bytes", None, "judging: 1.0 MB, "),
        ("records", 4_000_000, "judging: 1,000,000 of 4,000,000 records (25%), "),
        ("days", None, "judging: 1,000,000 days, "),
    ],
)
def test_lines_and_bar_name_the_unit(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    unit: str,
    total: int | None,
    line: str,
) -> None:
    lines = shown.Lines()
    lines.start(total, "judging", unit)
    lines.advance(1_000_000)
    lines.stop()
    said = capsys.readouterr().err
    assert said.startswith(line)
    assert said.endswith(" MB/s\n" if unit == "bytes" else f" {unit}/s\n")

    drawn = io.StringIO()
    terminal = Console(file=drawn, force_terminal=True, width=BAR_WIDTH)
    monkeypatch.setattr(shown, "Console", lambda **_: terminal)
    bar = shown.Bar()
    bar.start(total, "judging", unit)
    bar.advance(1_000_000)
    bar.stop()
    assert line.partition(": ")[2].partition(" (")[0].rstrip(", ") in drawn.getvalue()
