"""What a crew does, from the events that CrewAI 1.15 emitted.

CrewAI itself is too large for the tests. A module with the shape of its bus emits these events, in
several threads like the real one.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from habitus.crewai import crew_listener
from tests.pipeline.recorder.conftest import lines_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pipeline.recorder.conftest import Recorded

EVENTS = lines_of(Path(__file__).with_name("crewai_events.jsonl"))
KINDS = {
    "task_started": "TaskStartedEvent",
    "task_completed": "TaskCompletedEvent",
    "task_failed": "TaskFailedEvent",
    "lite_agent_execution_started": "LiteAgentExecutionStartedEvent",
    "lite_agent_execution_completed": "LiteAgentExecutionCompletedEvent",
    "lite_agent_execution_error": "LiteAgentExecutionErrorEvent",
    "tool_usage_started": "ToolUsageStartedEvent",
    "tool_usage_finished": "ToolUsageFinishedEvent",
    "tool_usage_error": "ToolUsageErrorEvent",
    "tool_validate_input_error": "ToolValidateInputErrorEvent",
}


class Task:
    def __init__(self, record: dict[str, Any]) -> None:
        self.id, self.description = record["task_id"], record["task"]["description"]


class Event:
    """An event with the methods of ``BaseEvent`` that a listener uses."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        self.task = Task(record) if "task" in record else None
        if "agent_info" in record:
            self.agent_info = record["agent_info"]

    def to_json(self, exclude: set[str]) -> dict[str, Any]:
        assert {"agent", "agent_info", "task", "tools"} <= exclude
        return {key: value for key, value in self.record.items() if key not in exclude}


class Bus:
    """A bus that calls its handlers in threads, with the context of the emitter."""

    def __init__(self) -> None:
        self.handlers: dict[type, list[Callable[[Any, Any], None]]] = {}

    def on(self, kind: type) -> Callable[[Callable[[Any, Any], None]], None]:
        return self.handlers.setdefault(kind, []).append

    def emit_all(self, events: list[Event]) -> None:
        with ThreadPoolExecutor(10) as pool:
            for event in events:
                for handler in self.handlers.get(type(event), ()):
                    pool.submit(copy_context().run, handler, None, event)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    """Install a module ``crewai`` with a bus of its own."""
    one, crewai, events = Bus(), ModuleType("crewai"), ModuleType("crewai.events")

    class BaseEventListener:
        def __init__(self) -> None:
            self.setup_listeners(one)

    found = {name: type(name, (Event,), {}) for name in KINDS.values()}
    vars(events).update(found, BaseEventListener=BaseEventListener)
    vars(crewai).update(events=events)
    monkeypatch.setitem(sys.modules, "crewai", crewai)
    monkeypatch.setitem(sys.modules, "crewai.events", events)
    return one


def emitted(bus: Bus, records: list[dict[str, Any]]) -> None:
    kinds = {kind.__name__: kind for kind in bus.handlers}
    bus.emit_all([kinds[KINDS[record["type"]]](record) for record in records])


def test_task_of_a_crew_gives_its_calls(recorded: Recorded, bus: Bus) -> None:
    crew_listener(recorded.recorder)
    with recorded.recorder.session(human="sam@example.com", mode="delegated"):
        emitted(bus, EVENTS)
    find, pay = recorded.events()
    assert [(one["tool"], one["outcome"]) for one in (find, pay)] == [
        ("find_order", "ok"), ("pay", "error"),
    ]  # fmt: skip
    assert find["agent"]["id"] == "Clerk"
    assert (pay["purpose"], pay["human"], pay["mode"]) == (
        "Refund order 1041", {"id": "sam@example.com"}, "delegated",
    )  # fmt: skip
    assert find["argument_origins"] == {"number": [["1041", ["request"]]]}
    assert pay["argument_origins"] == {"to": [["Eve", ["result:find_order"]]]}


def test_events_in_disorder_are_put_in_order(recorded: Recorded, bus: Bus) -> None:
    crew_listener(recorded.recorder)
    emitted(bus, EVENTS[::-1])
    assert [one["tool"] for one in recorded.events()] == ["find_order", "pay"]


def test_agent_without_a_task_is_its_session(recorded: Recorded, bus: Bus) -> None:
    crew_listener(recorded.recorder)
    about = {"task_id": None, "agent_id": None, "timestamp": "2026-10-05T08:00:00Z"}
    used = {"tool_name": "pay", "tool_args": {"to": "Ines"}, "output": "paid"}
    began = {"type": "lite_agent_execution_started", "messages": "Pay Ines"}
    ended = {"type": "tool_usage_finished", "event_id": "e-1", "agent_role": "Clerk"}
    emitted(bus, [about | began | {"agent_info": {"id": "a-1", "tools": ["pay"]}}])
    emitted(bus, [about | ended | used | {"agent_id": "a-1", "timestamp": "2026-10-05T08:00:01Z"}])
    (pay,) = recorded.events()
    assert (pay["session"], pay["purpose"]) == ("a-1", "Pay Ines")
    assert pay["argument_origins"] == {"to": [["Ines", ["request"]]]}


def test_event_that_cannot_be_read_breaks_no_crew(recorded: Recorded, bus: Bus) -> None:
    crew_listener(recorded.recorder)
    (handler,) = next(iter(bus.handlers.values()))
    handler(None, object())
    assert recorded.recorder.losses == {"failed": 1}
