"""Calls that only the messages of model calls report."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pipeline.formats.otlp.payloads import CHAT, agent, events_of, span, tool, traces

FIRST = ("c-1", "find", {"of": "ines@example.com"}, "account DE0050")
SECOND = ("c-2", "pay", {"to": "DE0050"}, "paid")
THIRD = ("c-3", "rate", {"currency": "EUR"}, "1.07")
Call = tuple[str, str, dict[str, Any], str]


def conventions(*turns: list[Call]) -> dict[str, Any]:
    messages = [{"role": "user", "parts": [{"type": "text", "content": "Pay ines@example.com"}]}]
    for calls in turns:
        asked = [
            {"type": "tool_call", "id": call, "name": name, "arguments": arguments}
            for call, name, arguments, _ in calls
        ]
        said = [
            {"type": "tool_call_response", "id": call, "response": result}
            for call, _, _, result in calls
        ]
        messages.append({"role": "assistant", "parts": asked})
        messages.append({"role": "tool", "parts": said})
    return CHAT | {"gen_ai.input.messages": json.dumps(messages)}


def openinference(*turns: list[Call]) -> dict[str, Any]:
    return _flattened(turns, "llm.input_messages", ".message", "tool_call.", "function.") | {
        "openinference.span.kind": "LLM"
    }


def openllmetry(*turns: list[Call]) -> dict[str, Any]:
    return _flattened(turns, "gen_ai.prompt", "", "", "") | CHAT


def _flattened(turns: Any, prefix: str, middle: str, one: str, function: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Pay ines@example.com"}]
    for calls in turns:
        asked: dict[str, Any] = {"role": "assistant"}
        for place, (call, name, arguments, _) in enumerate(calls):
            at = f"tool_calls.{place}.{one}"
            asked |= {f"{at}id": call, f"{at}{function}name": name}
            asked[f"{at}{function}arguments"] = json.dumps(arguments)
        messages.append(asked)
        messages += [
            {"role": "tool", "tool_call_id": c, "content": said} for c, _, _, said in calls
        ]
    for place, message in enumerate(messages):
        found |= {f"{prefix}.{place}{middle}.{key}": value for key, value in message.items()}
    return found


@pytest.mark.parametrize("said", [conventions, openinference, openllmetry])
def test_a_loop_around_a_client_gives_each_answered_call_once(said: Any) -> None:
    first, beside, second = events_of(
        traces(
            span(2, said(), parent=1),
            span(3, said([FIRST, THIRD]), parent=1, at=1),
            span(4, said([FIRST, THIRD], [SECOND]), parent=1, at=2),
            span(1, {}),
        )
    )
    assert [one["tool"] for one in (first, beside, second)] == ["find", "rate", "pay"]
    assert [one["attributes"]["call_id"] for one in (first, second)] == ["c-1", "c-2"]
    assert first["agent"]["id"] == "orders"
    assert first["argument_origins"] == {"of": [["ines@example.com", ["request"]]]}
    assert beside["argument_origins"] == {"currency": [["EUR", []]]}
    assert second["argument_origins"] == {"to": [["DE0050", ["result:find"]]]}
    assert second["volume"] == {"bytes_in": 4}
    assert "outcome" not in first  # messages do not say it


def answer(said: Any, call: Call) -> dict[str, Any]:
    """Give what the answer of a model that asks for a call is in a dialect."""
    if said is conventions:
        messages = json.loads(conventions([call])["gen_ai.input.messages"])
        return {"gen_ai.output.messages": json.dumps(messages[1:2])}
    asked, before, after = "llm.input_messages.1.", "llm.input_messages", "llm.output_messages"
    if said is openllmetry:
        asked, before, after = "gen_ai.prompt.1.", "gen_ai.prompt", "gen_ai.completion"
    return {
        key.replace(asked, f"{before}.0.").replace(before, after): value
        for key, value in said([call]).items()
        if key.startswith(asked)
    }


@pytest.mark.parametrize("said", [conventions, openinference, openllmetry])
@pytest.mark.parametrize("apart", [False, True])
def test_call_of_the_last_answer_has_no_outcome_and_no_result(said: Any, apart: bool) -> None:
    spans = [
        span(2, said() | answer(said, FIRST), parent=1),
        span(3, said([FIRST]) | answer(said, SECOND), parent=1, at=1),
        agent(1),
    ]
    first, last = events_of(*(map(traces, spans) if apart else [traces(*spans)]))
    assert [one["attributes"]["call_id"] for one in (first, last)] == ["c-1", "c-2"]
    assert (first["volume"], first["time"]) == ({"bytes_in": 14}, "2025-11-24T16:00:00.250000Z")
    assert (last["tool"], last["agent"]["id"]) == ("pay", "weather-bot")
    assert last["argument_origins"] == {"to": [["DE0050", ["result:find"]]]}
    assert "outcome" not in last
    assert "volume" not in last


def test_call_of_the_last_answer_waits_for_its_result_and_is_counted() -> None:
    from pipeline.assembling.assembler import WAIT_US, Assembler
    from pipeline.formats.otlp.reader import OTLP

    assembler = Assembler(7)
    said = conventions() | answer(conventions, FIRST)
    payload = traces(span(2, said, parent=1), agent(1))
    assert assembler.take(OTLP.decode(payload), ordered=False, arrived_us=1) == []
    assembler.now_us = WAIT_US
    assert assembler.due() == []
    assembler.now_us = WAIT_US + 2
    (line,) = assembler.due()
    assert json.loads(line)["tool"] == "find"
    assert assembler.counted() == {"assembly_calls_without_result": 1}


@pytest.mark.parametrize("call", [{}, {"gen_ai.tool.call.id": "c-1"}])
def test_answer_before_the_span_of_its_call_adds_no_event(call: dict[str, str]) -> None:
    said = conventions() | answer(conventions, FIRST)
    model = traces(span(2, said, parent=1), agent(1))
    (event,) = events_of(model, traces(tool(3, "find", parent=1, at=1, said=call)))
    assert (event["outcome"], event["duration_ms"]) == ("ok", 250)


@pytest.mark.parametrize("long", ["call_0123456789abcdef", "c" * 128])
def test_call_that_another_trace_reports_is_in_no_conflict_with_its_answer(long: str) -> None:
    said = conventions() | answer(conventions, (long, *FIRST[1:]))
    other = "0" * 31 + "1"
    resumed = [
        tool(3, "find", parent=4, trace=other, said={"gen_ai.tool.call.id": long}),
        span(4, {}, trace=other),
    ]
    events = events_of(traces(span(2, said, parent=1), span(1, {})), traces(*resumed))
    assert {one["attributes"]["call_id"] for one in events} == {long}
    assert len({one["id"] for one in events}) == 2
    assert [one.get("outcome") for one in events if one["id"] == long] == ["ok"]


def test_answers_of_a_gateway_and_of_a_lone_model_call_give_no_event() -> None:
    said = conventions() | answer(conventions, FIRST)
    assert events_of(traces(span(2, said))) == []
    key = {"metadata.user_api_key_hash": "88dc28d0"}
    assert events_of(traces(span(2, said | key, parent=1))) == []


def test_such_a_call_is_of_the_agent_above_that_comes_later() -> None:
    model = traces(span(2, conventions([FIRST]), parent=1))
    (event,) = events_of(model, traces(agent(1)))
    assert event["agent"]["id"] == "weather-bot"


@pytest.mark.parametrize("apart", [False, True])
def test_messages_add_nothing_to_spans_of_tools(apart: bool) -> None:
    spans = [
        tool(3, "find", parent=1),
        span(4, openinference([FIRST]), parent=1, at=1),
        agent(1),
    ]
    (event,) = events_of(*(map(traces, spans) if apart else [traces(*spans)]))
    assert event["attributes"]["call_id"] == f"{3:016x}"


def test_a_model_call_that_is_alone_in_its_trace_gives_no_event() -> None:
    assert events_of(traces(span(2, conventions([FIRST])))) == []


@pytest.mark.parametrize(
    "more",
    [
        {"role": "user", "content": "And now?"},  # an example in the prompt
        {"role": "assistant", "content": "Paid."},
    ],
)
def test_calls_that_the_last_message_does_not_answer_are_not_new(more: dict[str, str]) -> None:
    said = conventions([FIRST])
    messages = [*json.loads(said["gen_ai.input.messages"]), more]
    said["gen_ai.input.messages"] = json.dumps(messages)
    assert events_of(traces(span(2, said, parent=1))) == []


def test_a_gateway_is_not_the_agent_of_the_calls_in_its_messages() -> None:
    said = conventions([FIRST]) | {"metadata.user_api_key_hash": "88dc28d0"}
    assert events_of(traces(span(2, said, parent=1))) == []


@pytest.mark.parametrize(("failed", "outcome"), [(True, "error"), (False, None)])
def test_a_failure_that_the_messages_say_is_the_outcome(failed: bool, outcome: str | None) -> None:
    call = {"type": "tool_use", "id": "c-1", "name": "find", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c-1", "content": "", "is_error": failed}
    messages = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    said = CHAT | {"gen_ai.input.messages": json.dumps(messages)}
    (event,) = events_of(traces(span(2, said, parent=1)))
    assert event.get("outcome") == outcome
