"""Hooks of coding agents over HTTP: kept for the worker, answered at once, never allowed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from models.errors import StateError
from models.trust.levels import quarantine
from models.trust.state import TrustState
from pipeline.configuration.hook_rules import rule_of
from pipeline.store import Commit
from scoring_api.wiring import operations_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.scoring_api.conftest import Installation

HOOK = {
    "hook_event_name": "PreToolUse", "session_id": "s-1", "tool_name": "Bash",
    "tool_use_id": "toolu_0000000001", "tool_input": {"command": "ls"},
}  # fmt: skip
OF_COPILOT = HOOK | {"timestamp": "2026-10-05T08:00:00Z"}
COPILOT = {"sessionId": "c", "timestamp": 1, "toolName": "bash", "toolArgs": "{}"}
GEMINI = {
    "hook_event_name": "BeforeTool", "session_id": "g", "tool_name": "run_shell_command",
    "timestamp": "2026-10-05T08:00:00Z", "tool_input": {"command": "rm -rf build"},
}  # fmt: skip
PATH, COPILOT_PATH, GEMINI_PATH = (
    f"/v1/hooks/{name}" for name in ("claude-code", "copilot-cli", "gemini-cli")
)
ALL = [(PATH, HOOK, "claude-code"), (PATH, OF_COPILOT, "copilot-cli"),
       (COPILOT_PATH, COPILOT, "copilot-cli"), (GEMINI_PATH, GEMINI, "gemini-cli")]  # fmt: skip


def shut(installation: Installation, agent_id: str) -> None:
    state = TrustState(agent_id=agent_id, mode="unknown", first_seen_us=1, last_seen_us=2)
    state = replace(state, level_state=quarantine(state.level_state))
    installation.store.commit(Commit(profiles=[(agent_id, "unknown", b"habits", state)]))


def decision_in(answer: dict[str, Any]) -> tuple[str, str] | None:
    """Give decision and reason, wherever the agent reads them."""
    given = answer.get("hookSpecificOutput", answer)
    decision = given.get("permissionDecision", given.get("decision"))
    reason = given.get("permissionDecisionReason", given.get("reason"))
    return None if decision is None else (decision, reason)


@pytest.mark.parametrize(("path", "hook", "fmt"), ALL)
def test_quarantine_before_the_first_event_denies_the_first_call_until_it_is_lifted(
    client: httpx.Client, installation: Installation, until: Any, path: str, hook: Any, fmt: str
) -> None:
    assert installation.store.states(fmt) == []

    def set_gate(action: str) -> None:
        asked = f"/v1/agent/{action}?id={fmt}"
        confirm = client.post(asked, json={"reason": "stop"}).json()["confirm"]
        done = client.post(asked, json={"reason": "stop", "confirm": confirm}).json()
        assert (done["done"], done["known"]) == (True, False)

    def is_denied() -> bool:
        return client.post(path, json=hook).json() != {}

    set_gate("quarantine")
    until(is_denied, 3.0)
    answer = client.get(f"/v1/agents/{fmt}/trust").json()
    assert (answer["gate"], answer["state"]) == ("quarantined", "unknown")
    assert client.get("/v1/agents/nobody/trust").json()["gate"] == "open"
    set_gate("release")
    until(lambda: not is_denied(), 3.0)


@pytest.mark.parametrize(
    "hook",
    [HOOK, HOOK | {"hook_event_name": "PostToolUse"}, {"hook_event_name": "Never heard of"},
     {"hook_event_name": 7}, {}],
)  # fmt: skip
def test_every_hook_is_answered_with_an_object_and_kept(
    client: httpx.Client, installation: Installation, until: Any, hook: dict[str, Any]
) -> None:
    answer = client.post(PATH, json=hook)
    assert (answer.status_code, answer.json()) == (200, {})
    until(lambda: installation.store.reports(10))
    ((_, arrived_us, fmt, reporter, value),) = installation.store.reports(10)
    assert arrived_us > 1_700_000_000_000_000
    assert (fmt, reporter, json.loads(value)) == ("claude-code", "", hook)


def test_malformed_bodies_are_kept_for_the_worker_to_reject(
    client: httpx.Client, installation: Installation, until: Any
) -> None:
    answer = client.post(PATH, content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, {})
    until(lambda: installation.store.reports(10))
    assert [row[-1] for row in installation.store.reports(10)] == [b"{"]


@pytest.mark.parametrize(("path", "hook", "fmt"), ALL)
def test_call_of_a_quarantined_agent_is_denied_in_the_form_of_its_agent(
    client: httpx.Client, installation: Installation, until: Any, path: str, hook: Any, fmt: str
) -> None:
    assert client.post(path, json=hook).json() == {}
    shut(installation, fmt)
    until(lambda: client.post(path, json=hook).json() != {}, 3.0)
    answer = client.post(path, json=hook).json()
    assert decision_in(answer) == ("deny", f"agent {fmt} is quarantined by Habitus")
    assert ("hookSpecificOutput" in answer) == (fmt == "claude-code")
    assert ("decision" in answer) == (fmt == "gemini-cli")
    until(lambda: installation.store.reports(10))
    assert {row[2] for row in installation.store.reports(10)} == {fmt, f"{fmt}:denied"}


@pytest.mark.parametrize(
    ("path", "hook"),
    [
        (PATH, HOOK | {"hook_event_name": "PostToolUse"}),
        (COPILOT_PATH, COPILOT | {"toolResult": {"resultType": "success"}}),
        (COPILOT_PATH, COPILOT | {"error": "no"}),
        (COPILOT_PATH, {"sessionId": "c", "timestamp": 1, "prompt": "hello"}),
        (GEMINI_PATH, GEMINI | {"hook_event_name": "AfterTool"}),
    ],
)
def test_hook_after_a_call_is_never_answered_by_a_decision(
    installation: Installation, path: str, hook: dict[str, Any]
) -> None:
    with installation.client(hook_rules=(rule_of("*/*=deny"),)) as client:
        assert client.post(path, json=hook).json() == {}


@pytest.mark.parametrize(
    ("rules", "command", "expected"),
    [
        ((), "rm -rf build", None),
        (("watch/delete=deny",), "rm -rf build", "deny"),
        (("watch/delete=deny",), "ls", None),
        (("watch/*=ask", "watch/delete=deny"), "ls", "ask"),
        (("watch/*=ask", "*/delete=deny"), "rm -rf build", "deny"),
        (("step_up/*=ask",), "ls", "ask"),
        (("trusted/*=deny", "unknown/*=deny", "restricted/*=deny"), "ls", None),
    ],
)
def test_rules_decide_by_level_and_operation(
    installation: Installation, rules: tuple[str, ...], command: str, expected: str | None
) -> None:
    installation.put(
        installation.state(
            "claude-code", level="watch",
            items=tuple(installation.item(f"k{at}", "high") for at in range(4)),
        )
    )  # fmt: skip
    with installation.client(hook_rules=tuple(map(rule_of, rules))) as client:
        assert client.get("/v1/agents/claude-code/trust").json()["level"] == "watch"
        answer = client.post(PATH, json=HOOK | {"tool_input": {"command": command}}).json()
    found = decision_in(answer)
    assert (found and found[0]) == expected
    if found:
        assert "at level watch" in found[1]


@pytest.mark.parametrize(("path", "hook", "fmt"), ALL)
def test_unknown_agents_have_their_own_level(
    installation: Installation, path: str, hook: Any, fmt: str
) -> None:
    with installation.client(hook_rules=(rule_of("unknown/*=ask"),)) as client:
        found = decision_in(client.post(path, json=hook).json())
        assert found is not None
        assert found[0] == "ask"
        assert f"agent {fmt} at level unknown" in found[1]


@pytest.mark.parametrize(("path", "hook", "fmt"), ALL)
def test_operation_is_read_out_of_each_form(path: str, hook: Any, fmt: str) -> None:
    expected = {"delete"} if fmt == "gemini-cli" else {"read"}
    if path == COPILOT_PATH:
        hook = hook | {"toolArgs": json.dumps({"command": "ls"})}
    assert set(operations_of(fmt, json.dumps(hook).encode())) == expected
    assert operations_of(fmt, b"{") == ("*",)
    assert operations_of(fmt, b'{"hook_event_name":"SessionStart"}') == ("*",)


def test_store_that_takes_nothing_denies_no_call_of_copilot(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StateError("the disk is full")

    monkeypatch.setattr(installation.store, "report", fail)
    with installation.client() as client:
        assert [client.post(path, json=hook).status_code for path, hook, _ in ALL] == [
            503, 200, 200, 503,
        ]  # fmt: skip


def test_slow_store_delays_no_answer_and_loses_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, until: Callable[..., None]
) -> None:
    real = installation.store.report
    batches: list[int] = []

    def slow(fmt: str, reporter: str, values: list[bytes]) -> None:
        time.sleep(0.4)
        batches.append(len(values))
        real(fmt, reporter, values)

    monkeypatch.setattr(installation.store, "report", slow)
    with installation.client() as client:
        begun = time.monotonic()
        for _ in range(8):
            assert client.post(PATH, json=HOOK).status_code == 200
        assert time.monotonic() - begun < 8 * 0.4
        until(lambda: sum(batches) == 8)
    assert len(batches) < 8, "what waits is written together"
    assert len(installation.store.reports(20)) == 8


@pytest.mark.parametrize("path", [PATH, COPILOT_PATH, GEMINI_PATH])
def test_other_content_types_are_refused(client: httpx.Client, path: str) -> None:
    answer = client.post(path, content=b"{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 415


@pytest.mark.parametrize(("path", "hook", "fmt"), ALL)
def test_payload_that_is_answered_by_deny_is_kept_with_that_decision(
    installation: Installation, until: Any, path: str, hook: Any, fmt: str
) -> None:
    with installation.client(hook_rules=(rule_of("unknown/*=deny"),)) as client:
        decision = decision_in(client.post(path, json=hook).json())
        assert decision is not None
        assert decision[0] == "deny"
        until(lambda: installation.store.reports(10))
    ((_, _, kept, _, value),) = installation.store.reports(10)
    assert (kept, json.loads(value)) == (f"{fmt}:denied", hook)


def test_payload_that_is_answered_by_ask_is_kept_as_one_that_is_only_observed(
    installation: Installation, until: Any
) -> None:
    with installation.client(hook_rules=(rule_of("unknown/*=ask"),)) as client:
        assert client.post(PATH, json=HOOK).json() != {}
        until(lambda: installation.store.reports(10))
    assert [row[2] for row in installation.store.reports(10)] == ["claude-code"]
