"""Sessions that are dropped for room give their calls first."""

from __future__ import annotations

import json

import pytest

from models.units import SECOND_US
from pipeline.assembling import assembler as assembling
from pipeline.assembling import open_session
from pipeline.assembling.assembler import WAIT_US, Assembler
from pipeline.formats.part import Part


@pytest.mark.parametrize("ordered", [True, False])
def test_dropped_session_gives_its_calls(monkeypatch: pytest.MonkeyPatch, *, ordered: bool) -> None:
    monkeypatch.setattr(assembling, "MAX_SESSIONS", 2)
    assembler, lines = Assembler(7), []
    for at in range(4):
        call = Part(
            kind="call", session=f"s-{at}", call=f"c-{at}", parent="root", time_us=at + 1,
            event={"agent": {"id": "a"}, "tool": "ls"},
        )  # fmt: skip
        lines += assembler.take([call], ordered=ordered, arrived_us=9)
    assert [json.loads(line)["attributes"]["call_id"] for line in lines] == ["c-0", "c-1"]
    assert assembler.count["sessions_dropped_for_room"] == 2
    rest = [json.loads(line)["attributes"]["call_id"] for line in assembler.due(whole=True)]
    assert rest == ["c-2", "c-3"]


def test_many_traces_of_one_record_fit_into_little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembling, "MAX_SESSIONS", 1)
    assembler = Assembler(7)
    spans = [
        Part(kind="span", session=f"s-{at}", span="x", event={"agent": {"id": "a"}})
        for at in range(3)
    ]
    assert assembler.take(spans, ordered=False, arrived_us=9) == []
    assert len(assembler) == 1


def half(kind: str, number: int, session: str = "s") -> Part:
    event = {"tool": "ls"} if kind == "call" else {"outcome": "error"}
    return Part(kind=kind, session=session, call=f"call-{number:012}", event=event)  # type: ignore[arg-type]


def test_result_of_a_call_that_was_dropped_for_room_is_counted_as_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_session, "MAX_CALLS", 2)
    assembler = Assembler(7)
    calls = [half("call", number) for number in range(3)]
    (line,) = assembler.take(calls, ordered=True, arrived_us=1)
    assert "outcome" not in json.loads(line)
    assert assembler.counted() == {"assembly_calls_dropped_for_room": 1}
    assert assembler.take([half("result", 0)], ordered=True, arrived_us=2) == []
    assert assembler.counted() == {"assembly_results_late": 1}
    assembler.take([half("result", 0)], ordered=True, arrived_us=3)
    assert assembler.counted() == {"assembly_parts_repeated": 1}


def test_result_that_comes_after_the_wait_is_counted_as_late_also_after_a_restart() -> None:
    assembler, again = Assembler(7), Assembler(7)
    assembler.take([half("call", 0)], ordered=True, arrived_us=1)
    assembler.has_due(WAIT_US + SECOND_US)
    assert len(assembler.due()) == 1
    assert assembler.counted() == {"assembly_calls_without_result": 1}
    again.load(dict(assembler.dump()[0]))
    assert again.take([half("result", 0)], ordered=True, arrived_us=WAIT_US + SECOND_US) == []
    assert again.counted() == {"assembly_results_late": 1}


def test_result_of_a_session_that_was_dropped_for_room_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(assembling, "MAX_SESSIONS", 1)
    assembler = Assembler(7)
    assembler.take([half("call", 0, "a")], ordered=True, arrived_us=1)
    assembler.take([half("call", 1, "b")], ordered=True, arrived_us=1)
    assembler.counted()
    assembler.take([half("result", 0, "a")], ordered=True, arrived_us=1)
    assembler.due(whole=True)
    assert assembler.counted()["assembly_results_without_call"] == 1


def test_results_without_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_session, "MAX_CALLS", 2)
    assembler = Assembler(7)
    results = [half("result", number) for number in range(5)]
    assert assembler.take(results, ordered=True, arrived_us=1) == []
    assert assembler.counted() == {"assembly_results_without_call": 3}


def test_state_of_a_version_that_weighed_nothing_is_read() -> None:
    assembler, again = Assembler(7), Assembler(7)
    assembler.take([half("call", 0), half("result", 0)], ordered=True, arrived_us=1)
    rows = dict(assembler.dump()[0])
    (row,) = (name for name, blob in rows.items() if b'"done"' in blob)
    name, state = json.loads(rows[row])
    for added in ("order", "weight", "held_weight", "facts_weight"):
        state.pop(added)
    state["done"] = {call: end_us for call, (end_us, *_) in state["done"].items()}
    again.load(rows | {row: json.dumps([name, state]).encode()})
    assert again.take([half("result", 0)], ordered=True, arrived_us=2) == []
    assert again.counted() == {"assembly_parts_repeated": 1}
