"""Log records of Codex CLI, Gemini CLI and gateways."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.formats.otlp.reader import OTLP
from tests.pipeline.formats.otlp.payloads import TRACE, agent, events_of, log, logs, tool, traces

CODEX = {
    "conversation.id": "c-1",
    "app.version": "0.99",
    "model": "gpt-x",
    "user.account_id": "acct-1",
    "event.timestamp": "2026-10-05T08:00:00.500Z",
}
SHELL = {
    "event.name": "codex.tool_result",
    "tool_name": "shell",
    "call_id": "call_0123456789abcdef",
    "arguments": '{"command":["ls"]}',
    "duration_ms": "100",
    "success": "true",
    "output": "a.py",
    "mcp_server": "",
}


def test_codex_gives_arguments_and_output() -> None:
    prompt = {"event.name": "codex.user_prompt", "prompt": "List the files with ls"}
    used = {"event.name": "codex.sse_event", "event.kind": "response.completed"}
    tokens = {"input_token_count": "100", "output_token_count": 20}
    (event,) = events_of(
        logs(log("", CODEX | prompt), log("", CODEX | used | tokens), log("", CODEX | SHELL, at=9))
    )
    assert event["agent"] == {"id": "codex", "version": "0.99", "model": "gpt-x"}
    assert (event["id"], event["session"], event["human"]) == (
        "call_0123456789abcdef",
        "c-1",
        {"id": "acct-1"},
    )
    assert (event["arguments"], event["volume"]) == ({"command": ["ls"]}, {"bytes_in": 4})
    assert event["argument_origins"] == {"command": [["ls", ["request"]]]}
    assert event["attributes"]["tokens"] == 120


def test_the_time_of_codex_is_that_of_the_event_where_the_record_has_none() -> None:
    record = log("", CODEX | SHELL) | {"timeUnixNano": "0"}
    (event,) = events_of(logs(record))
    assert event["time"] == "2026-10-05T08:00:00.400000Z"
    (event,) = events_of(logs(record | {"observedTimeUnixNano": "1764000000000000000"}))
    assert event["time"] == "2025-11-24T15:59:59.900000Z"


@pytest.mark.parametrize("decision", ["denied", "abort"])
def test_a_call_that_codex_may_not_make_is_denied(decision: str) -> None:
    said = {"event.name": "codex.tool_decision", "decision": decision}
    (event,) = events_of(logs(log("", CODEX | SHELL | said)))
    assert event["outcome"] == "denied"


def test_a_tool_that_codex_has_not_found_is_an_error() -> None:
    said = {"tool_name": "nope", "success": "false", "output": "unsupported call"}
    (event,) = events_of(logs(log("", CODEX | {"event.name": "codex.tool_result"} | said)))
    assert (event["tool"], event["outcome"]) == ("nope", "error")


GEMINI = {
    "event.name": "gemini_cli.tool_call",
    "session.id": "g-1",
    "user.email": "ines@example.com",
    "function_name": "read_file",
    "function_args": '{"path":"/notes.txt"}',
    "duration_ms": 40,
    "success": True,
    "decision": "auto_accept",
    "prompt_id": "p-1",
    "content_length": 12,
    "active_approval_mode": "yolo",
}


def test_gemini_cli() -> None:
    prompt = {"event.name": "gemini_cli.user_prompt", "prompt": "Read /notes.txt"}
    used = {"event.name": "gemini_cli.api_response", "model": "gemini-x", "input_token_count": 9}
    records = [log("", GEMINI | prompt), log("", GEMINI | used), log("Tool call", GEMINI, at=9)]
    (event,) = events_of(logs(*records), logs(*records))
    assert event["agent"] == {"id": "gemini-cli", "model": "gemini-x"}
    assert (event["tool"], event["outcome"], event["mode"]) == ("read_file", "ok", "delegated")
    assert event["attributes"]["permission_mode"] == "yolo"
    assert event["attributes"]["tokens"] == 9
    assert event["argument_origins"] == {"path": [["/notes.txt", ["request"]]]}


def test_two_equal_calls_of_gemini_cli_are_two_events() -> None:
    assert len(events_of(logs(log("", GEMINI), log("", GEMINI, at=1)))) == 2


def test_a_call_that_gemini_cli_may_not_make_is_denied() -> None:
    said = GEMINI | {"decision": "reject", "success": False}
    (event,) = events_of(logs(log("", said)))
    assert event["outcome"] == "denied"


ACCESS = {
    "gateway": "bind/3000",
    "src.addr": "192.0.2.7:59257",
    "endpoint": "mcp.example.com:443",
    "http.method": "POST",
    "http.status": 200,
    "mcp.method": "tools/call",
    "mcp.target": "payments",
    "mcp.resource": "tool",
    "mcp.resource.name": "send_payment",
    "mcp.session.id": "m-1",
    "duration": "716ms",
    "rq.headers.all": {"authorization": "Bearer a-secret"},
}
IDS = {"traceId": TRACE, "spanId": f"{9:016x}"}


def test_agentgateway() -> None:
    token = {"jwt.sub": "ines", "jwt.act.sub": "invoice-bot"}
    (event,) = events_of(logs(log("request", ACCESS | token) | IDS, service="agentgateway"))
    assert (event["agent"], event["human"]) == ({"id": "invoice-bot"}, {"id": "ines"})
    assert (event["tool"], event["mode"]) == ("send_payment", "delegated")
    assert event["resource"] == {"id": "payments", "type": "mcp_server"}
    assert event["network"] == {"source_ip": "192.0.2.7", "destination": "mcp.example.com:443"}
    assert (event["outcome"], event["duration_ms"]) == ("ok", 716.0)
    assert (event["session"], event["trace_id"]) == ("m-1", TRACE)
    assert "a-secret" not in str(event)


@pytest.mark.parametrize(
    ("said", "agent_id", "human", "mode"),
    [
        ({"jwt.sub": "bot-1"}, "bot-1", None, None),
        ({"jwt.sub": "bot-1", "jwt.client_id": "bot-1"}, "bot-1", None, "autonomous"),
        ({"jwt.sub": "ines", "jwt.azp": "bot-1"}, "bot-1", "ines", "delegated"),
        ({"jwt": {"sub": "ines", "act": {"sub": "bot-1"}}}, "bot-1", "ines", "delegated"),
        ({"src.identity": "spiffe://example.com/bot"}, "spiffe://example.com/bot", None, None),
        ({}, "agentgateway", None, None),
    ],
)
def test_the_caller_of_a_gateway_is_the_agent_and_a_person_never_is(
    said: dict[str, Any], agent_id: str, human: str | None, mode: str | None
) -> None:
    (event,) = events_of(logs(log("request", ACCESS | said) | IDS, service="agentgateway"))
    assert event["agent"]["id"] == agent_id
    assert event.get("human") == (human and {"id": human})
    assert event.get("mode") == mode


@pytest.mark.parametrize(
    ("status", "outcome"), [(403, "denied"), ("401", "denied"), (502, "error")]
)
def test_the_outcome_is_the_status_of_the_gateway(status: Any, outcome: str) -> None:
    (event,) = events_of(logs(log("request", ACCESS | {"http.status": status}) | IDS))
    assert event["outcome"] == outcome


def test_envoy_ai_gateway() -> None:
    said = {
        "mcp_method": "tools/call",
        "mcp_tool_name": "search",
        "mcp_backend": "context7",
        "mcp_request_id": "3",
        "response_code": "200",
        "bytes_sent": "10255",
        "bytes_received": "165",
        "duration": "653",
        "downstream_remote_address": "192.0.2.8:58124",
        "x-request-id": "cf2c0454",
        "x-agent-id": "docs-bot",
    }
    (event,) = events_of(logs(log("", said)))
    assert (event["id"], event["agent"]["id"], event["tool"]) == ("cf2c0454", "docs-bot", "search")
    assert event["volume"] == {"bytes_in": 10255, "bytes_out": 165}
    assert event["network"] == {"source_ip": "192.0.2.8"}
    assert event["duration_ms"] == 653.0
    (event,) = events_of(logs(log("", said | {"mcp_tool_name": ""})))
    assert event["tool"] == "tools/call"


def test_other_requests_give_nothing_and_are_accepted() -> None:
    listed = ACCESS | {"mcp.method": "tools/list"}
    decoded = OTLP.read(logs(log("request", listed), log("started", {}), service="agentgateway"))
    assert (decoded.parts, decoded.unusable, decoded.count) == ([], [], 2)


def test_a_call_without_a_caller_is_unusable() -> None:
    value = logs(log("request", ACCESS), service="")
    assert [one.reason for one in OTLP.read(value).unusable] == ["missing_key"]


def test_messages_that_an_instrumentation_logs_are_requests() -> None:
    details = "gen_ai.client.inference.operation.details"
    said = {"gen_ai.input.messages": [{"role": "user", "content": "Weather in Bonn?"}]}
    old = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "In Celsius"}}]}}
    call = {"gen_ai.tool.call.arguments": '{"city":"Bonn","unit":"Celsius"}'}
    (event,) = events_of(
        logs(
            log("", said, eventName=details) | IDS,
            log("", {"event.name": "gen_ai.system.message"}, body=old) | IDS,
        ),
        traces(tool(2, parent=1, at=1, said=call), agent(1)),
    )
    assert event["argument_origins"] == {
        "city": [["Bonn", ["request"]]],
        "unit": [["Celsius", ["system"]]],
    }
