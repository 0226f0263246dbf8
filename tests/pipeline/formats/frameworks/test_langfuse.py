"""Langfuse: both spellings of members, times without a zone, agents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pipeline.formats.page_examples import events_of


def observation(name: str, parent: str | None, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "trace_id": "t", "parent_observation_id": parent, "type": kind, "name": name,
        "start_time": "2026-10-05 08:00:00.000000", "end_time": "2026-10-05 08:00:01.500000",
        "input": {}, "output": "ok", "level": "DEFAULT",
    } | more  # fmt: skip


ROOT = observation("desk", None, "SPAN", input="hello")


def camel(row: dict[str, Any]) -> dict[str, Any]:
    def spelled(key: str) -> str:
        first, *rest = key.split("_")
        return first + "".join(map(str.title, rest))

    return {spelled(key): value for key, value in row.items()}


def test_export_and_api_give_the_same_events() -> None:
    rows = [
        ROOT | {"session_id": "s", "user_id": "jane@example.com"},
        observation("pay", "desk", "TOOL", input='{"to":"Ines"}'),
    ]
    assert "parentObservationId" in camel(rows[1])
    assert events_of("langfuse", *rows) == events_of("langfuse", {"data": list(map(camel, rows))})


def test_time_without_a_zone_is_in_utc() -> None:
    (made,) = events_of("langfuse", observation("pay", "desk", "TOOL"), ROOT)
    assert (made["time"], made["duration_ms"]) == ("2026-10-05T08:00:00.000000Z", 1500.0)


def test_agent_is_the_nearest_agent_else_the_trace() -> None:
    rows = [
        observation("a", "writer", "TOOL"), observation("b", "desk", "tool"),
        observation("writer", "desk", "AGENT"), ROOT,
    ]  # fmt: skip
    made = events_of("langfuse", *rows)
    assert {one["tool"]: one["agent"]["id"] for one in made} == {"a": "writer", "b": "desk"}


@pytest.mark.parametrize("encoded", [True, False])
def test_agent_of_langchain_is_named_by_metadata(encoded: bool) -> None:
    def named(agent: str) -> dict[str, Any]:
        metadata = {"lc_agent_name": json.dumps(agent) if encoded else agent}
        return {"metadata": json.dumps(metadata) if encoded else metadata}

    rows = [
        observation("look_up", "graph", "TOOL", **named("researcher")),
        observation("graph", "research", "CHAIN", **named("researcher")),
        observation("research", "desk", "TOOL", **named("boss")),
        ROOT | named("boss"),
    ]
    made = events_of("langfuse", *rows)
    assert {one["tool"]: one["agent"]["id"] for one in made} == {
        "look_up": "researcher", "research": "boss",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ('{"args": [], "kwargs": {"to": "Ines"}}', {"to": "Ines"}),
        ({"args": ["Ines"], "kwargs": {"sum": 3}}, {"args": ["Ines"], "sum": 3}),
        ({"args": ["Ines"]}, {"args": ["Ines"]}),
    ],
)
def test_arguments_of_an_observed_function_have_their_names(written: Any, given: Any) -> None:
    (made,) = events_of("langfuse", observation("pay", "desk", "TOOL", input=written), ROOT)
    assert made["arguments"] == given


@pytest.mark.parametrize("kind", ["SPAN", "GENERATION", "CHAIN", "EVENT", "GUARDRAIL"])
def test_other_types_give_no_call(kind: str) -> None:
    assert events_of("langfuse", observation("a", "desk", kind), ROOT) == []


def test_message_of_langchain_says_that_its_tool_failed() -> None:
    failed = {"type": "tool", "content": "limit", "tool_call_id": "call_1", "status": "error"}
    for output in (failed, {"update": {"messages": [failed]}}):
        row = observation("a", "desk", "TOOL", output=json.dumps(output))
        (made,) = events_of("langfuse", row, ROOT)
        assert (made["outcome"], made["volume"]) == ("error", {"bytes_in": 5})


def test_error_gives_its_message_as_result() -> None:
    row = observation("a", "desk", "TOOL", level="ERROR", status_message="limit", output=None)
    (made,) = events_of("langfuse", row, ROOT)
    assert (made["outcome"], made["volume"]) == ("error", {"bytes_in": 5})


def test_unfinished_tool_has_no_outcome() -> None:
    row = observation("a", "desk", "TOOL", output=None, end_time=None)
    assert ["outcome" in one for one in events_of("langfuse", row, ROOT)] == [False]


def test_tokens_of_a_turn_belong_to_its_next_call() -> None:
    usage = {"input": 12, "output": 5, "total": 17}
    for used in (usage, json.dumps(usage)):
        turn = observation("model", "desk", "GENERATION", usage_details=used)
        late = {"start_time": "2026-10-05 08:00:09", "end_time": "2026-10-05 08:00:10"}
        calls = [observation(one, "desk", "TOOL", **late) for one in ("a", "b")]
        made = events_of("langfuse", {"data": [*calls, turn, ROOT]})
        assert [one["attributes"].get("tokens") for one in made] == [17, None]
