"""Hooks of coding agents over HTTP: kept for the worker, answered at once, never allowed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from models.trust.levels import quarantine
from models.trust.state import TrustState
from pipeline.store import Commit

if TYPE_CHECKING:
    import httpx

    from tests.scoring_api.conftest import Installation

HOOK = {
    "hook_event_name": "PreToolUse", "session_id": "s-1", "tool_name": "Bash",
    "tool_use_id": "toolu_0000000001", "tool_input": {"command": "ls"},
}  # fmt: skip
PATH = "/v1/hooks/claude-code"


def shut(installation: Installation, agent_id: str) -> None:
    state = TrustState(agent_id=agent_id, mode="unknown", first_seen_us=1, last_seen_us=2)
    state = replace(state, level_state=quarantine(state.level_state))
    installation.store.commit(Commit(profiles=[(agent_id, "unknown", b"habits", state)]))


@pytest.mark.parametrize(
    "hook",
    [HOOK, HOOK | {"hook_event_name": "PostToolUse"}, {"hook_event_name": "Never heard of"},
     {"hook_event_name": 7}, {}],
)  # fmt: skip
def test_every_hook_is_answered_with_an_object_and_kept(
    client: httpx.Client, installation: Installation, hook: dict[str, Any]
) -> None:
    answer = client.post(PATH, json=hook)
    assert (answer.status_code, answer.json()) == (200, {})
    ((_, arrived_us, fmt, reporter, value),) = installation.store.reports(10)
    assert arrived_us > 1_700_000_000_000_000
    assert (fmt, reporter, json.loads(value)) == ("claude-code", "", hook)


def test_malformed_bodies_are_kept_for_the_worker_to_reject(
    client: httpx.Client, installation: Installation
) -> None:
    answer = client.post(PATH, content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, {})
    assert [row[-1] for row in installation.store.reports(10)] == [b"{"]


def test_call_of_a_quarantined_agent_is_denied_with_a_reason(
    client: httpx.Client, installation: Installation, until: Any
) -> None:
    shut(installation, "claude-code")
    until(lambda: client.post(PATH, json=HOOK).json() != {}, 3.0)
    output = client.post(PATH, json=HOOK).json()["hookSpecificOutput"]
    assert output["hookEventName"] == "PreToolUse"
    assert output["permissionDecision"] == "deny"
    assert "claude-code is quarantined" in output["permissionDecisionReason"]
    assert client.post(PATH, json=HOOK | {"hook_event_name": "PostToolUse"}).json() == {}


def test_other_content_types_are_refused(client: httpx.Client) -> None:
    answer = client.post(PATH, content=b"{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 415
