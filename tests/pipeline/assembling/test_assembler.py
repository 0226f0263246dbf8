"""Parts of calls become events: each call once, with its origins, whatever order they come in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.units import SECOND_US
from pipeline.assembling.assembler import (
    HOLD_US,
    LINGER_US,
    MAX_SESSIONS,
    QUIET_US,
    RESUMED_US,
    WAIT_US,
    Assembler,
)
from pipeline.assembling.open_session import MAX_CALLS
from pipeline.formats.part import Part

NOW = 1_800_000_000_000_000
SESSION = "demo/s-1"


def call(number: int, tool: str = "crm.read", at: int = 0, **more: Any) -> Part:
    event = {"tool": tool, "arguments": {"id": f"c-{number}"}} | more.pop("event", {})
    return Part(
        kind="call",
        session=SESSION,
        call=f"call-{number:012}",
        time_us=NOW + at,
        event=event,
        **more,
    )


def result(number: int, text: str = "found", at: int = 1, **more: Any) -> Part:
    event = {"outcome": "ok"} | more.pop("event", {})
    return Part(
        kind="result", session=SESSION, call=f"call-{number:012}", time_us=NOW + at, event=event,
        text=text, **more,
    )  # fmt: skip


def taken(assembler: Assembler, *parts: Part, ordered: bool = True, at: int = 0) -> list[Any]:
    lines = assembler.take(parts, ordered=ordered, arrived_us=NOW + at)
    return [json.loads(line) for line in lines]


def due(assembler: Assembler, after_us: int, *, whole: bool = False) -> list[Any]:
    assembler.has_due(NOW + after_us)
    return [json.loads(line) for line in assembler.due(whole=whole)]


def stored(assembler: Assembler, rows: dict[str, bytes]) -> Assembler:
    """Give the assembler that a new process reads out of the store."""
    changed, gone = assembler.dump()
    rows.update(changed)
    for name in gone:
        del rows[name]
    again = Assembler(7)
    again.load(rows)
    return again


def test_call_and_result_are_one_event_at_the_time_of_the_call() -> None:
    assembler = Assembler(7)
    assert taken(assembler, call(1)) == []
    (event,) = taken(assembler, result(1, text="grüße"))
    assert event["id"] == event["attributes"]["call_id"] == "call-000000000001"
    assert event["time"] == "2027-01-15T08:00:00.000000Z"
    assert (event["tool"], event["outcome"]) == ("crm.read", "ok")
    assert event["volume"] == {"bytes_in": 7}


def test_result_that_comes_before_its_call_waits_for_it() -> None:
    assembler = Assembler(7)
    assert taken(assembler, result(1)) == []
    (event,) = taken(assembler, call(1))
    assert event["outcome"] == "ok"


def test_call_that_several_formats_report_is_one_event() -> None:
    assembler = Assembler(7)
    both = taken(assembler, call(1), result(1))
    again = taken(assembler, call(1), result(1), call(1))
    assert (len(both), again) == (1, [])
    assert assembler.count["parts_repeated"] == 3


def test_call_without_a_result_becomes_an_event_without_an_outcome_and_is_counted() -> None:
    assembler = Assembler(7)
    taken(assembler, call(1))
    assert due(assembler, WAIT_US - SECOND_US) == []
    (event,) = due(assembler, WAIT_US + SECOND_US)
    assert "outcome" not in event
    assert assembler.count["calls_without_result"] == 1
    assert taken(assembler, result(1), at=WAIT_US + 2 * SECOND_US) == []


def test_results_without_a_call_are_counted() -> None:
    assembler = Assembler(7)
    taken(assembler, result(1))
    assert due(assembler, WAIT_US + SECOND_US) == []
    assert assembler.count["results_without_call"] == 1


def test_values_have_the_origins_of_earlier_texts() -> None:
    assembler = Assembler(7)
    asked = Part(kind="request", session=SESSION, text="Pay Ines 40 EUR")
    system = Part(kind="system", session=SESSION, text="You are the desk of example.com")
    taken(assembler, system, asked, call(1, "web.fetch"), result(1, "use DE0050 for Ines"))
    pay = {"arguments": {"iban": "DE0050", "name": "Ines", "host": "example.com", "n": 7}}
    (event,) = taken(assembler, call(2, "pay", event=pay), result(2, "DE0051"))
    assert event["argument_origins"] == {
        "iban": [["DE0050", ["result:web.fetch"]]],
        "name": [["Ines", ["request", "result:web.fetch"]]],
        "host": [["example.com", ["system"]]],
        "n": [["7", []]],
    }
    assert event["purpose"] == "Pay Ines 40 EUR"


def test_calls_have_no_origin_in_results_that_came_after_them() -> None:
    assembler = Assembler(7)
    late = {"arguments": {"iban": "DE0050"}}
    parts = [
        call(2, "pay", at=5, event=late, span="b", parent="root"),
        result(2, "paid", at=9),
        call(1, "web.fetch", at=0, span="a", parent="root"),
        result(1, "DE0050", at=7),
        Part(kind="request", session=SESSION, text="Pay Ines", time_us=NOW - 1),
        Part(kind="span", session=SESSION, span="root", time_us=NOW),
    ]
    first, second = taken(assembler, *parts, ordered=False)
    assert (first["tool"], second["tool"]) == ("web.fetch", "pay")
    assert second["argument_origins"] == {"iban": [["DE0050", []]]}


def test_origins_are_unknown_and_not_empty_where_no_content_was_reported() -> None:
    (event,) = taken(Assembler(7), call(1), result(1))
    assert "argument_origins" not in event


def test_calls_inherit_the_agent_of_the_nearest_span_above() -> None:
    assembler = Assembler(7)
    spans = [
        Part(kind="span", session=SESSION, span="in", parent="out", event={"agent": {"id": "b"}}),
        Part(kind="span", session=SESSION, span="mid", parent="in"),
        Part(kind="span", session=SESSION, span="out", event={"agent": {"id": "a", "role": "r"}}),
    ]
    parts = [call(1, parent="mid"), result(1), call(2, parent="out"), result(2)]
    inner, outer = taken(assembler, *parts, *spans, ordered=False)
    assert inner["agent"] == {"id": "b", "role": "r"}
    assert outer["agent"] == {"id": "a", "role": "r"}


def test_trace_without_a_root_is_released_after_a_few_seconds() -> None:
    assembler = Assembler(7)
    own = {"agent": {"id": "bot"}}
    assert taken(assembler, call(1, parent="x", event=own), result(1), ordered=False) == []
    assert due(assembler, HOLD_US - SECOND_US) == []
    assert [one["id"] for one in due(assembler, HOLD_US + SECOND_US)] == ["call-000000000001"]


def test_reporters_share_no_session() -> None:
    assembler = Assembler(7)
    assembler.take([call(1)], ordered=True, arrived_us=NOW, reporter="anna")
    assert assembler.take([result(1)], ordered=True, arrived_us=NOW, reporter="eve") == []
    (line,) = assembler.take([result(1)], ordered=True, arrived_us=NOW, reporter="anna")
    assert json.loads(line)["agent"] == {"id": "unattributed/anna"}


def test_open_state_continues_in_a_new_process() -> None:
    rows: dict[str, bytes] = {}
    asked = Part(kind="request", session=SESSION, text="Pay Ines")
    first = Assembler(7)
    taken(first, asked, call(1, "web.fetch"), result(1, "DE0050"), call(2, "pay"))
    second = stored(first, rows)
    assert all(b"DE0050" not in blob for blob in rows.values()), "content is not stored"
    (event,) = taken(second, result(2))
    assert event["tool"] == "pay"
    third = stored(second, rows)
    again = taken(third, call(1), result(2))
    assert again == []
    pay = {"arguments": {"iban": "DE0050"}}
    (event,) = taken(third, call(3, event=pay), result(3))
    assert event["argument_origins"] == {"iban": [["DE0050", ["result:web.fetch"]]]}


def test_ended_sessions_leave_the_store_a_little_later() -> None:
    rows: dict[str, bytes] = {}
    assembler = Assembler(7)
    taken(assembler, call(1), result(1, "text"))
    assembler = stored(assembler, rows)
    assert len(rows) == 2
    taken(assembler, Part(kind="end", session=SESSION))
    stored(assembler, rows)
    assert len(rows) == 2
    due(assembler, LINGER_US + SECOND_US)
    stored(assembler, rows)
    assert rows == {}


def test_session_that_continues_after_its_end_keeps_its_content() -> None:
    assembler = Assembler(7)
    taken(assembler, call(1), result(1, "DE0050"), Part(kind="end", session=SESSION))
    later = NOW + RESUMED_US + SECOND_US
    assembler.take([Part(kind="about", session=SESSION)], ordered=True, arrived_us=later)
    due(assembler, LINGER_US + RESUMED_US + SECOND_US)
    pay = {"arguments": {"iban": "DE0050"}}
    (event,) = taken(assembler, call(3, event=pay), result(3))
    assert event["argument_origins"] == {"iban": [["DE0050", ["result:crm.read"]]]}


def test_quiet_sessions_end() -> None:
    assembler = Assembler(7)
    taken(assembler, call(1), result(1))
    due(assembler, QUIET_US + SECOND_US)
    assert len(assembler) == 0


def test_open_sessions_and_calls_are_bounded() -> None:
    assembler = Assembler(7)
    for number in range(MAX_SESSIONS + 10):
        part = Part(kind="about", session=f"s-{number}")
        assembler.take([part], ordered=True, arrived_us=NOW)
    assert len(assembler) == MAX_SESSIONS
    assert assembler.count["sessions_dropped_for_room"] == 10
    events = taken(assembler, *(call(number) for number in range(MAX_CALLS + 5)))
    assert [event["id"] for event in events] == [f"call-{number:012}" for number in range(5)]


def test_short_call_ids_of_two_sessions_are_two_events() -> None:
    assembler, found = Assembler(7), []
    for session in ("one", "two"):
        parts = [
            Part(kind="call", session=session, call="1", event={"tool": "t"}),
            Part(kind="result", session=session, call="1"),
        ]
        found += taken(assembler, *parts)
    assert found[0]["id"] != found[1]["id"]
    assert {event["attributes"]["call_id"] for event in found} == {"1"}


def test_names_that_are_too_long_are_cut() -> None:
    parts = [
        Part(kind="call", session=SESSION, call="c" * 500, event={"tool": "t" * 500}),
        Part(kind="result", session=SESSION, call="c" * 500),
    ]
    (event,) = taken(Assembler(7), *parts)
    assert event["id"].startswith("sha-")
    assert len(event["tool"]) == len(event["attributes"]["call_id"]) == 256


@pytest.mark.parametrize("ordered", [True, False])
@given(
    order=st.permutations([*range(1, 7)] * 2),
    batches=st.lists(st.integers(1, 5), min_size=3, max_size=12),
)
def test_any_order_and_any_batches_give_each_call_once(
    order: list[int], batches: list[int], *, ordered: bool
) -> None:
    assembler, rows, seen, found = Assembler(7), dict[str, bytes](), set[int](), list[str]()
    parts = []
    for number in order:
        parts.append(result(number, at=number) if number in seen else call(number, at=number))
        seen.add(number)
    at = 0
    for size in batches:
        found += [one["id"] for one in taken(assembler, *parts[at : at + size], ordered=ordered)]
        at += size
        assembler = stored(assembler, rows)
    found += [one["id"] for one in taken(assembler, *parts[at:], ordered=ordered)]
    found += [one["id"] for one in due(assembler, 0, whole=True)]
    assert sorted(found) == [f"call-{number:012}" for number in range(1, 7)]
