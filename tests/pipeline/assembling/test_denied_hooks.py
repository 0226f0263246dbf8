"""Calls that Habitus denied in the answer of their hook: denied at once, or seen to run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import native_records
from pipeline.formats import reported_format
from pipeline.processing.stream_types import RawRecord

CLAUDE = {
    "session_id": "s-1", "tool_name": "Bash", "tool_use_id": "toolu_1",
    "tool_input": {"command": "rm -rf build"},
}  # fmt: skip
BEFORE = CLAUDE | {"hook_event_name": "PreToolUse"}
AFTER = CLAUDE | {"hook_event_name": "PostToolUse", "tool_response": "gone"}
FAILED = CLAUDE | {"hook_event_name": "PostToolUseFailure", "error": "no such folder"}
COPILOT = {"sessionId": "s-1", "timestamp": 1, "toolName": "bash", "toolArgs": "{}"}
GEMINI = {
    "hook_event_name": "BeforeTool", "session_id": "s-1", "tool_name": "read_file",
    "timestamp": "2026-10-05T08:00:00Z", "tool_input": {"path": "a.md"},
}  # fmt: skip
TRANSCRIPT = {
    "type": "user", "sessionId": "s-1", "timestamp": "2026-10-05T08:00:00Z",
    "message": {"content": [
        {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": True,
         "content": "agent claude-code is quarantined by Habitus"},
    ]},
}  # fmt: skip


class Worker:
    """Reads payloads as a worker does."""

    def __init__(self) -> None:
        self._assembler, self._count = Assembler(7), 0

    def take(self, fmt: str, payload: dict[str, Any]) -> list[dict[str, Any]]:
        self._count += 1
        record = RawRecord(json.dumps(payload).encode(), "reports", self._count, self._count)
        made = native_records([record], reported_format(fmt), self._assembler, self._fail)
        return [json.loads(one.value) for one in made]

    def restart(self) -> None:
        rows, _ = self._assembler.dump()
        self._assembler = Assembler(7)
        self._assembler.load(dict(rows))

    def end(self) -> list[dict[str, Any]]:
        made = native_records([], reported_format("claude-code"), self._assembler, self._fail,
                              whole=True)  # fmt: skip
        return [json.loads(one.value) for one in made]

    @staticmethod
    def _fail(record: RawRecord, error: Exception) -> None:
        raise AssertionError(record, error)


@pytest.mark.parametrize(
    ("fmt", "payload"),
    [("claude-code", BEFORE), ("copilot-cli", COPILOT), ("gemini-cli", GEMINI)],
)
def test_call_that_habitus_denied_is_an_event_at_once_with_that_outcome(
    fmt: str, payload: dict[str, Any]
) -> None:
    worker = Worker()
    (event,) = worker.take(f"{fmt}:denied", payload)
    assert (event["outcome"], event["attributes"]["hook_decision"]) == ("denied", "deny")
    assert "volume" not in event
    assert worker.end() == []


def test_call_that_habitus_only_observes_waits_for_its_result() -> None:
    worker = Worker()
    assert worker.take("claude-code", BEFORE) == []
    (event,) = worker.take("claude-code", AFTER)
    assert event["outcome"] == "ok"
    assert "hook_decision" not in event.get("attributes", {})


@pytest.mark.parametrize(("after", "outcome"), [(AFTER, "ok"), (FAILED, "error")])
def test_call_that_runs_although_it_was_denied_is_one_more_event(
    after: dict[str, Any], outcome: str
) -> None:
    worker = Worker()
    (denied,) = worker.take("claude-code:denied", BEFORE)
    worker.restart()
    (ran,) = worker.take("claude-code", after)
    assert (ran["outcome"], ran["attributes"]["hook_decision"]) == (outcome, "deny")
    assert (ran["tool"], ran["arguments"]) == (denied["tool"], denied["arguments"])
    assert ran["id"] != denied["id"]
    assert worker.take("claude-code", after) == []
    assert worker.end() == []


def test_refusal_in_a_transcript_adds_no_event_to_a_denied_call() -> None:
    worker = Worker()
    assert len(worker.take("claude-code:denied", BEFORE)) == 1
    assert worker.take("claude-code", TRANSCRIPT) == []
    assert worker.take("claude-code:denied", BEFORE) == []
    assert worker.end() == []
