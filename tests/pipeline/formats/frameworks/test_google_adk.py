"""Google ADK: content as text or object, people, spans, times of BigQuery."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pipeline.formats.page_examples import events_of


def row(kind: str, span: str, content: Any, **more: Any) -> dict[str, Any]:
    return {
        "event_type": kind, "timestamp": "2026-10-05 08:00:00 UTC", "agent": "desk",
        "session_id": "s", "user_id": "jane@example.com", "span_id": span, "trace_id": "t",
        "content": content, "status": "OK",
    } | more  # fmt: skip


STARTED = row("TOOL_STARTING", "a", {"tool": "pay", "args": {"to": "Ines"}})


@pytest.mark.parametrize("encoded", [True, False])
def test_content_may_be_text_or_an_object(encoded: bool) -> None:
    rows = [STARTED, row("TOOL_COMPLETED", "a", {"tool": "pay", "result": {"paid": "yes"}})]
    if encoded:
        rows = [one | {"content": json.dumps(one["content"])} for one in rows]
    (made,) = events_of("google-adk", *rows)
    assert made["attributes"]["call_id"] == "s:a"
    assert (made["outcome"], made["volume"]) == (
        "ok",
        {"bytes_in": 3},
    )
    assert made["arguments"] == {"to": "Ines"}


@pytest.mark.parametrize(
    "ended",
    [
        row("TOOL_ERROR", "a", {"tool": "pay", "args": {}}, error_message="limit"),
        row("TOOL_COMPLETED", "a", {"tool": "pay", "result": ""}, status="ERROR"),
    ],
)
def test_error_is_the_outcome(ended: dict[str, Any]) -> None:
    assert [one["outcome"] for one in events_of("google-adk", STARTED, ended)] == ["error"]


@pytest.mark.parametrize(
    ("user", "mode"), [("jane@example.com", "delegated"), ("user", None), (None, None)]
)
def test_person_is_the_user_unless_it_is_a_placeholder(user: str | None, mode: str | None) -> None:
    (made,) = events_of("google-adk", STARTED | {"user_id": user})
    assert made.get("mode") == mode
    assert ("human" in made) == (mode is not None)


@pytest.mark.parametrize(
    "time",
    ["2026-10-05 08:00:00 UTC", "2026-10-05T08:00:00Z", "1791187200.0", 1_791_187_200],
)
def test_time_is_read_as_bigquery_exports_it(time: Any) -> None:
    (made,) = events_of("google-adk", STARTED | {"timestamp": time})
    assert made["time"] == "2026-10-05T08:00:00.000000Z"


@pytest.mark.parametrize("kind", ["TOOL_COMPLETED", "TOOL_ERROR"])
def test_end_of_an_agent_as_a_tool_has_no_span(kind: str) -> None:
    began = row("TOOL_STARTING", "a", {"tool": "helper", "args": {}}, invocation_id="i")
    ended = row(kind, "", {"tool": "helper", "result": "card DE-77"}, invocation_id="i")
    other = row("TOOL_STARTING", "b", {"tool": "pay", "args": {"card": "DE-77"}}, invocation_id="i")
    made = events_of("google-adk", began, ended | {"span_id": None, "trace_id": "i"}, other)
    assert [(one["tool"], one.get("outcome"), one["trace_id"]) for one in made] == [
        ("helper", "ok" if kind == "TOOL_COMPLETED" else "error", "t"), ("pay", None, "t"),
    ]  # fmt: skip
    assert made[1]["argument_origins"] == {"card": [["DE-77", ["result:helper"]]]}


def test_rows_of_models_and_agents_give_no_call() -> None:
    kinds = ("LLM_REQUEST", "LLM_RESPONSE", "AGENT_STARTING", "INVOCATION_COMPLETED", "TOOL_PAUSED")
    rows = [row(kind, "a", {"system_prompt": "help", "tool": "pay"}) for kind in kinds]
    assert events_of("google-adk", *rows) == []


def test_tokens_of_a_turn_belong_to_its_next_call() -> None:
    turn = row("LLM_RESPONSE", "m", {"response": "call: pay", "usage": {"total": 17}})
    made = events_of("google-adk", turn, STARTED, STARTED | {"span_id": "b"})
    assert [one["attributes"].get("tokens") for one in made] == [17, None]
