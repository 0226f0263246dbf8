"""The open state is bounded in bytes; the oldest content is left out first, and counted."""

from __future__ import annotations

import json
import tracemalloc
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.assembling.assembler import Assembler
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20
NAME = "call-0123456789-"


def words(number: int, seed: int) -> str:
    draw = Random(seed)  # noqa: S311  # no secret
    return " ".join(f"{draw.getrandbits(40):010x}" for _ in range(number))


def text(number: int) -> list[Part]:
    asked = f"account-{number} {words(5_000, number)}"
    return [Part(kind="request", session=f"s-{number}", text=asked)]


def call(number: int) -> list[Part]:
    session, name = f"s-{number % 50}", f"{NAME}{number}"
    event = {"tool": "x", "arguments": {"a": words(200, number), "b": [number, "y", 1.5]}}
    return [
        Part(kind="call", session=session, call=name, span=name, parent="root", event=event,
             time_us=number + 1)
    ]  # fmt: skip


def result(number: int) -> list[Part]:
    session, name = f"s-{number % 50}", f"{NAME}{number}"
    return [Part(kind="result", session=session, call=name, event={"outcome": "ok"})]


def span(number: int) -> list[Part]:
    event = {"agent": {"id": f"agent-{number}"}, "attributes": {"note": words(20, number)}}
    return [Part(kind="span", session="s", span=f"span-{number}", parent="root", event=event)]


def hook(number: int) -> list[Part]:
    name = f"{NAME}{number}" * 10
    call = Part(kind="call", session="s", call=name, via="hook", event={"tool": "x"})
    return [call, Part(kind="result", session="s", call=name)]


KINDS: dict[str, tuple[Callable[[int], list[Part]], int, bool]] = {
    "texts": (text, 100, True),
    "open calls": (call, 2_000, True),
    "held parts": (call, 2_000, False),
    "spans": (span, 4_000, True),
    "hooks": (hook, 3_000, True),
}


def filled(kind: str, max_bytes: int) -> tuple[Assembler, int]:
    """Give an assembler with open state of a kind, and the bytes of memory that it takes."""
    parts_of, number, ordered = KINDS[kind]
    assembler = Assembler(7, "python", max_bytes=max_bytes)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for at in range(number):
        assembler.take(parts_of(at), ordered=ordered, arrived_us=at + 1)
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return assembler, used


@pytest.mark.parametrize("kind", KINDS)
def test_weight_is_about_the_memory_that_open_state_takes(kind: str) -> None:
    assembler, used = filled(kind, 1 << 40)
    assert assembler.weight > MIB
    assert 0.7 < assembler.weight / used < 1.6


@pytest.mark.parametrize("kind", KINDS)
def test_open_state_of_each_kind_is_bounded(kind: str) -> None:
    assembler, used = filled(kind, MIB)
    assert assembler.weight <= MIB
    assert used < 1.6 * MIB
    assert sum(number for why, number in assembler.count.items() if "for_room" in why) > 0


def test_texts_of_the_oldest_sessions_are_left_out_first() -> None:
    assembler, _ = filled("texts", 2 * MIB)
    assert len(assembler) == 100
    assert 0 < assembler.count["texts_dropped_for_room"] < 100
    dropped = assembler.count["texts_dropped_for_room"]
    for number, origins in ((dropped - 1, None), (dropped, [["account-" + str(dropped),
                                                             ["request"]]])):  # fmt: skip
        name, session = f"{NAME}late-{number}", f"s-{number}"
        event = {"tool": "x", "arguments": {"to": f"account-{number}"}}
        parts = [
            Part(kind="call", session=session, call=name, event=event),
            Part(kind="result", session=session, call=name),
        ]
        (line,) = assembler.take(parts, ordered=True, arrived_us=200)
        assert (json.loads(line).get("argument_origins") or {}).get("to") == origins


def test_held_parts_above_the_bound_become_events() -> None:
    assembler = Assembler(7, max_bytes=MIB)
    lines: list[bytes] = []
    for number in range(1_000):
        lines += assembler.take(call(number), ordered=False, arrived_us=number + 1)
    lines += assembler.due(whole=True)
    found = sorted(json.loads(line)["attributes"]["call_id"] for line in lines)
    assert found == sorted(f"{NAME}{number}" for number in range(1_000))
    assert assembler.count["parts_released_for_room"] > 100
    assert assembler.count["sessions_dropped_for_room"] > 0


def test_single_session_larger_than_the_bound_gives_its_calls() -> None:
    assembler = Assembler(7, max_bytes=MIB)
    event = {"tool": "x", "arguments": {"body": "a" * (2 * MIB)}}
    part = Part(kind="call", session="s", call=NAME, event=event)
    (line,) = assembler.take([part], ordered=True, arrived_us=1)
    assert json.loads(line)["attributes"]["call_id"] == NAME
    assert (len(assembler), assembler.weight) == (0, 0)
    assert assembler.count["calls_dropped_for_room"] == 1


def test_totals_return_to_zero_when_all_sessions_have_ended() -> None:
    assembler = Assembler(7)
    for number in range(200):
        for parts in (text(number), call(number), span(number), hook(number)):
            assembler.take(parts, ordered=number % 2 == 0, arrived_us=number + 1)
        if number % 3:
            assembler.take(result(number), ordered=True, arrived_us=number + 1)
    assert assembler.weight > MIB
    for name in assembler.names():
        assembler.end(name.removeprefix("\x1f"))
    assert (len(assembler), assembler.weight) == (0, 0)


def test_restarts_change_no_total_and_no_event() -> None:
    def run(*, restart: bool) -> tuple[list[bytes], list[Any]]:
        assembler, rows, lines = Assembler(7, max_bytes=MIB), dict[str, bytes](), list[bytes]()
        seen: list[Any] = []
        for number in range(400):
            for parts in (text(number % 70), call(number), hook(number), result(number - 20)):
                ordered = number % 4 > 0 or parts[0].kind == "request"
                lines += assembler.take(parts, ordered=ordered, arrived_us=1 + number // 10)
            lines += assembler.due()
            seen.append((assembler.weight, len(assembler), assembler.counted()))
            if restart and number % 7 == 0:
                changed, gone = assembler.dump()
                rows.update(changed)
                for name in gone:
                    rows.pop(name, None)
                assembler = Assembler(7, max_bytes=MIB)
                assembler.load(rows)
        return lines, seen

    lines, seen = run(restart=False)
    assert run(restart=True) == (lines, seen)
    assert sum("assembly_texts_dropped_for_room" in counted for _, _, counted in seen) > 2
    assert all(weight <= MIB for weight, _, _ in seen)
