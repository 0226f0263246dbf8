from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.assembling import assembler as module
from pipeline.assembling.assembler import Assembler
from pipeline.formats.part import Part

if TYPE_CHECKING:
    import pytest

AGENT = {"agent": {"id": "bot"}, "tool": "crm.read"}


def call(session: str, number: int, parent: str = "-") -> Part:
    name = f"call-{number:016}"
    return Part(kind="call", session=session, call=name, parent=parent, time_us=number, event=AGENT)


def span(name: str, parent: str, **event: Any) -> Part:
    return Part(kind="span", session="s", span=name, parent=parent, event=event)


def test_session_dropped_for_room_gives_its_held_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SESSIONS", 2)
    joiner = Assembler(0)
    out = [joiner.take([call(name, 1)], ordered=False, arrived_us=1) for name in ("a", "b", "c")]
    assert [len(lines) for lines in out] == [0, 0, 1]
    assert joiner.count["sessions_dropped_for_room"] == 1
    assert len(joiner.due(whole=True)) == 2


def test_many_held_parts_are_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HELD_IN_ALL", 3)
    joiner = Assembler(0)
    for number in range(4):
        joiner.take([call(f"s-{number}", number)], ordered=False, arrived_us=1)
    done = [
        Part(kind="result", session=f"s-{n}", call=f"call-{n:016}", parent="-") for n in range(4)
    ]
    assert joiner.take(done[:3], ordered=False, arrived_us=2) == []
    assert len(joiner.take(done[3:], ordered=False, arrived_us=2)) == 4


def test_delegations_of_spans_add_up_the_newest_first() -> None:
    parts = [
        span("inner", "outer", delegation=["hub"]),
        span("outer", "-", delegation=["gate", "hub"], human={"id": "alice"}),
        call("s", 1, "inner"),
        Part(kind="result", session="s", call=f"call-{1:016}", parent="inner", time_us=2),
    ]
    joiner = Assembler(0)
    joiner.take(parts, ordered=False, arrived_us=1)
    (line,) = joiner.due(whole=True)
    event = json.loads(line)
    assert event["delegation"] == ["hub", "gate"]
    assert event["human"] == {"id": "alice"}


def test_own_delegation_of_a_call_counts_more() -> None:
    own = Part(kind="call", session="s", call=f"call-{1:016}", parent="inner",
               event=AGENT | {"delegation": ["own"]})  # fmt: skip
    joiner = Assembler(0)
    joiner.take([span("inner", "-", delegation=["hub"]), own], ordered=False, arrived_us=1)
    (line,) = joiner.due(whole=True)
    assert json.loads(line)["delegation"] == ["own"]
