"""Commands that show the store: agents, anomalies and explanations."""

from __future__ import annotations

import difflib
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.markup import escape

from models.errors import ConfigError, HabitusError
from models.event import microseconds
from models.trust.policy import Level, Severity  # noqa: TC001  # likewise
from models.trust.response import State  # noqa: TC001  # a command reads its annotations
from pipeline.commands.current_trust import CurrentTrust
from pipeline.commands.pages.anomaly import anomaly_with, print_anomalies, print_anomaly
from pipeline.commands.pages.coverage import Covered, in_words
from pipeline.commands.pages.explanation import LEVEL_STYLE, Explained, explanation
from pipeline.commands.pages.listing import listing
from pipeline.commands.pages.recovery import recovery_text
from pipeline.commands.pages.silent_agents import (
    NO_AGENT,
    NONE_OF_THESE,
    print_silent,
    silent_agents,
)
from pipeline.commands.terminal import (
    AsJson,
    Kinds,
    console,
    note,
    print_json,
)
from pipeline.configuration.loading import load_settings
from pipeline.inventory.coverage import GROUPS, Group
from pipeline.processing.shadow_findings import with_members
from pipeline.store import open_store
from pipeline.text.quoted import plain, quoted
from pipeline.text.visible import distinguishable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.store import Store

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Largest number of rows.")]


def agents(
    level: Annotated[Level | None, typer.Option(help="Only of this level of trust.")] = None,
    state: Annotated[State | None, typer.Option(help="Only in this state.")] = None,
    role: Annotated[str | None, typer.Option(help="Only of this role.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only of this owner.")] = None,
    silent: Annotated[
        bool,
        typer.Option(
            "--silent",
            help="Only those that are silent for far longer than expected, the largest ratio "
            "first.",
        ),
    ] = False,
    group: Annotated[
        Group | None,
        typer.Option(help="Only of this group of the inventory: " + ", ".join(GROUPS) + "."),
    ] = None,
    limit: Limit = 200,
    as_json: AsJson = False,
) -> None:
    """List agents, the least trusted first, and say how many the inventory covers.

    The last column, recovers, is the number of whole clean days until the next level.
    """
    if silent and group is not None:
        raise ConfigError("--silent cannot be combined with --group; --group stale has the same")
    wanted = {"level": level, "state": state, "role": role, "owner": owner}
    asked = {name: value for name, value in wanted.items() if value is not None}
    settings = load_settings()
    with open_store(settings.store, read_only=True) as store:
        current = CurrentTrust(store, settings)
        covered = Covered(store, current)
        found = _silent_rows(store, current) if silent else covered.rows(group)
    rows = [row for row in found if all(row[name] == value for name, value in asked.items())]
    if as_json:
        print_json(
            {
                "agents": rows[:limit], "total": len(rows), "coverage": covered.fields(),
                "pipeline": current.pipeline,
            }
        )  # fmt: skip
        return
    if silent and not rows:
        console().print(NONE_OF_THESE if asked else NO_AGENT)
    elif silent:
        print_silent(rows[:limit])
    else:
        console().print(in_words(covered.coverage), highlight=False, markup=False)
        _print_agents(rows[:limit])
    note(f"{min(limit, len(rows))} of {len(rows)} agents; {current.sentence}")


def _silent_rows(store: Store, current: CurrentTrust) -> list[dict[str, Any]]:
    return [
        {**current.row(agent_id), "silent": silence.fields()}
        for agent_id, silence in silent_agents(store).items()
        if agent_id in current.agents
    ]


def _print_agents(rows: Sequence[dict[str, Any]]) -> None:
    names = distinguishable(row["agent_id"] for row in rows)
    heads = ("agent", "level", "score", "lower", "state", "role", "owner", "recovers")
    listing(console(), heads, (_agent_row(row, names) for row in rows))


def _agent_row(row: dict[str, Any], names: dict[str, str]) -> Sequence[str]:
    style = LEVEL_STYLE.get(row["level"], "")
    gate = " (quarantined)" if row["gate"] == "quarantined" else ""
    return (
        escape(names[row["agent_id"]]),
        f"[{style}]{row['level']}[/]{gate}",
        str(row["score"]),
        str(row["lower"]),
        row["state"],
        "[dim]unregistered[/]" if row["registered"] is False else plain(row["role"] or ""),
        plain(row["owner"] or ""),
        recovery_text(row),
    )


def anomalies(
    anomaly: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Show this anomaly; a prefix of its id is enough."),
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Only of this agent.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Only of this severity.")] = None,
    kind: Kinds = None,
    not_kind: Annotated[
        list[str] | None, typer.Option(help="Leave out this type; may be repeated.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="With an event at or after this time, RFC 3339 with zone.")
    ] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List anomalies, the newest first event first; with an id, show one in detail."""
    settings = load_settings()
    if anomaly is not None:
        if any(
            asked is not None for asked in (agent, severity, kind or None, not_kind or None, since)
        ):
            raise ConfigError("an id selects one anomaly; it cannot be combined with filters")
        with open_store(settings.store, read_only=True) as store:
            one = with_members(anomaly_with(store, anomaly), store)
        if as_json:
            print_json(one)
        else:
            print_anomaly(one, console())
        return
    with open_store(settings.store, read_only=True) as store:
        found = store.anomalies(
            agent_id=agent,
            severity=severity,
            kind=kind or None,
            not_kind=not_kind,
            since_us=None if since is None else _instant(since),
            limit=limit,
        )
    if as_json:
        print_json({"anomalies": found})
        return
    print_anomalies(found, console())
    note(f"{len(found)} anomalies")


def explain(
    agent: Annotated[str, typer.Argument(help="Agent id.")],
    limit: Limit = 10,
    as_json: AsJson = False,
) -> None:
    """Explain the trust of an agent, and how it recovers."""
    settings = load_settings()
    with open_store(settings.store, read_only=True) as store:
        current = CurrentTrust(store, settings)
        states = current.agents.get(agent)
        if not states:
            raise HabitusError(_unknown_agent(agent, current))
        explained = Explained(
            trust=current.answer(agent, states),
            by_mode=[current.answer(agent, states, state.mode) for state in states],
            anomalies=store.anomalies(agent_id=agent, limit=limit),
        )
    if as_json:
        print_json(msgspec.to_builtins(explained))
        return
    explanation(explained, console())
    note(current.sentence)


def _unknown_agent(agent: str, current: CurrentTrust) -> str:
    near = difflib.get_close_matches(agent, current.agents, n=1, cutoff=0.4)
    hint = f", did you mean {near[0]!r}?" if near else ", habitus agents lists those known"
    return f"no agent {agent!r} in the store{hint}"


def _instant(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ConfigError(f"--since must be RFC 3339 with a zone, got {quoted(text)}")
    return microseconds(at)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (agents, anomalies, explain):
        app.command()(command)
