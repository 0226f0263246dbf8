from __future__ import annotations

import pytest

from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import AGENTGATEWAY, AGENTGATEWAY_MCP, TRACE


def test_line_of_a_tool_call_is_an_event() -> None:
    event = event_of("agentgateway", AGENTGATEWAY_MCP)
    assert event["agent"] == {"id": "mail-bot"}
    assert event["human"] == {"id": "alice"}
    assert event["delegation"] == ["mail-bot"]
    assert event["tool"] == "echo"
    assert event["arguments"] == {"to": "a@example.com"}
    assert event["session"] == "s-1"
    assert event["id"] == f"{TRACE}/f7f30629c29d9089"
    assert event["duration_ms"] == 69
    assert event["time"] == "2026-01-05T08:00:00.857219Z"
    assert event["network"]["source_ip"] == "192.0.2.7"


def test_json_line_gives_the_same_event() -> None:
    line = {
        "time": "2026-01-05T08:00:00.857219Z", "level": "info", "scope": "request",
        "gateway": "g/gw", "listener": "http", "route": "g/mcp", "src.addr": "192.0.2.7:56158",
        "http": {"method": "POST", "path": "/mcp", "status": 200}, "protocol": "mcp",
        "jwt": {"sub": "alice", "act": {"sub": "mail-bot"}}, "mcp.method.name": "tools/call",
        "mcp.target": "everything", "gen_ai.tool.name": "echo", "mcp.session.id": "s-1",
        "mcp.tool.arguments": {"to": "a@example.com"}, "trace.id": TRACE,
        "span.id": "f7f30629c29d9089", "duration": "69ms",
    }  # fmt: skip
    assert event_of("agentgateway", line) == event_of("agentgateway", AGENTGATEWAY_MCP)


def test_line_without_an_identity_is_named_after_its_route() -> None:
    event = event_of("agentgateway", AGENTGATEWAY)
    assert event["agent"] == {"id": "agentgateway/route0"}
    assert event["attributes"]["agent_from"] == "route"
    assert event["tool"] == "message/stream"
    assert event["operation"] == "send"
    assert event["outcome"] == "ok"
    assert event["network"] == {"source_ip": "::1", "destination": "localhost:9999"}
    assert event["time"] == "2025-07-10T18:10:46.547567Z"


def test_peer_certificate_is_the_agent_and_the_token_the_human() -> None:
    line = AGENTGATEWAY + " src.identity=spiffe://example.org/ns/a/sa/bot jwt.sub=alice"
    event = event_of("agentgateway", line)
    assert event["agent"] == {"id": "spiffe://example.org/ns/a/sa/bot"}
    assert event["human"] == {"id": "alice"}
    assert event["mode"] == "delegated"


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ("http.status=200", "http.status=403", "denied"),
        ("http.status=200", "http.status=500", "error"),
        ("duration=", 'error="mcp: Unknown tool" duration=', "error"),
        ("duration=", "reason=JwtAuth duration=", "denied"),
    ],
)
def test_outcome_is_read_from_status_error_and_reason(old: str, new: str, outcome: str) -> None:
    assert event_of("agentgateway", AGENTGATEWAY_MCP.replace(old, new))["outcome"] == outcome


def test_session_set_up_and_plain_requests_give_no_event() -> None:
    plain = AGENTGATEWAY.replace("a2a.method=message/stream", "protocol=http")
    begun = AGENTGATEWAY.replace("a2a.method=message/stream", "mcp.method.name=initialize")
    assert events_of("agentgateway", plain, begun, "2026-01-05T08:00:00Z info app started") == []


def test_model_request_is_an_event_with_its_tokens() -> None:
    line = AGENTGATEWAY.replace(
        "a2a.method=message/stream",
        "protocol=llm gen_ai.request.model=gpt-5 gen_ai.usage.input_tokens=68 "
        "gen_ai.usage.output_tokens=12",
    )
    event = event_of("agentgateway", line)
    assert (event["tool"], event["agent"]["model"]) == ("llm.chat", "gpt-5")
    assert event["attributes"]["tokens"] == 80
