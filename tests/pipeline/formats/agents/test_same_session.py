"""The same session gives the same events through each source, or the page says what is poorer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.formats.agents.same_session import (
    SESSIONS,
    differences,
    events_of,
    spoken,
)

PAGE = Path(__file__).resolve().parents[4] / "docs" / "coding-agents.md"
NO_PERSON, NO_SUCH = "no: it names nobody", "no: it does not say"
CALLS_ONLY = "no: it has them for a whole turn"
NO_RESULT = "no: results are not in it"
DENIED = "none for a denied call"
ARRIVAL = "arrival: it has no time"
# What differs from the source that says most, and why.
WHY: dict[str, dict[tuple[str, str], str]] = {
    "Claude Code": {
        ("time", "hooks"): ARRIVAL,
        ("agent.version", "hooks"): NO_SUCH,
        ("agent.model", "hooks"): NO_SUCH,
        ("human", "hooks"): NO_PERSON,
        ("human", "transcript"): NO_PERSON,
        ("argument_origins", "log records"): "the request alone: results are not in it",
        ("duration_ms", "transcript"): NO_SUCH,
        ("volume", "log records"): DENIED,
        ("volume", "transcript"): "the refusal for a denied call",
        ("attributes.tokens", "hooks"): NO_SUCH,
        ("attributes.permission_mode", "log records"): "only when it changes",
        ("attributes.permission_mode", "transcript"): NO_SUCH,
        ("attributes.secrets_read", "log records"): NO_RESULT,
        ("attributes.leaked_secret", "log records"): NO_RESULT,
        ("mode", "hooks"): NO_PERSON,
        ("mode", "transcript"): NO_PERSON,
    },
    "Codex": {
        ("human", "session file"): NO_PERSON,
        ("arguments", "log records"): DENIED,
        ("argument_origins", "log records"): DENIED,
        ("operation", "log records"): DENIED,
        ("resource", "log records"): DENIED,
        ("network", "log records"): DENIED,
        ("volume", "log records"): DENIED,
        ("duration_ms", "session file"): NO_SUCH,
        ("attributes.tokens", "session file"): CALLS_ONLY,
        ("attributes.approval_policy", "log records"): NO_SUCH,
        ("attributes.programs", "log records"): DENIED,
        ("attributes.destinations", "log records"): DENIED,
        ("mode", "session file"): NO_PERSON,
    },
    "Gemini CLI": {
        ("id", "log records"): "its own: connect one of the two",
        ("agent.version", "hooks"): NO_SUCH,
        ("agent.model", "hooks"): "only in hooks of the model",
        ("human", "hooks"): NO_PERSON,
        ("duration_ms", "hooks"): NO_SUCH,
        ("attributes.tokens", "hooks"): NO_SUCH,
        ("attributes.permission_mode", "hooks"): NO_SUCH,
        ("attributes.secrets_read", "log records"): NO_RESULT,
        ("mode", "hooks"): NO_PERSON,
    },
}


@pytest.mark.parametrize("agent", sorted(SESSIONS))
def test_sources_of_a_session_agree_but_for_what_the_page_says(agent: str) -> None:
    assert set(differences(agent)) == set(WHY[agent])


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
