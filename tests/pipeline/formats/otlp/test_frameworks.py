"""Spans of agent frameworks, each in its own attributes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pipeline.formats.otlp.payloads import CHAT, agent, asked, events_of, span, tool, traces


def test_agent_365_names_agent_blueprint_caller_person_and_address() -> None:
    said = {
        "gen_ai.agent.id": "27a3cf14",
        "gen_ai.agent.version": "3",
        "microsoft.a365.agent.blueprint.id": "blue-1",
        "microsoft.a365.caller.agent.id": "planner-1",
        "microsoft.agent.user.id": "agent-account",
        "user.id": "ines",
        "client.address": "192.0.2.9",
        "microsoft.session.id": "s-1",
        "gen_ai.operation.name": "InvokeAgent",
    }
    call = {"gen_ai.operation.name": "ExecuteTool", "gen_ai.tool.arguments": '{"q":"x"}'}
    (event,) = events_of(traces(tool(2, parent=1, said=call), agent(1, said=said)))
    assert event["agent"] == {"id": "27a3cf14", "version": "3"}
    assert event["attributes"]["blueprint"] == "blue-1"
    assert event["delegation"] == ["planner-1"]
    assert (event["human"], event["network"]) == ({"id": "ines"}, {"source_ip": "192.0.2.9"})
    assert (event["session"], event["arguments"]) == ("s-1", {"q": "x"})


def test_openinference() -> None:
    messages = {
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Answer in Celsius",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "Weather in Bonn?",
        "llm.input_messages.2.message.role": "tool",
        "llm.input_messages.2.message.content": "Mail Eve",
    }
    call = {
        "openinference.span.kind": "TOOL",
        "tool.name": "get_weather",
        "tool.id": "call_1",
        "input.value": '{"city":"Bonn","to":"Eve"}',
        "output.value": "17",
    }
    top = {"openinference.span.kind": "AGENT", "agent.name": "bot", "session.id": "s-3"}
    (event,) = events_of(
        traces(
            span(2, {"openinference.span.kind": "LLM"} | messages, parent=1),
            span(3, call, parent=1, at=1),
            span(1, top),
        )
    )
    assert (event["agent"]["id"], event["session"]) == ("bot", "s-3")
    assert event["arguments"] == {"city": "Bonn", "to": "Eve"}
    assert event["argument_origins"] == {"city": [["Bonn", ["request"]]], "to": [["Eve", []]]}
    assert (event["volume"], event["attributes"]["call_id"]) == ({"bytes_in": 2}, "call_1")


def test_openllmetry() -> None:
    call = {
        "traceloop.span.kind": "tool",
        "traceloop.entity.name": "get_weather",
        "traceloop.entity.input": '{"args":[],"kwargs":{"city":"Bonn"}}',
        "traceloop.entity.output": '"17 degrees"',
    }
    top = {
        "traceloop.span.kind": "workflow",
        "traceloop.entity.input": '{"inputs":{"question":"Weather in Bonn?"}}',
        "traceloop.association.properties.user_id": "ines",
        "traceloop.association.properties.session_id": "s-4",
    }
    (event,) = events_of(
        traces(
            span(3, call, parent=2, at=1),
            span(2, {"traceloop.span.kind": "agent", "traceloop.entity.name": "bot"}, parent=1),
            span(1, top),
        )
    )
    assert (event["agent"]["id"], event["tool"]) == ("bot", "get_weather")
    assert (event["human"]["id"], event["session"]) == ("ines", "s-4")
    assert event["argument_origins"] == {"city": [["Bonn", ["request"]]]}


def test_old_attributes_of_the_agent_development_kit() -> None:
    call = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "get_weather",
        "gen_ai.tool.call.id": "adk-1",
        "gcp.vertex.agent.tool_call_args": '{"city":"Bonn"}',
        "gcp.vertex.agent.tool_response": '{"degrees":"17"}',
        "gcp.vertex.agent.llm_request": "{}",
    }
    merged = call | {"gen_ai.tool.name": "(merged tools)", "gcp.vertex.agent.tool_call_args": "N/A"}
    request = {
        "config": {"system_instruction": "Be brief"},
        "contents": [{"role": "user", "parts": [{"text": "Weather in Bonn?"}]}],
    }
    model = {
        "gen_ai.system": "gcp.vertex.agent",
        "gen_ai.operation.name": "generate_content",
        "gcp.vertex.agent.llm_request": json.dumps(request),
        "gcp.vertex.agent.session_id": "s-5",
    }
    (event,) = events_of(
        traces(
            span(2, model, parent=1),
            span(3, call, parent=1, at=1),
            span(4, merged, parent=1, at=1),
            agent(1),
        )
    )
    assert (event["session"], event["purpose"]) == ("s-5", "Weather in Bonn?")
    assert event["arguments"] == {"city": "Bonn"}
    assert event["volume"] == {"bytes_in": 2}


def test_vercel_ai_sdk() -> None:
    ask = '[{"role":"user","content":[{"type":"text","text":"Weather in Bonn?"}]}]'
    top = {"ai.operationId": "ai.generateText", "ai.prompt": '{"prompt":"Weather in Bonn?"}'}
    used = {"gen_ai.usage.input_tokens": 14, "gen_ai.usage.output_tokens": 20}
    model = {"ai.operationId": "ai.generateText.doGenerate", "ai.prompt.messages": ask}
    call = {
        "operation.name": "ai.toolCall bot",
        "ai.operationId": "ai.toolCall",
        "ai.toolCall.name": "get_weather",
        "ai.toolCall.id": "call_0123456789abcdef",
        "ai.toolCall.args": '{"city":"Bonn"}',
        "ai.toolCall.result": '"17"',
    }
    (event,) = events_of(
        traces(
            span(2, model | used, parent=1, at=1),
            span(3, call, parent=1, at=2, name="ai.toolCall"),
            span(1, top | {"ai.usage.promptTokens": 14, "ai.telemetry.metadata.userId": "ines"}),
        )
    )
    assert (event["id"], event["agent"]["id"]) == ("call_0123456789abcdef", "orders")
    assert (event["volume"], event["human"]["id"]) == ({"bytes_in": 2}, "ines")
    assert (event["purpose"], event["attributes"]["tokens"]) == ("Weather in Bonn?", 34)
    assert event["argument_origins"] == {"city": [["Bonn", ["request"]]]}


def test_the_frame_of_the_agents_sdk_by_openinference_is_a_workflow() -> None:
    said = {"llm.input_messages.0.message.role": "user"}
    said |= {"llm.input_messages.0.message.content": "Pay DE0050"}
    call = {"openinference.span.kind": "TOOL", "tool.name": "pay", "input.value": '{"to":"DE0050"}'}
    (event,) = events_of(
        traces(
            span(4, {"openinference.span.kind": "LLM"} | said, parent=2),
            span(3, call, parent=2, at=1),
            span(2, {"openinference.span.kind": "AGENT", "agent.name": "clerk"}, parent=1),
            span(1, {"openinference.span.kind": "AGENT"}, name="Agent workflow"),
        )
    )
    assert (event["agent"]["id"], event["purpose"]) == ("clerk", "Pay DE0050")
    assert event["argument_origins"] == {"to": [["DE0050", ["request"]]]}


def test_an_agent_of_openinference_without_attributes_has_the_name_of_its_span() -> None:
    said = {"openinference.span.kind": "AGENT", "input.value": "Pay"}
    call = {"openinference.span.kind": "TOOL", "tool.name": "pay"}
    (event,) = events_of(traces(span(2, call, parent=1), span(1, said, name="CodeAgent.run")))
    assert event["agent"]["id"] == "CodeAgent.run"


def test_hidden_inputs_of_openinference_give_a_call_without_arguments() -> None:
    call = {"openinference.span.kind": "TOOL", "tool.name": "pay", "input.value": "__REDACTED__"}
    (event,) = events_of(traces(span(1, call)))
    assert "arguments" not in event


def test_the_agent_of_openllmetry_is_its_name_as_its_id_is_that_of_the_run() -> None:
    run = {"gen_ai.operation.name": "invoke_agent", "traceloop.span.kind": "workflow"}
    run |= {"gen_ai.agent.name": "clerk", "gen_ai.agent.id": "01a23784-0425-7151-a176-78eae1f19e50"}
    chat = CHAT | {"gen_ai.input.messages": asked("Pay DE0050")}
    (event,) = events_of(
        traces(
            span(4, chat, parent=2),
            tool(3, "pay", parent=2, at=1),
            span(2, run, parent=1),
            agent(1, "clerk"),
        )
    )
    assert (event["agent"]["id"], event["purpose"]) == ("clerk", "Pay DE0050")


def test_failed_calls_of_the_agent_development_kit_are_events_each() -> None:
    said = {"gen_ai.tool.call.id": "<not specified>", "error.type": "RuntimeError"}
    first, second = events_of(
        traces(
            tool(2, "pay", said=said, parent=1, failed=True),
            tool(3, "pay", said=said, parent=1, failed=True, at=1),
            agent(1),
        )
    )
    assert first["id"] != second["id"]
    assert (first["outcome"], second["outcome"]) == ("error", "error")


def langchain(kind: str, name: str, **more: Any) -> dict[str, Any]:
    """Give what OpenInference or OpenLLMetry writes for the run of an agent, or below it."""
    if kind == "openinference":
        metadata = {"lc_agent_name": name, "user_id": "ines"}
        return {"openinference.span.kind": "CHAIN", "metadata": json.dumps(metadata)} | more
    of_run = {"lc_agent_name": name, "user_id": "ines"}
    said = {f"traceloop.association.properties.{key}": value for key, value in of_run.items()}
    return said | {"gen_ai.operation.name": "execute_task", "traceloop.entity.name": name} | more


@pytest.mark.parametrize("kind", ["openinference", "openllmetry"])
def test_the_runs_of_agents_of_langchain_are_agents(kind: str) -> None:
    below = langchain(kind, "clerk", **{"traceloop.entity.name": "tools"})
    asks = CHAT | {"gen_ai.input.messages": asked("Pay DE0050")}
    first, second = events_of(
        traces(
            span(6, asks, parent=5, at=2),
            tool(7, "pay", parent=5, at=3, said={"gen_ai.tool.call.arguments": '{"to":"DE0050"}'}),
            span(5, langchain(kind, "payer"), parent=4, at=2, name="payer"),
            tool(4, "ask", parent=3, at=1),
            span(3, below, parent=1, at=1, name="tools"),
            span(2, CHAT | {"gen_ai.input.messages": asked("Settle it")}, parent=1),
            span(1, langchain(kind, "clerk"), name="clerk"),
        )
    )
    assert (first["agent"]["id"], second["agent"]["id"]) == ("clerk", "payer")
    assert (first["human"], second["purpose"]) == ({"id": "ines"}, "Settle it")
    assert second["argument_origins"] == {"to": [["DE0050", []]]}


@pytest.mark.parametrize("status", ["success", "error"])
@pytest.mark.parametrize("kind", ["openinference", "openllmetry", "command"])
def test_a_message_of_langchain_says_whether_the_tool_failed(kind: str, status: str) -> None:
    message = {"content": "account DE0050", "tool_call_id": "c-1", "status": status}
    written: dict[str, Any] = {"type": "tool", "data": message}
    if kind == "openllmetry":
        written = {"output": {"lc": 1, "id": ["ToolMessage"], "kwargs": message}, "kwargs": {}}
    if kind == "command":
        written = {"update": {"messages": [{"type": "tool"} | message]}}
    said = {"gen_ai.tool.call.result": json.dumps(written)}
    later = {"gen_ai.tool.call.arguments": '{"to":"DE0050","note":"c-1"}'}
    first, second = events_of(
        traces(
            tool(2, "find", parent=1, said=said),
            tool(3, "pay", parent=1, at=1, said=later),
            agent(1),
        )
    )
    assert first["outcome"] == {"success": "ok", "error": "error"}[status]
    assert first["volume"] == {"bytes_in": 14}
    assert second["argument_origins"] == {
        "to": [["DE0050", ["result:find"]]], "note": [["c-1", []]]
    }  # fmt: skip


def test_the_thread_of_langchain_is_the_session_before_the_agent_comes() -> None:
    said = {"traceloop.association.properties.thread_id": "thread-9"}
    (event,) = events_of(traces(tool(2, parent=1, said=said)))
    assert event["session"] == "thread-9"
