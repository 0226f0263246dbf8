"""Recordings without a record: named, and refused where there is nothing else."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest

from lab.simulation.sample import fleet_events
from pipeline.cli import app


@pytest.fixture(autouse=True)
def _place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("HABITUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HABITUS_CLOCK", "event")
    monkeypatch.chdir(tmp_path)
    Path("empty.jsonl").touch()
    Path("blank.jsonl").write_text("\n\n")
    Path("empty.jsonl.gz").write_bytes(gzip.compress(b""))
    Path("folder").mkdir()
    Path("folder/one.jsonl").touch()
    Path("some.jsonl").write_bytes(b"\n".join(fleet_events(7, 2, limit=20)) + b"\n")


def told(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, list[str]]:
    with pytest.raises(SystemExit) as ended:
        app(list(args))
    return int(ended.value.code or 0), capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("name", ["empty.jsonl", "blank.jsonl", "empty.jsonl.gz", "folder"])
@pytest.mark.parametrize(
    "args",
    [
        ("replay", "--out", "out.jsonl"),
        ("replay", "some.jsonl", "--out", "out.jsonl", "--history"),
        ("evaluate", "--format", "agentlog"),
        ("evaluate", "--truth", "some.jsonl"),
        ("learn",),
    ],
)
def test_a_recording_without_a_record_is_refused_by_name_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], args: tuple[str, ...], name: str
) -> None:
    before = sorted(Path().iterdir())
    code, lines = told(capsys, *args, name)
    assert code == 2
    assert lines == [f"error: no record in {name!r}: nothing to judge or learn"]
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    "args",
    [
        ("replay", "--out", "out.jsonl"),
        ("evaluate", "--format", "agentlog"),
        ("evaluate", "--truth", "empty.jsonl"),
        ("learn",),
    ],
)
def test_empty_standard_input_is_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    with Path("empty.jsonl").open("rb") as nothing:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(nothing))
        code, lines = told(capsys, *args, "-")
    assert code == 2
    assert lines[-1] == "error: no record in standard input: nothing to judge or learn"


def test_empty_recording_is_named_and_the_others_are_judged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, lines = told(capsys, "replay", "empty.jsonl", "some.jsonl", "--out", "out.jsonl")
    assert code == 0
    assert lines[0] == "no record in 'empty.jsonl'"
    assert len(Path("out.jsonl").read_text().splitlines()) == 20
    args = ("some.jsonl", "--truth", "empty.jsonl", "--draws", "0", "--history-days", "0")
    code, lines = told(capsys, "evaluate", *args)
    assert (code, lines[0]) == (0, "no case in 'empty.jsonl': everything counts as benign")
