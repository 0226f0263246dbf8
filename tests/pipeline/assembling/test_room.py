"""Sessions that are dropped for room give their calls first."""

from __future__ import annotations

import json

import pytest

from pipeline.assembling import assembler as assembling
from pipeline.assembling.assembler import Assembler
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
