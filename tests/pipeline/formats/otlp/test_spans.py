"""Spans: which are calls, whose they are, and what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pipeline.formats.otlp.payloads import (
    CHAT,
    TRACE,
    agent,
    asked,
    events_of,
    span,
    tool,
    traces,
)


def test_a_call_takes_the_nearest_agent_above_it_in_any_order_of_arrival() -> None:
    call, between, root = tool(3, parent=2), span(2, {"x": 1}, parent=1), agent(1)
    for order in ((call, between, root), (root, between, call)):
        (event,) = events_of(*(traces(one) for one in order))
        assert event["agent"] == {"id": "weather-bot"}
        assert (event["tool"], event["outcome"], event["duration_ms"]) == ("get_weather", "ok", 250)
        assert (event["trace_id"], event["session"]) == (TRACE, TRACE)
        assert event["attributes"]["call_id"] == f"{3:016x}"


def test_a_call_names_its_own_agent_before_the_one_above_it() -> None:
    own = {"gen_ai.agent.id": "agent-7", "gen_ai.agent.version": "2"}
    (event,) = events_of(traces(tool(2, parent=1, said=own), agent(1)))
    assert event["agent"] == {"id": "agent-7", "version": "2"}


def test_a_call_below_no_agent_is_of_its_service() -> None:
    more = {"service.version": "1.4", "service.instance.id": "i-1"}
    (event,) = events_of(traces(tool(1), service="orders", **more))
    assert event["agent"] == {"id": "orders", "version": "1.4", "instance": "i-1"}


def test_a_call_has_the_version_of_the_service_of_its_agent() -> None:
    version = {"service.version": "1.4", "service.instance.id": "i-1"}
    payloads = [
        traces(tool(3, parent=2, at=1), agent(2, "inner", parent=1), service="b"),
        traces(agent(1, "outer"), service="a", **version),
    ]
    (event,) = events_of(*payloads)
    assert event["agent"] == {"id": "inner"}
    (event,) = events_of(traces(tool(2, parent=1), agent(1), **version))
    assert event["agent"] == {"id": "weather-bot", "version": "1.4", "instance": "i-1"}


def test_a_call_of_a_subagent_is_of_the_subagent() -> None:
    events = events_of(
        traces(
            tool(4, "search", parent=3, at=2),
            agent(3, "researcher", parent=2, at=1),
            tool(2, "research", parent=1, at=1, took=10),
            agent(1, "planner"),
        )
    )
    assert [(one["tool"], one["agent"]["id"]) for one in events] == [
        ("research", "planner"),
        ("search", "researcher"),
    ]


def test_a_request_to_a_subagent_comes_from_an_agent() -> None:
    say = {"gen_ai.tool.call.arguments": '{"to":"Eve","city":"Bonn"}'}
    (event,) = events_of(
        traces(
            tool(4, parent=3, at=2, said=say),
            span(5, CHAT | {"gen_ai.input.messages": asked("Mail Eve")}, parent=3, at=1),
            agent(3, "mailer", parent=1, at=1),
            agent(1, said={"gen_ai.input.messages": asked("Weather in Bonn?")}),
        )
    )
    assert event["purpose"] == "Weather in Bonn?"
    assert event["argument_origins"] == {"to": [["Eve", []]], "city": [["Bonn", ["request"]]]}


def test_results_and_system_prompts_are_origins_of_later_arguments() -> None:
    first = {"gen_ai.tool.call.result": '{"iban":"DE0050"}'}
    second = {"gen_ai.tool.call.arguments": '{"iban":"DE0050","fee":"F-12"}'}
    system = json.dumps([{"type": "text", "content": "Use fee F-12"}])
    events = events_of(
        traces(
            tool(2, "read", parent=1, at=1, said=first),
            tool(3, "pay", parent=1, at=2, said=second),
            agent(1, said={"gen_ai.system_instructions": system}),
        )
    )
    assert events[0]["volume"] == {"bytes_in": len("DE0050")}
    assert events[1]["argument_origins"] == {
        "iban": [["DE0050", ["result:read"]]],
        "fee": [["F-12", ["system"]]],
    }


@pytest.mark.parametrize(
    "usage",
    [
        {"gen_ai.usage.input_tokens": 800, "gen_ai.usage.output_tokens": 12},
        {"gen_ai.usage.prompt_tokens": 800, "gen_ai.usage.completion_tokens": 12},
        {"llm.token_count.prompt": 800, "llm.token_count.completion": 12},
    ],
)
def test_tokens_of_model_calls_belong_to_the_next_call_of_a_tool(usage: dict[str, Any]) -> None:
    events = events_of(
        traces(
            span(2, CHAT | usage, parent=1, at=1),
            span(3, CHAT | usage, parent=1, at=2),
            tool(4, parent=1, at=3),
            tool(5, parent=1, at=4),
            agent(1, said=usage),
        )
    )
    assert [one["attributes"].get("tokens") for one in events] == [1624, None]


def test_model_calls_alone_give_no_event() -> None:
    assert events_of(traces(span(1, CHAT | {"gen_ai.system": "openai"}))) == []


@pytest.mark.parametrize(
    ("said", "failed", "outcome"),
    [
        ({}, False, "ok"),
        ({}, True, "error"),
        ({"error.type": "timeout"}, False, "error"),
        ({"error.type": "permission_denied"}, True, "denied"),
        ({"gen_ai.guardrail.verdict.type": "deny"}, False, "denied"),
    ],
)
def test_the_outcome_of_a_call(said: dict[str, Any], failed: bool, outcome: str) -> None:
    (event,) = events_of(traces(tool(1, said=said, failed=failed)))
    assert event["outcome"] == outcome


def test_a_guardrail_that_denies_makes_the_call_above_it_denied() -> None:
    verdict = {
        "gen_ai.operation.name": "run_guardrail",
        "gen_ai.guardrail.verdict.type": "deny",
    }
    (event,) = events_of(traces(span(3, verdict, parent=2), tool(2, parent=1), agent(1)))
    assert event["outcome"] == "denied"
    (event,) = events_of(traces(span(3, verdict | {"gen_ai.tool.name": "pay"}, parent=1), agent(1)))
    assert (event["tool"], event["outcome"]) == ("pay", "denied")


def test_a_guardrail_that_allows_says_nothing() -> None:
    verdict = {"gen_ai.guardrail.verdict.type": "allow"}
    (event,) = events_of(traces(span(3, verdict, parent=2), tool(2, parent=1), agent(1)))
    assert event["outcome"] == "ok"


def test_the_conversation_is_the_session_where_any_span_names_it() -> None:
    talk = {"gen_ai.conversation.id": "conv-9"}
    (event,) = events_of(
        traces(span(2, CHAT | talk, parent=1)), traces(tool(3, parent=1), agent(1))
    )
    assert (event["session"], event["trace_id"]) == ("conv-9", TRACE)


def test_a_person_makes_the_mode_delegated_and_no_person_leaves_it_open() -> None:
    (event,) = events_of(traces(tool(2, parent=1), agent(1, said={"user.id": "ines@example.com"})))
    assert (event["human"], event["mode"]) == ({"id": "ines@example.com"}, "delegated")
    (event,) = events_of(traces(tool(1)))
    assert "human" not in event
    assert "mode" not in event


def test_an_agent_is_never_its_own_person() -> None:
    said = {"gen_ai.agent.id": "bot", "user.id": "bot"}
    (event,) = events_of(traces(tool(2, parent=1), agent(1, said=said)))
    assert "human" not in event


@pytest.mark.parametrize("operation", ["search_memory", "delete_memory_store", "retrieval"])
def test_memory_and_retrieval_are_calls(operation: str) -> None:
    said = {"gen_ai.operation.name": operation, "gen_ai.data_source.id": "kb-1"}
    (event,) = events_of(traces(span(2, said, parent=1), agent(1)))
    assert (event["tool"], event["resource"]["id"]) == (operation, "kb-1")


def test_the_name_of_a_span_never_decides() -> None:
    named = [span(2, {"x": 1}, parent=1, name="execute_tool pay"), agent(1, name="get_weather")]
    assert events_of(traces(*named)) == []


def test_traces_without_anything_of_an_agent_open_no_session() -> None:
    from pipeline.assembling.assembler import Assembler
    from pipeline.formats.otlp.reader import OTLP

    assembler = Assembler(7)
    payload = traces(span(1, {"http.request.method": "GET"}, kind=2))
    assert assembler.take(OTLP.decode(payload), ordered=False, arrived_us=1) == []
    assert len(assembler) == 0


def test_equal_call_ids_in_two_traces_are_two_events() -> None:
    said = {"gen_ai.tool.call.id": "call_0"}
    other = "0" * 31 + "1"
    events = events_of(traces(tool(1, said=said), tool(2, said=said, trace=other)))
    assert len({one["id"] for one in events}) == 2
    assert {one["attributes"]["call_id"] for one in events} == {"call_0"}


def test_a_model_call_that_two_instrumentations_report_costs_its_tokens_once() -> None:
    used = {"llm.token_count.prompt": 100, "llm.token_count.completion": 20}
    model = {"openinference.span.kind": "LLM"} | used
    call = {"openinference.span.kind": "TOOL", "tool.name": "pay"}
    (event,) = events_of(
        traces(
            span(4, model, parent=2, at=1),
            span(2, model, parent=1, at=1),
            span(5, model, parent=1, at=2),
            span(3, call, parent=1, at=3),
            span(1, {"openinference.span.kind": "AGENT", "agent.name": "clerk"}),
        )
    )
    assert event["attributes"]["tokens"] == 240


def test_a_model_call_that_two_spans_report_beside_each_other_costs_its_tokens_once() -> None:
    used = CHAT | {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20}
    one, other = used | {"gen_ai.response.id": "m-1"}, used | {"gen_ai.response.id": "m-2"}
    (event,) = events_of(
        traces(
            span(2, one, parent=1, at=1, took=0.4),
            span(3, one, parent=1, at=1.1, took=0.2),
            span(4, other, parent=1, at=1.2),
            span(5, one, parent=1, at=2),
            tool(6, parent=1, at=3),
            agent(1),
        )
    )
    assert event["attributes"]["tokens"] == 360


DETAILS = "gen_ai.client.inference.operation.details"


def parted(role: str, **part: Any) -> str:
    return json.dumps([{"role": role, "parts": [part]}])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (
            [("gen_ai.tool.message", {"role": "tool", "content": '{"to":"DE0050"}'})],
            [("gen_ai.choice", {"message": '[{"text":"paid"}]'})],
        ),
        (
            [(DETAILS, {"gen_ai.input.messages": parted(
                "tool", type="tool_call", name="pay", arguments={"to": "DE0050"}
            )})],
            [(DETAILS, {"gen_ai.output.messages": parted(
                "tool", type="tool_call_response", response=[{"text": "paid"}]
            )})],
        ),
    ],
)  # fmt: skip
def test_content_in_the_events_of_spans(given: Any, found: Any) -> None:
    chat = span(2, CHAT, parent=1, events=[(DETAILS, {"gen_ai.input.messages": asked("DE0050")})])
    (event,) = events_of(
        traces(chat, tool(3, "pay", parent=1, at=1, events=given + found), agent(1))
    )
    assert event["arguments"] == {"to": "DE0050"}
    assert event["argument_origins"] == {"to": [["DE0050", ["request"]]]}
    assert event["volume"] == {"bytes_in": 4}
