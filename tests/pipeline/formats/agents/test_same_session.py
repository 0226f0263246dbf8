"""The same session gives the same events through each source, or the page says what is poorer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.formats.agents.same_session import (
    SESSIONS,
    TOKEN,
    differences,
    events_of,
    spoken,
)

PAGE = Path(__file__).resolve().parents[4] / "docs" / "coding-agents.md"
NO_PERSON, NO_SUCH = "no: it names nobody", "no: it does not say"
CALLS_ONLY = "no: it has them for a whole turn"
ARRIVAL = "arrival: it has no time"
NO_RESULTS, REQUEST_ALONE = "no: results are not in it", "the request alone: results are not in it"
NOT_DENIED = "none for a denied call"
OWN_ID = "its own: connect one of the two"
# What differs from the source that says most, and why.
WHY: dict[str, dict[tuple[str, str], str]] = {
    "Claude Code": {
        ("time", "hooks"): ARRIVAL,
        ("agent.version", "hooks"): NO_SUCH,
        ("agent.model", "hooks"): NO_SUCH,
        ("human", "hooks"): NO_PERSON,
        ("human", "transcript"): NO_PERSON,
        ("mode", "hooks"): NO_PERSON,
        ("mode", "transcript"): NO_PERSON,
        ("argument_origins", "log records"): REQUEST_ALONE,
        ("duration_ms", "transcript"): NO_SUCH,
        ("volume", "log records"): NOT_DENIED,
        ("volume", "transcript"): "the refusal for a denied call",
        ("attributes.tokens", "hooks"): NO_SUCH,
        ("attributes.secrets_read", "log records"): NO_RESULTS,
        ("attributes.leaked_secret", "log records"): NO_RESULTS,
        ("attributes.permission_mode", "log records"): "no: only a change of it",
        ("attributes.permission_mode", "transcript"): NO_SUCH,
    },
    "Codex": {
        ("human", "session file"): NO_PERSON,
        ("mode", "session file"): NO_PERSON,
        ("arguments", "log records"): NOT_DENIED,
        ("argument_origins", "log records"): NOT_DENIED,
        ("operation", "log records"): NOT_DENIED,
        ("resource", "log records"): NOT_DENIED,
        ("network", "log records"): NOT_DENIED,
        ("volume", "log records"): NOT_DENIED,
        ("duration_ms", "session file"): NO_SUCH,
        ("attributes.tokens", "session file"): CALLS_ONLY,
        ("attributes.programs", "log records"): NOT_DENIED,
        ("attributes.destinations", "log records"): NOT_DENIED,
        ("attributes.approval_policy", "log records"): NO_SUCH,
    },
    "Gemini CLI": {
        ("id", "log records"): OWN_ID,
        ("attributes.call_id", "log records"): OWN_ID,
        ("argument_origins", "log records"): REQUEST_ALONE,
        ("attributes.secrets_read", "log records"): NO_RESULTS,
        ("attributes.leaked_secret", "log records"): NO_RESULTS,
        ("agent.version", "hooks"): NO_SUCH,
        ("agent.model", "hooks"): "no: only hooks of the model",
        ("human", "hooks"): NO_PERSON,
        ("mode", "hooks"): NO_PERSON,
        ("duration_ms", "hooks"): NO_SUCH,
        ("attributes.tokens", "hooks"): NO_SUCH,
        ("attributes.permission_mode", "hooks"): NO_SUCH,
    },
}


@pytest.mark.parametrize("agent", sorted(SESSIONS))
def test_sources_of_a_session_agree_but_for_what_the_page_says(agent: str) -> None:
    said = {place: _extent_of(why) for place, why in WHY[agent].items()}
    assert differences(agent) == said


def _extent_of(why: str) -> str:
    """Give how far a source differs by what the page says."""
    if why.startswith("no:"):
        return "absent"
    return "denied" if why.endswith("for a denied call") else "other"


@pytest.mark.parametrize("agent", sorted(SESSIONS))
def test_session_of_each_agent_reads_a_credential_and_sends_it(agent: str) -> None:
    named = {"attributes.secrets_read", "attributes.secrets", "attributes.leaked_secret", "mode"}
    assert named <= set(spoken(agent))
    assert TOKEN not in str([events_of(records) for records in SESSIONS[agent].values()])


def test_member_of_one_source_alone_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks, others = SESSIONS["Claude Code"]["hooks"], SESSIONS["Claude Code"]
    named = [
        (fmt, value.replace(b'"session_id"', b'"agent_id": "sub-1", "session_id"'))
        for fmt, value in hooks
    ]
    monkeypatch.setitem(SESSIONS, "Claude Code", others | {"hooks": named})
    more = differences("Claude Code").keys() - WHY["Claude Code"].keys()
    assert more == {("agent.instance", "log records"), ("agent.instance", "transcript")}


@pytest.mark.parametrize("agent", sorted(SESSIONS))
def test_each_source_gives_every_call_once(agent: str) -> None:
    def tools(times: int) -> dict[str, list[str]]:
        sources = SESSIONS[agent].items()
        return {
            source: [event["tool"] for event in events_of(records * times)]
            for source, records in sources
        }

    assert tools(1) == tools(2)
    assert min(map(len, tools(1).values())) >= 2


@pytest.mark.parametrize("agent", ["Claude Code", "Codex"])
def test_all_sources_together_are_one_event_for_each_call(agent: str) -> None:
    ids = {event["id"] for records in SESSIONS[agent].values() for event in events_of(records)}
    together = events_of([one for records in SESSIONS[agent].values() for one in records])
    assert [event["id"] for event in together] == sorted(ids)


def table() -> str:
    """Write the table of the page."""
    lines = []
    for agent in SESSIONS:
        sources = list(SESSIONS[agent])
        lines += [f"### {agent}", "", f"| member | {' | '.join(sources)} |",
                  f"|---|{'---|' * len(sources)}"]  # fmt: skip
        why = WHY[agent]
        members = spoken(agent)
        equal = [name for name in members if not any((name, one) in why for one in sources)]
        lines.append(f"| {', '.join(f'`{one}`' for one in equal)} |{' yes |' * len(sources)}")
        lines += [
            f"| `{name}` | {' | '.join(why.get((name, one), 'yes') for one in sources)} |"
            for name in members
            if name not in equal
        ]
        lines.append("")
    return "\n".join(lines)


def test_page_has_the_table() -> None:
    assert table() in PAGE.read_text(), f"docs/coding-agents.md must have:\n{table()}"
