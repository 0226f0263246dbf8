"""Detectors beside the product: registered, asked, kept, and without effect on any number."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from lab.detector_evaluation import Recorder, ranked_by
from lab.evaluation.figures import figures
from lab.evaluation.run import measured
from lab.examples import made_up
from lab.exploration import Explored
from lab.simulation.sample import fleet_events
from models.errors import ConfigError, StateError
from models.result import Reason
from pipeline.commands.doctor.checks import examine
from pipeline.detectors import DETECTORS, Act, Detector, Panel, detectors_named, register
from pipeline.logs import JsonLines
from pipeline.processing.assembly import build_worker
from pipeline.processing.replay import replay
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class NewTool(Detector):
    """First use of a tool by an agent."""

    name = "new_tool"

    def __init__(self) -> None:
        self.known: set[str] = set()

    def judge(self, act: Act) -> Reason | None:
        key = f"{act.facts.agent_id}|{act.event.tool}"
        if key in self.known:
            return None
        return Reason(f"opinion:{self.name}", 6.0, act.event.tool, [], "First use of this tool.")

    def learn(self, act: Act) -> None:
        self.known.add(f"{act.facts.agent_id}|{act.event.tool}")

    def dump(self) -> bytes:
        return json.dumps(sorted(self.known)).encode()

    def load(self, raw: bytes) -> None:
        self.known = set(json.loads(raw))


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


def test_a_registered_detector_is_made_by_its_word() -> None:
    register("new_tool", NewTool)
    assert isinstance(detectors_named(["new_tool"])[0], NewTool)


def test_an_installed_class_is_made_by_module_and_name() -> None:
    with pytest.raises(ConfigError, match="makes no detector"):
        detectors_named(["collections:Counter"])
    with pytest.raises(ConfigError, match="cannot be loaded"):
        detectors_named(["collections:Nothing"])
    with pytest.raises(ConfigError, match="cannot be loaded"):
        detectors_named(["no_such_module_here:Nothing"])


def test_an_unknown_word_names_those_on_offer() -> None:
    register("new_tool", NewTool)
    with pytest.raises(ConfigError, match=r"no detector 'nope'.*new_tool"):
        detectors_named(["nope"])


@pytest.mark.parametrize("name", ["", " x", "a:b", "a,b"])
def test_a_name_that_settings_cannot_say_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="must be a word"):
        register(name, NewTool)


def test_two_detectors_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="different names"):
        Panel([NewTool(), NewTool()])


def test_an_opinion_joins_the_reasons_and_moves_no_number(recording: str) -> None:
    register("new_tool", NewTool)
    plain = Explored([recording], fmt="native", settings=settings_with()).events
    beside = Explored([recording], fmt="native", settings=settings_with("new_tool")).events
    columns = ["p", "rank", "alert", "learned", "trust", "s_sum", "reason"]
    assert plain[columns].equals(beside[columns])
    said = [r for rs in beside.reasons for r in rs if r["feature"] == "opinion:new_tool"]
    tools = beside.groupby("agent_id").tool.nunique().sum()
    assert len(said) == tools
    assert beside.reasons.map(len).max() <= 5


def test_state_goes_on_after_a_restart(recording: str, tmp_path: Path) -> None:
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


def test_a_recorder_measures_a_detector_alone_and_beside_the_product(tmp_path: Path) -> None:
    recorder = Recorder(NewTool())
    register("new_tool", lambda: recorder)
    example = made_up(tmp_path, agents=4, days=8, quiet_days=4, attacks=("tool.new",))
    run = measured(
        example.files,
        fmt=example.fmt,
        truth=example.truth,
        history_days=4,
        settings=example.settings.model_copy(update={"detectors": ("new_tool",), "clock": "event"}),
    )
    alone = ranked_by(run, recorder)
    assert {e.rank for s in alone for e in s.events} == {0.0, 6.0}
    both = ranked_by(run, recorder, weight=1.0)
    gain = [b.score - s.score for b, s in zip(both, run.sessions, strict=True)]
    assert min(gain) == 0 < max(gain)
    assert figures(alone)["auroc"] is not None


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
def test_a_detector_that_fails_stops_nothing_and_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, said: object
) -> None:
    source = tmp_path / "e.jsonl"
    source.write_bytes(b"".join(line + b"\n" for line in fleet_events(3, 6, limit=400)))
    whole = judged_by(source, NewTool())
    broken = judged_by(source, NewTool(), Broken(said))
    assert broken["events"] == whole["events"] == 400
    assert broken["failed_detector_broken"] >= 400
    assert "failed_detector_new_tool" not in broken
    (told,) = [one for one in caplog.records if one.getMessage() == "detector_failed"]
    assert told.detector == "broken"  # type: ignore[attr-defined]
    assert "secret" not in caplog.text


def test_the_log_names_the_failure_and_the_event_apart() -> None:
    record = logging.makeLogRecord({"msg": "detector_failed", "event_id": "e-1", "event": "e-2"})
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["event_id"]) == ("detector_failed", "e-1")


class Unmade(NewTool):
    name = "unmade"

    def __init__(self) -> None:
        raise RuntimeError("no model file")


class Wordy(NewTool):
    name = "wordy"

    def dump(self) -> bytes:
        return "text"  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("tests.detectors.test_detectors:Unmade", "cannot be made: RuntimeError: no model file"),
        ("broken_module:X", "cannot be loaded: SyntaxError"),
        ("pipeline.detectors:Detector", "cannot be made: TypeError"),
    ],
)
def test_a_detector_that_cannot_be_made_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, said: str
) -> None:
    (tmp_path / "broken_module.py").write_text("class X(:\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=said):
        detectors_named([word])
    (check,) = [one for one in examine(settings_with(word), 0) if one.name == "detectors"]
    assert check.state == "missing"
    assert said in check.found


def test_state_that_is_no_bytes_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    panel = Panel([Wordy()])
    assert panel.dump() == panel.dump() == []
    assert [one.getMessage() for one in caplog.records] == ["detector_failed"]
    with pytest.raises(StateError, match="'wordy' cannot be read"):
        panel.load({"detector:wordy": b"\xc1"})


def judged_by(source: Path, *detectors: Detector) -> dict[str, int]:
    settings = Settings(source=f"file:{source}", store="sqlite::memory:", clock="event")
    with open_store("sqlite::memory:", secret=b"x" * 32) as store:
        worker = build_worker(settings, store, publish=False, explain_all=True)
        worker.panel = Panel(detectors)
        records = [
            RawRecord(line, "test", at, 1_800_000_000_000_000)
            for at, line in enumerate(source.read_bytes().splitlines(), 1)
        ]
        out = worker.judge(records)
        return out.counters
