"""Gemini CLI and Copilot CLI: hooks that name no call."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.formats.page_examples import events_of


def gemini(name: str, second: int, **more: Any) -> dict[str, Any]:
    return {
        "session_id": "g", "hook_event_name": name,
        "timestamp": f"2026-10-05T08:00:{second:02}Z",
    } | more  # fmt: skip


def listed(name: str, second: int, **more: Any) -> dict[str, Any]:
    return gemini(name, second, tool_name="ls", tool_input={"path": "."}, **more)


def test_same_call_made_twice_is_two_events() -> None:
    made = events_of(
        "gemini-cli",
        listed("BeforeTool", 1),
        listed("AfterTool", 2, tool_response={"llmContent": "a"}),
        listed("BeforeTool", 3),
        listed("AfterTool", 4, tool_response={"llmContent": "ab"}),
    )
    assert [(one["time"][17:19], one["volume"]["bytes_in"]) for one in made] == [
        ("01", 1),
        ("03", 2),
    ]


def test_repeated_hooks_are_one_event() -> None:
    hooks = [listed("BeforeTool", 1), listed("AfterTool", 2, tool_response={"llmContent": "a"})]
    assert len(events_of("gemini-cli", *hooks, *hooks)) == 1


def test_result_alone_is_an_event_with_origins() -> None:
    made = events_of(
        "gemini-cli",
        gemini("BeforeAgent", 1, prompt="read notes/b.md"),
        gemini(
            "AfterTool", 2, tool_name="read", tool_input={"path": "notes/b.md"}, tool_response="x"
        ),
    )
    assert [one["argument_origins"] for one in made] == [{"path": [["notes/b.md", ["request"]]]}]


def test_refused_call_has_no_outcome() -> None:
    (made,) = events_of("gemini-cli", listed("BeforeTool", 1), gemini("SessionEnd", 2))
    assert "outcome" not in made


def test_model_of_gemini_is_that_of_its_last_request() -> None:
    asked = gemini("BeforeModel", 0, llm_request={"model": "gemini-3-pro", "messages": []})
    (made,) = events_of("gemini-cli", asked, listed("AfterTool", 1))
    assert made["agent"] == {"id": "gemini-cli", "model": "gemini-3-pro"}


@pytest.mark.parametrize(
    ("kind", "outcome"), [("success", "ok"), ("failure", "error"), ("denied", "denied")]
)
@pytest.mark.parametrize("camel", [True, False])
def test_both_kinds_of_payloads_of_copilot_are_read(kind: str, outcome: str, camel: bool) -> None:
    hook = {
        "sessionId": "c", "timestamp": 1_791_187_200_000, "toolName": "bash",
        "toolArgs": '{"command":"ls"}',
        "toolResult": {"resultType": kind, "textResultForLlm": "ab"},
    }  # fmt: skip
    snake = {
        "hook_event_name": "PostToolUse", "session_id": "c", "timestamp": "2026-10-05T08:00:00Z",
        "tool_name": "bash", "tool_input": {"command": "ls"},
        "tool_result": {"result_type": kind, "text_result_for_llm": "ab"},
    }  # fmt: skip
    (made,) = events_of("copilot-cli", hook if camel else snake)
    assert (made["outcome"], made["arguments"]) == (outcome, {"command": "ls"})
    assert (made["session"], made["time"]) == ("c", "2026-10-05T08:00:00.000000Z")


def test_failure_hook_of_copilot_is_a_failed_call() -> None:
    hook = {"sessionId": "c", "toolName": "bash", "toolArgs": "{}", "error": "timed out"}
    assert [one["outcome"] for one in events_of("copilot-cli", hook)] == ["error"]


def test_payload_of_claude_code_with_a_call_id_keeps_it() -> None:
    hook = {
        "hook_event_name": "PostToolUse", "session_id": "c", "tool_name": "Bash",
        "tool_use_id": "toolu_1", "tool_input": {}, "tool_response": "ok",
    }  # fmt: skip
    assert [one["attributes"]["call_id"] for one in events_of("copilot-cli", hook)] == ["toolu_1"]


def test_permission_request_and_other_hooks_of_copilot_give_no_call() -> None:
    hooks = [
        {"sessionId": "c", "toolName": "bash", "toolInput": {"command": "ls"}},
        {"hook_event_name": "PermissionRequest", "session_id": "c", "tool_name": "Bash"},
        {"sessionId": "c", "error": {"message": "no network"}, "recoverable": True},
        {"sessionId": "c", "transcriptPath": "t", "stopReason": "end_turn"},
    ]
    assert events_of("copilot-cli", *hooks) == []
