from __future__ import annotations

import pytest

from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import AGT_ENTRY, AT

LINE = {
    "timestamp": AT, "event_type": "tool_call", "agent_id": "mail-bot", "action": "send_mail",
    "decision": "allow", "reason": "rule 3", "latency_ms": 2.5, "metadata": {"session_id": "s-1"},
}  # fmt: skip


def test_audit_entry_is_a_denied_call() -> None:
    event = event_of("agt", AGT_ENTRY)
    assert event["id"] == "audit_1"
    assert event["agent"] == {"id": "did:mesh:mail-bot"}
    assert (event["tool"], event["outcome"], event["session"]) == ("send_mail", "denied", "s-1")
    assert event["attributes"]["approver"] == "did:mesh:ines"
    assert "human" not in event


def test_line_of_the_audit_logger_is_a_call() -> None:
    event = event_of("agt", LINE)
    assert (event["agent"]["id"], event["outcome"]) == ("mail-bot", "ok")
    assert event["duration_ms"] == 2.5
    assert event["session"] == "s-1"


def test_cloud_event_is_a_call() -> None:
    event = event_of("agt", {
        "specversion": "1.0", "id": "ce-1", "type": "ai.agentmesh.tool.blocked", "time": AT,
        "source": "urn:mcp-proxy:files", "data": {
            "tool": "read_file", "arguments": {"path": "/etc/passwd"},
            "decision": "deny"}})  # fmt: skip
    assert event["agent"] == {"id": "urn:mcp-proxy:files"}
    assert (event["tool"], event["outcome"], event["id"]) == ("read_file", "denied", "ce-1")
    assert event["arguments"] == {"path": "/etc/passwd"}


def test_chain_of_the_plugin_is_an_array() -> None:
    chain = [
        {"timestamp": AT, "agentId": "coder", "action": "Bash", "decision": word,
         "previousHash": "0", "hash": f"h-{word}"}
        for word in ("allow", "deny")
    ]  # fmt: skip
    allowed, denied = events_of("agt", chain)
    assert (allowed["outcome"], denied["outcome"]) == ("ok", "denied")
    assert denied["id"] == "h-deny"


@pytest.mark.parametrize("kind", ["trust_score_updated", "agent_registered", "policy_evaluation"])
def test_entry_without_an_action_gives_no_event(kind: str) -> None:
    entry = AGT_ENTRY | {"event_type": kind, "outcome": "success", "policy_decision": "allow"}
    assert events_of("agt", entry) == []
