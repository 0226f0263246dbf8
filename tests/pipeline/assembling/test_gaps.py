"""A call in telemetry without its hook is a gap; late hooks, history and strangers are none."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from models.units import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from pipeline.assembling.assembler import Assembler
from pipeline.assembling.state.gaps import (
    FRESH_US,
    LATE_US,
    MAX_REPORTED,
    MAX_UNREPORTED,
    TOOL,
    WAIT_US,
    Reports,
)
from pipeline.formats import format_named

NOW = 1_800_000_000_000_000


class Agent:
    """One installation of Claude Code, whose hooks and telemetry arrive at an assembler."""

    def __init__(self, reporter: str = "laptop-7") -> None:
        self.assembler, self.reporter = Assembler(7), reporter
        self.hooks, self.logs = format_named("claude-code"), format_named("otlp")

    def _take(self, reader: Any, value: dict[str, Any], at_us: int) -> list[dict[str, Any]]:
        parts = reader.decode(json.dumps(value).encode())
        lines = self.assembler.take(
            parts, ordered=reader.ordered, arrived_us=NOW + at_us, reporter=self.reporter
        )
        return [json.loads(line) for line in lines]

    def hook(
        self, number: int, at_us: int = 0, event: str = "PostToolUse", session: str = "s"
    ) -> list[Any]:
        value = {
            "hook_event_name": event, "session_id": session, "tool_name": "Bash",
            "tool_use_id": f"toolu_{number:012}", "tool_input": {"command": "ls"},
            "tool_response": "a.py",
        }  # fmt: skip
        return self._take(self.hooks, value, at_us)

    def log(
        self, number: int, at_us: int = 0, session: str = "s", ago_us: int = SECOND_US
    ) -> list[Any]:
        given = {
            "session.id": session, "tool_name": "Bash", "tool_use_id": f"toolu_{number:012}",
            "success": "true", "tool_input": '{"command": "ls"}',
        }  # fmt: skip
        record = {
            "timeUnixNano": str((NOW + at_us - ago_us) * 1000),
            "body": {"stringValue": "claude_code.tool_result"},
            "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in given.items()],
        }
        value = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
        return self._take(self.logs, value, at_us)

    def gaps(self, at_us: int) -> list[dict[str, Any]]:
        """Give the gaps that are due."""
        self.assembler.has_due(NOW + at_us)
        return [one for one in map(json.loads, self.assembler.due()) if one["tool"] == TOOL]


@pytest.fixture
def agent() -> Agent:
    found = Agent()
    found.hook(1)
    return found


def test_call_that_no_hook_reports_is_a_gap_after_the_wait(agent: Agent) -> None:
    agent.log(2, MINUTE_US)
    assert agent.gaps(MINUTE_US + WAIT_US - 1) == []
    (gap,) = agent.gaps(MINUTE_US + WAIT_US)
    assert gap["agent"]["id"] == "claude-code/laptop-7"
    assert (gap["id"], gap["session"]) == ("gap-toolu_000000000002", "s")
    assert gap["attributes"]["unreported_tool"] == "Bash"
    assert agent.assembler.count["calls_without_hook"] == 1
    assert agent.gaps(HOUR_US) == []


@pytest.mark.parametrize("hook_at", [0, 3 * MINUTE_US], ids=["before", "after"])
def test_call_with_its_hook_is_not_a_gap(agent: Agent, hook_at: int) -> None:
    agent.hook(2, hook_at, "PreToolUse") if not hook_at else None
    agent.log(2, 2 * MINUTE_US)
    agent.hook(2, hook_at, "PreToolUse") if hook_at else None
    assert agent.gaps(HOUR_US // 2) == []


def test_session_that_begins_without_hooks_is_all_gaps(agent: Agent) -> None:
    for number in (7, 8):
        agent.log(number, DAY_US, session="silent")
    assert [one["session"] for one in agent.gaps(DAY_US + WAIT_US)] == ["silent"] * 2


def test_telemetry_after_the_end_of_a_session_is_not_a_gap(agent: Agent) -> None:
    agent.hook(1, SECOND_US, "SessionEnd")
    agent.log(1, 5 * SECOND_US)
    assert agent.gaps(HOUR_US) == []


def test_agent_that_was_not_connected_yet_has_no_gaps() -> None:
    agent = Agent()
    agent.log(1)
    agent.hook(2, MINUTE_US)
    assert agent.gaps(HOUR_US) == [], "the call was before the first hook"


def test_hooks_of_another_credential_say_nothing(agent: Agent) -> None:
    agent.reporter = "laptop-8"
    agent.log(2, MINUTE_US)
    assert agent.gaps(HOUR_US) == []


def test_history_that_is_read_later_is_not_a_gap(agent: Agent) -> None:
    agent.log(2, 3 * HOUR_US, ago_us=LATE_US + SECOND_US)
    assert agent.gaps(4 * HOUR_US) == []


def test_agent_counts_as_hooked_for_a_week(agent: Agent) -> None:
    agent.log(2, FRESH_US - SECOND_US)
    assert len(agent.gaps(FRESH_US + HOUR_US)) == 1
    agent.log(3, FRESH_US + 2 * HOUR_US)
    assert agent.gaps(FRESH_US + 3 * HOUR_US) == []


def test_gaps_of_a_session_are_bounded(agent: Agent) -> None:
    for number in range(2, MAX_UNREPORTED + 50):
        agent.log(number, MINUTE_US)
    assert len(agent.gaps(HOUR_US)) == MAX_UNREPORTED


def test_call_whose_hook_is_forgotten_is_not_a_gap_and_a_later_one_is(agent: Agent) -> None:
    calls, every_us = MAX_REPORTED + 100, SECOND_US // 4
    for number in range(2, calls):
        agent.hook(number, number * every_us)
    end_us = calls * every_us
    for number in range(2, calls):
        agent.log(number, end_us, ago_us=end_us - number * every_us)
    agent.log(calls, end_us, ago_us=0)
    gaps = agent.gaps(end_us + WAIT_US)
    assert [one["id"] for one in gaps] == [f"gap-toolu_{calls:012}"]


def test_state_of_an_earlier_version_is_read() -> None:
    reports = msgspec.json.decode(b'{"hooked":{"toolu_1":true},"began_us":7}', type=Reports)
    assert reports.hooked == {"toolu_1": True}


def test_restart_keeps_hooks_and_waiting_calls(agent: Agent) -> None:
    agent.log(2, MINUTE_US)
    rows = dict(agent.assembler.dump()[0])
    agent.assembler = Assembler(7)
    agent.assembler.load(rows)
    agent.log(3, MINUTE_US + SECOND_US)
    agent.log(1, MINUTE_US + SECOND_US)
    assert [one["id"][-1] for one in agent.gaps(HOUR_US)] == ["2", "3"]
    assert agent.assembler.dump()[0], "the session has changed"


def test_end_of_a_recording_gives_what_waits(agent: Agent) -> None:
    agent.log(2, MINUTE_US)
    found = [json.loads(line)["tool"] for line in agent.assembler.due(whole=True)]
    assert TOOL in found
