"""Log records and spans of Claude Code.

`tests/pipeline/formats/agents/test_same_session.py` compares them with its hooks and transcripts.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.assembling.assembler import Assembler
from pipeline.formats import FORMATS, PartFormat
from tests.pipeline.formats.otlp.payloads import BEGIN_NS, events_of, log, logs, span, traces

COMMON = {
    "session.id": "s-1",
    "user.id": "a-hash-of-the-installation",
    "app.version": "2.1.240",
    "event.sequence": 7,
}
CALL = {
    "tool_name": "Bash",
    "tool_use_id": "toolu_0123456789abcdef",
    "success": "true",
    "duration_ms": "1200",
    "tool_result_size_bytes": 5,
    "tool_input": '{"command":"ls"}',
}


def record(name: str, said: dict[str, Any], **more: Any) -> dict[str, Any]:
    return log(f"claude_code.{name}", COMMON | {"event.name": name} | said, **more)


def decoded(*payloads: tuple[str, bytes]) -> list[dict[str, Any]]:
    assembler, lines = Assembler(7), []
    for fmt, value in payloads:
        wire = FORMATS[fmt]
        assert isinstance(wire, PartFormat)
        lines += assembler.take(
            wire.decode(value), ordered=wire.ordered, arrived_us=BEGIN_NS // 1000
        )
    return [json.loads(line) for line in lines + assembler.due(whole=True)]


HOOKS = [
    ("claude-code", json.dumps({"session_id": "s-1"} | hook).encode())
    for hook in (
        {"hook_event_name": "UserPromptSubmit", "prompt": "List the files"},
        {
            "hook_event_name": "PostToolUse",
            "tool_name": "Bash",
            "tool_use_id": "toolu_0123456789abcdef",
            "tool_input": {"command": "ls"},
            "tool_response": {"stdout": "a.py"},
            "duration_ms": 1200,
        },
    )
]
LOGS = [
    ("otlp", logs(record("user_prompt", {"prompt": "List the files", "prompt_length": "14"}))),
    ("otlp", logs(record("tool_result", CALL, at=5), service="claude-code")),
]


@pytest.mark.parametrize("order", [HOOKS + LOGS, LOGS + HOOKS])
def test_a_call_of_hooks_and_log_records_is_one_event(order: list[tuple[str, bytes]]) -> None:
    (event,) = decoded(*order)
    assert event["id"] == event["attributes"]["call_id"] == "toolu_0123456789abcdef"


def test_the_call_begins_before_its_record() -> None:
    (event,) = events_of(logs(record("tool_result", CALL, at=3.0)))
    assert event["time"] == "2025-11-24T16:00:01.800000Z"


def test_a_call_that_was_rejected_has_no_result_and_is_denied() -> None:
    said = {"tool_name": "Bash", "tool_use_id": "toolu_fedcba9876543210", "decision": "reject"}
    (event,) = events_of(logs(record("tool_decision", said | {"source": "user_reject"})))
    assert (event["outcome"], event["tool"]) == ("denied", "Bash")
    accepted = said | {"decision": "accept", "source": "config"}
    assert events_of(logs(record("tool_decision", accepted))) == []


def test_a_person_is_known_by_account_and_not_by_installation() -> None:
    (event,) = events_of(logs(record("tool_result", CALL)))
    assert "human" not in event
    said = CALL | {"user.email": "ines@example.com"}
    (event,) = events_of(logs(record("tool_result", said)))
    assert (event["human"], event["mode"]) == ({"id": "ines@example.com"}, "delegated")
    (event,) = events_of(logs(record("tool_result", CALL), **{"enduser.id": "jdoe"}))
    assert event["human"] == {"id": "jdoe"}


def test_tokens_of_requests_belong_to_the_next_call() -> None:
    said = {"model": "claude-x", "input_tokens": "10", "output_tokens": 5}
    (event,) = events_of(logs(record("api_request", said, at=1), record("tool_result", CALL, at=4)))
    assert (event["attributes"]["tokens"], event["agent"]["model"]) == (15, "claude-x")


def test_a_tool_of_a_server_has_the_name_that_hooks_give_it() -> None:
    said = {"mcp_server_name": "github", "mcp_tool_name": "create_issue"}
    call = CALL | {"tool_name": "mcp_tool", "tool_parameters": json.dumps(said)}
    call.pop("tool_input")
    (event,) = events_of(logs(record("tool_result", call)))
    assert event["tool"] == "mcp__github__create_issue"
    assert "arguments" not in event


def test_parameters_of_a_command_stand_in_for_its_input() -> None:
    call = CALL | {"tool_parameters": '{"bash_command":"ls","full_command":"ls -l"}'}
    call.pop("tool_input")
    (event,) = events_of(logs(record("tool_result", call)))
    assert event["arguments"] == {"command": "ls -l"}


def test_a_change_of_the_permission_mode_is_an_event_and_holds_for_later_calls() -> None:
    said = {"from_mode": "default", "to_mode": "bypassPermissions", "trigger": "user"}
    changed, called = events_of(
        logs(record("permission_mode_changed", said), record("tool_result", CALL, at=9))
    )
    assert (changed["tool"], changed["operation"]) == ("permission_mode_changed", "admin")
    assert changed["arguments"] == said
    assert changed["agent"]["id"] == "claude-code"
    assert called["attributes"]["permission_mode"] == "bypassPermissions"


def test_a_failure_is_an_error() -> None:
    (event,) = events_of(logs(record("tool_result", CALL | {"success": "false"})))
    assert event["outcome"] == "error"


@pytest.mark.parametrize(
    ("name", "missing"), [("tool_result", "tool_name"), ("user_prompt", "session.id")]
)
def test_a_record_without_what_it_needs_is_unusable(name: str, missing: str) -> None:
    from pipeline.formats.otlp.reader import OTLP

    said = COMMON | CALL | {"event.name": name}
    said.pop(missing)
    decoded = OTLP.read(logs(log("other", {}), log(f"claude_code.{name}", said)))
    assert [(one.place, one.reason) for one in decoded.unusable] == [(1, "missing_key")]


def test_spans_give_the_result_and_the_time_a_person_took() -> None:
    said = {"session.id": "s-1"}
    call = said | {
        "tool_name": "Bash",
        "tool_use_id": "toolu_0123456789abcdef",
        "full_command": "ls",
    }
    wait = said | {"decision": "accept", "source": "user_temporary"}
    run = said | {"success": False}
    payload = traces(
        span(4, wait, parent=2, at=1, took=0.5, name="claude_code.tool.blocked_on_user"),
        span(5, run, parent=2, at=2, name="claude_code.tool.execution"),
        span(
            2, call | {"agent_id": "sub-1"}, parent=1, at=1, took=3, name="claude_code.tool",
            events=[("tool.output", {"content": "a.py"})],
        ),
        span(1, said | {"user_prompt": "List the files"}, name="claude_code.interaction"),
        service="claude-code",
    )  # fmt: skip
    (event,) = events_of(payload)
    assert (event["id"], event["outcome"], event["session"]) == (
        "toolu_0123456789abcdef",
        "error",
        "s-1",
    )
    assert event["agent"] == {"id": "claude-code", "instance": "sub-1"}
    assert (event["arguments"], event["volume"]) == ({"command": "ls"}, {"bytes_in": 4})
    assert event["attributes"]["approval_seconds"] == 0.5
    assert event["purpose"] == "List the files"


def test_spans_and_log_records_of_a_call_are_one_event() -> None:
    call = {"session.id": "s-1", "tool_name": "Bash", "tool_use_id": "toolu_0123456789abcdef"}
    top = span(1, {"session.id": "s-1"}, name="claude_code.interaction")
    spans = traces(span(2, call, parent=1, at=1, name="claude_code.tool"), top)
    record_of = logs(record("tool_result", CALL, at=2))
    for order in ((spans, record_of), (record_of, spans)):
        (event,) = events_of(*order)
        assert event["id"] == "toolu_0123456789abcdef"
