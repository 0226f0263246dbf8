"""CrewAI: pairs of events, failures, sessions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.formats.page_examples import events_of


def event(kind: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "type": kind, "event_id": f"e-{number}", "timestamp": f"2026-10-05T08:00:{number:02}Z",
        "task_id": "t-1", "agent_role": "Clerk", "agent_id": "a-1", "tool_name": "pay",
        "tool_args": {"to": "Ines"},
    } | more  # fmt: skip


def test_start_and_end_are_one_event() -> None:
    made = events_of(
        "crewai",
        event("tool_usage_started", 1),
        event("tool_usage_finished", 2, started_event_id="e-1", output={"paid": "yes"}),
    )
    assert [(one["attributes"]["call_id"], one["outcome"], one["volume"]) for one in made] == [
        ("e-1", "ok", {"bytes_in": 3})
    ]


@pytest.mark.parametrize(
    "ended",
    [
        event("tool_usage_error", 2, error="limit"),
        event("tool_validate_input_error", 2, error="limit"),
        event("tool_usage_finished", 2, output="", failure={"message": "limit"}),
    ],
)
def test_failure_is_an_error(ended: dict[str, Any]) -> None:
    assert [one["outcome"] for one in events_of("crewai", ended)] == ["error"]


def test_events_of_mcp_clients_do_not_count_twice() -> None:
    made = events_of(
        "crewai",
        event("tool_usage_started", 1),
        event("mcp_tool_execution_started", 2),
        event("mcp_tool_execution_completed", 3, started_event_id="e-2", result="ok"),
        event("tool_usage_finished", 4, started_event_id="e-1", output="ok"),
    )
    assert [one["attributes"]["call_id"] for one in made] == ["e-1"]


def test_request_and_context_of_a_task_are_the_request() -> None:
    began = event("task_started", 0, task={"description": "Pay Ines"}, context="card DE-77")
    ended = event("tool_usage_finished", 1, tool_args={"to": "Ines", "card": "DE-77"}, output="")
    (made,) = events_of("crewai", began, ended)
    assert made["argument_origins"] == {
        "to": [["Ines", ["request"]]], "card": [["DE-77", ["request"]]],
    }  # fmt: skip


def test_role_is_the_agent() -> None:
    made = events_of(
        "crewai",
        event("tool_usage_finished", 1, output=""),
        event("tool_usage_finished", 2, agent_role="Auditor", output=""),
    )
    assert [one["agent"]["id"] for one in made] == ["Clerk", "Auditor"]


def test_agents_that_work_without_a_task_share_no_session() -> None:
    alone = {"task_id": None, "source_fingerprint": None}
    began, ended = "lite_agent_execution_started", "lite_agent_execution_completed"
    made = events_of(
        "crewai",
        event(began, 0, agent_id="a-1", messages="Read order 1041", **alone),
        event(began, 0, agent_id="a-2", messages=[{"role": "user", "content": "Pay"}], **alone),
        event("tool_usage_finished", 1, agent_id="a-1", output="card DE-77", **alone),
        event("tool_usage_finished", 2, agent_id="a-2", tool_args={"card": "DE-77"}, **alone),
        event("tool_usage_finished", 3, agent_id="a-1", tool_args={"card": "DE-77"}, **alone),
        event(ended, 4, agent_id="a-1", **alone),
    )
    assert [(one["session"], one["purpose"]) for one in made] == [
        ("a-1", "Read order 1041"), ("a-2", "Pay"), ("a-1", "Read order 1041"),
    ]  # fmt: skip
    assert [one["argument_origins"].get("card") for one in made] == [
        None, [["DE-77", []]], [["DE-77", ["result:pay"]]],
    ]  # fmt: skip
