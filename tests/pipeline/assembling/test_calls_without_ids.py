"""Calls that their emitter does not name: pairs, repetitions, a restart between the halves."""

from __future__ import annotations

import json
from typing import Any

from pipeline.assembling.assembler import Assembler
from pipeline.formats.part import Part


def call(at_us: int, match: str = "m") -> Part:
    return Part(
        kind="call", session="s", match=match, time_us=at_us,
        event={"agent": {"id": "a"}, "tool": "ls"},
    )  # fmt: skip


def result(at_us: int, text: str, match: str = "m", **event: Any) -> Part:
    return Part(kind="result", session="s", match=match, time_us=at_us, text=text, event=event)


def taken(assembler: Assembler, *parts: Part) -> list[tuple[str, int]]:
    lines = assembler.take(parts, ordered=True, arrived_us=9)
    events = [json.loads(line) for line in lines]
    return [(one["attributes"]["call_id"], one["volume"]["bytes_in"]) for one in events]


def test_result_belongs_to_the_oldest_waiting_call() -> None:
    made = taken(Assembler(7), call(1), call(2), result(3, "a"), result(4, "ab"))
    assert made == [("m@1", 1), ("m@2", 2)]


def test_result_of_another_call_is_not_taken() -> None:
    made = taken(Assembler(7), call(1, "other"), call(2), result(3, "a"))
    assert made == [("m@2", 1)]


def test_repetition_of_both_halves_is_dropped_and_counted() -> None:
    assembler = Assembler(7)
    parts = (call(1), result(3, "a"))
    assert taken(assembler, *parts, *parts) == [("m@1", 1)]
    assert assembler.count["parts_repeated"] == 2


def test_halves_meet_over_a_restart() -> None:
    first, second = Assembler(7), Assembler(7)
    assert taken(first, call(1)) == []
    second.load(dict(first.dump()[0]))
    assert taken(second, result(3, "a")) == [("m@1", 1)]


def test_result_with_its_call_has_origins_from_before_it() -> None:
    request = Part(kind="request", session="s", text="list notes")
    ended = result(
        3, "notes secret", agent={"id": "a"}, tool="ls", arguments={"path": "notes", "to": "secret"}
    )
    (line,) = Assembler(7).take([request, ended], ordered=True, arrived_us=9)
    assert json.loads(line)["argument_origins"] == {
        "path": [["notes", ["request"]]], "to": [["secret", []]],
    }  # fmt: skip


def test_nested_members_without_a_value_are_left_out() -> None:
    event = {"agent": {"id": "a", "model": None}, "tool": "ls", "arguments": {"depth": None}}
    part = Part(kind="call", session="s", call="c", event=event)
    assembler = Assembler(7)
    assembler.take([part], ordered=True, arrived_us=9)
    (line,) = assembler.due(whole=True)
    made = json.loads(line)
    assert (made["agent"], made["arguments"]) == ({"id": "a"}, {"depth": None})


def test_halves_of_one_instant_meet() -> None:
    assembler = Assembler(7)
    assert taken(assembler, call(1), result(1, "a")) == [("m@1", 1)]
    assert taken(assembler, result(1, "a")) == []
