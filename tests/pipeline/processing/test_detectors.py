"""Registered detectors in the stream: asked, kept, and without effect on any number."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from lab.exploration import Explored
from lab.simulation.sample import fleet_events
from models.detectors.panel import Failure
from models.detectors.registry import DETECTORS, register
from models.errors import StateError
from models.result import Reason
from pipeline.logs import JsonLines
from pipeline.processing.assembly import build_worker
from pipeline.processing.recordings.replay import replay
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.store import open_store
from tests.models.detectors.new_tool import NewTool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.detectors.detector import Act, Detector


class Newer(NewTool):
    """The same with another layout of its state."""

    version = "2"


@pytest.fixture(autouse=True)
def _registry() -> Iterator[None]:
    before = dict(DETECTORS)
    yield
    DETECTORS.clear()
    DETECTORS.update(before)


@pytest.fixture
def recording(tmp_path: Path) -> str:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join(fleet_events(7, 4, limit=400)) + b"\n")
    return str(path)


def settings_with(*names: str) -> Settings:
    return Settings(detectors=names, clock="event")


def test_opinion_adds_a_reason_and_changes_no_figure(recording: str) -> None:
    register("new_tool", NewTool)
    plain = Explored([recording], fmt="native", settings=settings_with()).events
    beside = Explored([recording], fmt="native", settings=settings_with("new_tool")).events
    columns = ["p", "rank", "alert", "learned", "trust", "s_sum", "reason"]
    assert plain[columns].equals(beside[columns])
    said = [r for rs in beside.reasons for r in rs if r["feature"] == "opinion:new_tool"]
    tools = beside.groupby("agent_id").tool.nunique().sum()
    assert len(said) == tools
    assert beside.reasons.map(len).max() <= 5


def test_state_survives_a_restart(recording: str, tmp_path: Path) -> None:
    register("new_tool", NewTool)
    settings, store = settings_with("new_tool"), f"sqlite:{tmp_path}/kept.db"
    replay([recording], fmt="native", out=f"{tmp_path}/1.jsonl", store=store, settings=settings)
    more = tmp_path / "more.jsonl"
    more.write_bytes(b"\n".join(list(fleet_events(7, 4, limit=800))[400:]) + b"\n")
    replay([str(more)], fmt="native", out=f"{tmp_path}/2.jsonl", store=store, settings=settings)

    def opinions(name: str) -> int:
        return (tmp_path / name).read_text().count('"opinion:new_tool"')

    assert opinions("1.jsonl") > opinions("2.jsonl")


def test_state_of_another_version_is_refused(recording: str, tmp_path: Path) -> None:
    register("new_tool", NewTool)
    settings, store = settings_with("new_tool"), f"sqlite:{tmp_path}/kept.db"
    replay([recording], fmt="native", out=f"{tmp_path}/1.jsonl", store=store, settings=settings)
    register("new_tool", Newer)
    with pytest.raises(StateError, match="written by version 1, this is 2"):
        replay([recording], fmt="native", out=f"{tmp_path}/2.jsonl", store=store, settings=settings)


class Broken(NewTool):
    """Fails now and then, or says what is no opinion."""

    name = "broken"

    def __init__(self, said: object) -> None:
        super().__init__()
        self.said = said

    def judge(self, act: Act) -> Reason | None:  # noqa: ARG002  # the shape of a detector
        if isinstance(self.said, Exception):
            raise self.said
        return self.said  # type: ignore[return-value]

    def learn(self, act: Act) -> None:
        raise KeyError(act.event.id)


@pytest.mark.parametrize(
    "said",
    [RuntimeError("secret"), "odd", Reason("x", float("nan"), "", [], ""),
     Reason("x", -1.0, "", [], "")],
)  # fmt: skip
def test_failing_detector_is_counted_and_does_not_stop_judging(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, said: object
) -> None:
    source = tmp_path / "e.jsonl"
    source.write_bytes(b"".join(line + b"\n" for line in fleet_events(3, 6, limit=400)))
    whole = judged_by(source, NewTool())
    broken = judged_by(source, NewTool(), Broken(said))
    assert broken["events"] == whole["events"] == 400
    assert broken["failed_detector_broken"] >= 400
    assert "failed_detector_new_tool" not in broken
    (logged,) = [one for one in caplog.records if one.getMessage() == "detector_failed"]
    fields = {name: getattr(logged, name, None) for name in Failure._fields}
    assert fields["detector"] == "broken"
    assert fields["error"] in ("RuntimeError", "TypeError", "ValueError", "KeyError")
    assert fields["event_id"] in {json.loads(line)["id"] for line in fleet_events(3, 6, limit=400)}
    assert "secret" not in caplog.text


def test_log_has_failure_and_event_in_separate_fields() -> None:
    record = logging.makeLogRecord({"msg": "detector_failed", "event_id": "e-1", "event": "e-2"})
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["event_id"]) == ("detector_failed", "e-1")


def judged_by(source: Path, *detectors: Detector) -> dict[str, int]:
    settings = Settings(source=f"file:{source}", store="sqlite::memory:", clock="event")
    with open_store("sqlite::memory:", secret=b"x" * 32) as store:
        worker = build_worker(settings, store, publish=False, explain_all=True)
        worker.panel.detectors.extend(detectors)
        records = [
            RawRecord(line, "test", at, 1_800_000_000_000_000)
            for at, line in enumerate(source.read_bytes().splitlines(), 1)
        ]
        out = worker.judge(records)
        return out.counters


class Wordy(NewTool):
    name = "wordy"

    def dump(self) -> bytes:
        return "text"  # type: ignore[return-value]


def test_state_that_cannot_be_written_is_logged_once(
    recording: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    register("wordy", Wordy)
    settings, store = settings_with("wordy"), f"sqlite:{tmp_path}/kept.db"
    replay([recording], fmt="native", out=f"{tmp_path}/1.jsonl", store=store, settings=settings)
    (logged,) = [one for one in caplog.records if one.getMessage() == "detector_failed"]
    assert (logged.detector, logged.error) == ("wordy", "TypeError")  # type: ignore[attr-defined]
    assert not hasattr(logged, "event_id")
