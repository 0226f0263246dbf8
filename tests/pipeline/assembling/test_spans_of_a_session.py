"""Spans in the assembler: calls inside calls, tokens, and what an agent asks another one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.assembling.ancestors import FIRST_US
from pipeline.assembling.assembler import HOLD_US, Assembler
from pipeline.assembling.state.corpus import Corpus
from pipeline.assembling.state.spans import MAX_DEPTH
from pipeline.formats.part import Part

PAGE = Path(__file__).resolve().parents[3] / "docs" / "integrations" / "otlp.md"


def part(kind: Any, **more: Any) -> Part:
    return Part(kind=kind, session="s", **more)


def a_call(
    call: str, span: str, parent: str, at: int, tool: str = "pay", **more: Any
) -> list[Part]:
    where: dict[str, Any] = {"call": call, "span": span, "parent": parent} | more
    return [
        part("call", time_us=at, event={"tool": tool, "id": f"t/{call}"}, **where),
        part("result", time_us=at + 100 - 10 * at, event={"outcome": "ok"}, text="done", **where),
        part("span", event={"tool": tool}, **where),
    ]


def taken(assembler: Assembler, *parts: Part, ordered: bool = False) -> list[dict[str, Any]]:
    return [json.loads(one) for one in assembler.take(parts, ordered=ordered, arrived_us=1_000)]


ROOT = part("span", span="r", event={"agent": {"id": "bot"}})


def test_the_worse_outcome_counts_where_two_spans_report_one_call() -> None:
    within = a_call("t/b", "b", "a", 2, named=False)
    failed = {"event": {"outcome": "error"}, "call": "t/b", "named": False}
    within[1] = part("result", span="b", parent="a", time_us=50, **failed)
    assembler = Assembler(7)
    (event,) = taken(assembler, *within, *a_call("c-1", "a", "r", 1), ROOT)
    assert (event["id"], event["outcome"], event["agent"]["id"]) == ("t/c-1", "error", "bot")
    assert event["volume"] == {"bytes_in": 4}


def test_a_server_that_was_an_event_already_is_not_repeated_by_its_client() -> None:
    assembler = Assembler(7)
    taken(assembler, *a_call("t/b", "b", "a", 2, named=False))
    assembler.has_due(1_000 + HOLD_US)
    assert assembler.due() == []
    assembler.has_due(1_000 + HOLD_US + FIRST_US)
    assert len(assembler.due()) == 1
    outer = [*a_call("c-1", "a", "r", 1), *a_call("t/b", "a2", "a", 2, named=False), ROOT]
    assert taken(assembler, *outer) == []
    assert assembler.due(whole=True) == []


def test_tokens_belong_to_the_next_call_only() -> None:
    assembler = Assembler(7)
    events = taken(
        assembler,
        *a_call("c-1", "a", "r", 1),
        *a_call("c-2", "b", "r", 4),
        part("usage", size=5, time_us=2),
        part("usage", size=6, time_us=3),
        ROOT,
    )
    said = {one["attributes"]["call_id"]: one["attributes"].get("tokens") for one in events}
    assert said == {"c-1": None, "c-2": 11}


def test_a_request_below_two_agents_is_left_out() -> None:
    inner = part("span", span="i", parent="r", event={"agent": {"id": "inner"}})
    asked = [part("request", span=at, time_us=1, text=f"pay {at}") for at in ("r", "i")]
    (event,) = taken(Assembler(7), *asked, *a_call("c-1", "a", "i", 2), inner, ROOT)
    assert event["purpose"] == "pay r"


def test_trace_without_agents_and_calls_leaves_no_session() -> None:
    assembler = Assembler(7)
    assert taken(assembler, Part(kind="span", session="trace", span="a", parent="b")) == []
    assert taken(assembler, Part(kind="span", session="trace", span="b")) == []
    assert len(assembler) == 0


def test_spans_that_are_held_outlive_a_restart() -> None:
    assembler = Assembler(7)
    taken(assembler, part("usage", size=5), *a_call("c-1", "a", "r", 1))
    rows, _ = assembler.dump()
    later = Assembler(7)
    later.load(dict(rows))
    (event,) = taken(later, ROOT)
    assert (event["agent"]["id"], event["attributes"]["tokens"]) == ("bot", 5)


def test_a_trace_without_a_session_is_the_session() -> None:
    about = part("about", event={"trace_id": "t-1", "agent": {"id": "x", "version": None}})
    (event,) = taken(Assembler(7), about, *a_call("c-1", "a", "", 1))
    assert (event["session"], event["agent"]) == ("t-1", {"id": "x"})


def test_a_text_that_comes_again_is_kept_once() -> None:
    corpus = Corpus(7)
    for _ in range(3):
        corpus.add("request", "Weather in Bonn?")
    assert len(corpus) == 1


def test_an_argument_of_more_than_64_bits_outlives_a_restart() -> None:
    call = part("call", call="c-1", time_us=1, event={"tool": "pay", "arguments": {"n": 10**30}})
    assembler, later = Assembler(7), Assembler(7)
    assert taken(assembler, call, ordered=True) == []
    later.load(dict(assembler.dump()[0]))
    (line,) = later.due(whole=True)
    assert json.loads(line)["arguments"] == {"n": 10**30}


def test_arguments_of_any_depth_outlive_a_restart() -> None:
    deep: Any = "x"
    for _ in range(990):
        deep = [deep]
    call = part("call", call="c-1", time_us=1, event={"tool": "pay", "arguments": {"n": deep}})
    assembler, later = Assembler(7), Assembler(7)
    assert taken(assembler, call, ordered=True) == []
    later.load(dict(assembler.dump()[0]))
    assert len(later.due(whole=True)) == 1


def test_a_session_that_ends_for_room_gives_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.assembling.assembler.MAX_SESSIONS", 1)
    assembler = Assembler(7)
    assert taken(assembler, *a_call("c-1", "a", "r", 1)) == []
    other = [Part(kind="request", session=name, text="Hello") for name in ("b", "c")]
    root = Part(kind="call", session="b", call="c-2", event={"tool": "pay"})
    event, *_ = taken(assembler, other[0], root, other[1])
    assert event["attributes"]["call_id"] == "c-1"
    assert assembler.count["sessions_dropped_for_room"] == 2


@pytest.mark.parametrize(("between", "agent"), [(MAX_DEPTH - 1, "bot"), (MAX_DEPTH, "orders")])
def test_agent_is_found_as_far_above_a_call_as_the_page_says(between: int, agent: str) -> None:
    assert f"of {MAX_DEPTH} spans" in PAGE.read_text()
    spans = [part("span", span=f"{at}", parent=f"{at + 1}") for at in range(between)]
    root = part("span", span=f"{between}", event={"agent": {"id": "bot"}})
    service = part("about", event={"agent": {"id": "orders"}})
    (event,) = taken(Assembler(7), service, *spans, root, *a_call("c-1", "a", "0", 1))
    assert event["agent"]["id"] == agent
