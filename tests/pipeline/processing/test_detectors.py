"""Registered detectors in the stream: they raise cases, are kept, and never stop it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.simulation.sample import fleet_events
from models.detectors.panel import Failure
from models.detectors.registry import DETECTORS, register
from models.errors import ConfigError, StateError
from pipeline.logs import JsonLines
from pipeline.processing.assembly import build_worker
from pipeline.processing.recordings.replay import replay
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.store import open_store
from tests.models.detectors.new_tool import NewTool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.baseline.agent_state import AgentState
    from models.detectors.detector import Detector
    from models.event import Event
    from models.result import Result


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


def judged(recording: str, out: Path, settings: Settings, store: str | None = None) -> list[Any]:
    replay([recording], fmt="native", out=str(out), store=store, settings=settings)
    return [json.loads(line) for line in out.read_text().splitlines()]


def reasons(lines: list[Any]) -> list[Any]:
    return [r for line in lines for r in line["reasons"] if r["feature"] == "new_tool"]


def test_a_registered_detector_gives_reasons_and_raises_bits(recording: str) -> None:
    plain, with_it = results(recording), results(recording, NewTool())
    assert not [r for out in plain for r in out.reasons if r.feature == "new_tool"]
    said = [r for out in with_it for r in out.reasons if r.feature == "new_tool"]
    assert said
    assert "First use of " in said[0].why
    more = [b.s_sum - a.s_sum for a, b in zip(plain, with_it, strict=True)]
    assert max(more) > 1.0


def test_state_survives_a_restart(recording: str, tmp_path: Path) -> None:
    register("new_tool", NewTool)
    settings, store = settings_with("new_tool"), f"sqlite:{tmp_path}/kept.db"
    judged(recording, tmp_path / "1.jsonl", settings, store)
    more = tmp_path / "more.jsonl"
    more.write_bytes(b"\n".join(list(fleet_events(7, 4, limit=800))[400:]) + b"\n")
    with open_store(store, secret=None) as kept:
        worker = build_worker(settings, kept, publish=False)
        (detector,) = worker.engine.panel.detectors
        assert isinstance(detector, NewTool)
        assert detector.known
        assert worker.engine.panel.windows[0].fleet.n > 150


def test_state_of_another_version_is_refused(recording: str, tmp_path: Path) -> None:
    register("new_tool", NewTool)
    settings, store = settings_with("new_tool"), f"sqlite:{tmp_path}/kept.db"
    judged(recording, tmp_path / "1.jsonl", settings, store)
    register("new_tool", Newer)
    with pytest.raises(StateError, match="written by version 1, this is 2"):
        judged(recording, tmp_path / "2.jsonl", settings, store)


def test_a_removed_detector_leaves_no_trouble(recording: str, tmp_path: Path) -> None:
    register("new_tool", NewTool)
    store = f"sqlite:{tmp_path}/kept.db"
    judged(recording, tmp_path / "1.jsonl", settings_with("new_tool"), store)
    more = tmp_path / "more.jsonl"
    more.write_bytes(b"\n".join(list(fleet_events(7, 4, limit=800))[400:]) + b"\n")
    lines = judged(str(more), tmp_path / "2.jsonl", settings_with(), store)
    assert len(lines) == 400
    assert reasons(lines) == []


def test_the_name_of_a_built_in_detector_is_refused(recording: str, tmp_path: Path) -> None:
    class Calls(NewTool):
        name = "calls"

    register("mine", Calls)
    with pytest.raises(ConfigError, match="'calls' has the name of a built-in one"):
        judged(recording, tmp_path / "1.jsonl", settings_with("mine"))


class Broken(NewTool):
    """Fails now and then, or says what is no score."""

    name = "broken"

    def __init__(self, said: object) -> None:
        super().__init__()
        self.said = said

    def score_one(self, x: dict[str, Any]) -> float | None:  # noqa: ARG002  # the shape of a detector
        if isinstance(self.said, Exception):
            raise self.said
        return self.said  # type: ignore[return-value]

    def learn_one(self, x: dict[str, Any]) -> None:
        raise KeyError(x["id"])


@pytest.mark.parametrize("said", [RuntimeError("secret"), "odd", float("nan")])
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


def judged_by(source: Path, *detectors: Detector, seen: list[Result] | None = None) -> Any:
    settings = Settings(source=f"file:{source}", store="sqlite::memory:", clock="event")

    def observe(record: RawRecord, event: Event, result: Result, state: AgentState) -> None:
        del record, event, state
        if seen is not None:
            seen.append(result)

    with open_store("sqlite::memory:", secret=b"x" * 32) as store:
        worker = build_worker(
            settings, store, publish=False, explain_all=True, detectors=detectors, observer=observe
        )
        records = [
            RawRecord(line, "test", at, 1_800_000_000_000_000)
            for at, line in enumerate(source.read_bytes().splitlines(), 1)
        ]
        return worker.judge(records).counters


def results(recording: str, *detectors: Detector) -> list[Result]:
    seen: list[Result] = []
    judged_by(Path(recording), *detectors, seen=seen)
    return seen


class Wordy(NewTool):
    name = "wordy"

    def dump(self) -> bytes:
        return "text"  # type: ignore[return-value]


def test_state_that_cannot_be_written_is_logged_once(
    recording: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    register("wordy", Wordy)
    judged(recording, tmp_path / "1.jsonl", settings_with("wordy"))
    (logged,) = [one for one in caplog.records if one.getMessage() == "detector_failed"]
    assert (logged.detector, logged.error) == ("wordy", "TypeError")  # type: ignore[attr-defined]
    assert not hasattr(logged, "event_id")
