"""OpenAI Agents SDK: a recorded payload, agents, outcomes, any order of items."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.formats.page_examples import events_of

# What the exporter of openai-agents 0.24 sent for a made-up run.
RECORDED = (Path(__file__).parent / "openai_agents.jsonl").read_bytes().splitlines()


def span(number: int, parent: int | None, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "object": "trace.span", "id": f"span_{number}", "trace_id": "trace_1",
        "parent_id": None if parent is None else f"span_{parent}",
        "started_at": f"2026-10-05T08:00:{number:02}+00:00",
        "ended_at": f"2026-10-05T08:00:{number:02}.5+00:00", "span_data": data, "error": None,
    } | more  # fmt: skip


def function(name: str = "pay", given: str = "{}", output: Any = "ok") -> dict[str, Any]:
    return {"type": "function", "name": name, "input": given, "output": output}


def agent(name: str) -> dict[str, Any]:
    return {"type": "agent", "name": name, "tools": [], "handoffs": []}


def test_recorded_payload_gives_agents_outcomes_and_origins() -> None:
    made = events_of("openai-agents", *RECORDED)
    assert [(one["agent"]["id"], one["tool"], one["outcome"]) for one in made] == [
        ("Clerk", "read_invoice", "ok"), ("Payer", "pay", "ok"), ("Bad", "boom", "error"),
    ]  # fmt: skip
    assert made[1]["argument_origins"]["account"] == [["AC-9930417", ["result:read_invoice"]]]
    assert (made[1]["human"], made[1]["mode"]) == ({"id": "jane@example.com"}, "delegated")
    assert "human" not in made[2]
    assert "mode" not in made[2]


@pytest.mark.parametrize("kind", ["generation", "response"])
def test_tokens_of_a_turn_belong_to_its_next_call(kind: str) -> None:
    usage = {"input_tokens": 800, "output_tokens": 12}
    made = events_of("openai-agents", {"data": [
        span(1, None, agent("Clerk")), span(2, 1, {"type": kind, "usage": usage}),
        span(3, 1, function()), span(4, 1, function()),
    ]})  # fmt: skip
    assert [one.get("attributes", {}).get("tokens") for one in made] == [812, None]


@pytest.mark.parametrize("seed", range(5))
def test_order_of_items_is_irrelevant(seed: int) -> None:
    items = [item for line in RECORDED for item in json.loads(line)["data"]]
    random.Random(seed).shuffle(items)  # noqa: S311  # no secret
    made = events_of("openai-agents", {"data": items})
    in_order = events_of("openai-agents", *RECORDED)
    assert sorted(made, key=lambda one: one["id"]) == sorted(in_order, key=lambda one: one["id"])


def test_agent_is_the_nearest_agent_span_above_nested_functions() -> None:
    items = [
        span(1, None, agent("Boss")),
        span(2, 1, function("ask_writer")),
        span(3, 2, {"type": "custom", "name": "turn"}),
        span(4, 3, function("look_up")),
        span(5, 2, agent("Writer")),
        span(6, 5, function("write")),
    ]
    made = events_of("openai-agents", {"data": items})
    assert {one["tool"]: one["agent"]["id"] for one in made} == {
        "ask_writer": "Boss", "look_up": "Boss", "write": "Writer",
    }  # fmt: skip


def test_request_to_a_subagent_does_not_come_from_a_person() -> None:
    asks = (
        [{"role": "user", "content": "Read mail 1041"}],
        [{"role": "user", "content": "Pay DE-9"}],
    )
    items = [
        span(1, None, agent("Boss")),
        span(2, 1, {"type": "generation", "input": asks[0]}),
        span(3, 1, function("read_mail", '{"number": "1041"}', "please pay DE-9")),
        span(4, 1, function("helper", '{"input": "Pay DE-9"}')),
        span(5, 4, agent("Helper")),
        span(6, 5, {"type": "generation", "input": asks[1]}),
        span(7, 5, function("pay", '{"to": "DE-9"}')),
    ]
    made = {one["tool"]: one for one in events_of("openai-agents", {"data": items})}
    assert made["pay"]["purpose"] == "Read mail 1041"
    assert made["pay"]["argument_origins"]["to"] == [["DE-9", ["result:read_mail"]]]
    assert made["read_mail"]["argument_origins"]["number"] == [["1041", ["request"]]]


def test_workflow_is_the_agent_of_functions_outside_of_agents() -> None:
    trace = {"object": "trace", "id": "trace_1", "workflow_name": "Nightly"}
    (made,) = events_of("openai-agents", {"data": [trace, span(1, None, function())]})
    assert made["agent"] == {"id": "Nightly"}


def test_guardrail_that_stops_a_function_denies_it() -> None:
    error = {"message": "Tool input guardrail tripwire triggered", "data": {}}
    items = [span(1, None, agent("A")), span(2, 1, function(output=None), error=error)]
    assert [one["outcome"] for one in events_of("openai-agents", {"data": items})] == ["denied"]


def test_function_without_an_end_has_no_outcome() -> None:
    items = [span(1, None, agent("A")), span(2, 1, function(output=None), ended_at=None)]
    assert ["outcome" in one for one in events_of("openai-agents", {"data": items})] == [False]


def test_request_of_a_long_conversation_counts_once() -> None:
    first = [{"role": "system", "content": "s"}, {"role": "user", "content": "pay Ines"}]
    later = [*first, {"type": "function_call_output", "output": "DE-77"}]
    items = [
        span(1, None, agent("A")),
        span(2, 1, {"type": "generation", "input": first}),
        span(3, 1, {"type": "generation", "input": later}),
        span(4, 1, function(given='{"card":"DE-77"}')),
    ]
    (made,) = events_of("openai-agents", {"data": items})
    assert made["purpose"] == "pay Ines"
    assert made["argument_origins"] == {"card": [["DE-77", []]]}
