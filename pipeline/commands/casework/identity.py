"""The commands of identities: list, confirm, refuse, merge, split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.errors import ConfigError
from pipeline.casework import identities as work
from pipeline.casework.alias_list import listed
from pipeline.commands.casework.person import Preview, Reason, Yes, carry_out
from pipeline.commands.pages.listing import listing
from pipeline.commands.terminal import AsJson, console, note, print_json
from pipeline.configuration.loading import load_settings
from pipeline.identity.alias import (  # noqa: TC001  # a command reads its annotations
    AliasKind,
    AliasState,
)
from pipeline.store import open_store
from pipeline.text.quoted import plain, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.casework.desk import Desk
    from pipeline.commands.casework.person import Step
    from pipeline.store import Store

identity = typer.Typer(
    name="identity", help="One agent, many identifiers: list, confirm, refuse, merge, split."
)
_HEADS = ("alias", "agent", "kind", "state", "since", "source")
Alias = Annotated[str, typer.Argument(metavar="ALIAS", help="The identifier, as events have it.")]
Agent = Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.")]
OneAgent = Annotated[
    str | None, typer.Option("--agent", help="The agent, if the identifier has several proposals.")
]


@identity.command("list")
def list_identities(
    state: Annotated[AliasState | None, typer.Option(help="Only in this state.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only of this agent or identifier.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Largest number of rows.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List which identifiers belong to which agents: proposals, and what people decided."""
    with open_store(load_settings().store, read_only=True) as store:
        rows, last = listed(store, state=state, agent_id=agent, limit=limit)
    if as_json:
        print_json({"identities": rows})
        return
    listing(console(), _HEADS, map(_row, rows), first="alias", prose="source")
    note(f"{len(rows)} identities{'' if last is None else ', and more: raise --limit'}")


@identity.command()
def confirm(
    alias: Alias,
    agent: OneAgent = None,
    reason: Reason = None,
    preview: Preview = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Confirm a proposal: from the next commit on the identifier is judged as the agent."""
    _decide(work.merge, alias, agent, "Confirm", reason, preview=preview, yes=yes, as_json=as_json)


@identity.command()
def refuse(
    alias: Alias,
    agent: OneAgent = None,
    reason: Reason = None,
    preview: Preview = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Refuse a proposal; the same pair is not proposed again."""
    _decide(work.refuse, alias, agent, "Refuse", reason, preview=preview, yes=yes, as_json=as_json)


@identity.command()
def merge(
    alias: Alias,
    agent: Agent,
    kind: Annotated[AliasKind | None, typer.Option(help="What the identifier is.")] = None,
    reason: Reason = None,
    preview: Preview = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let an identifier be judged as an agent from the next commit on."""
    carry_out(
        lambda desk, _: lambda why, shown: work.merge(
            desk, alias, agent, why, kind=kind, preview=shown is None
        ),
        _print_effect, f"Merge {quoted(alias)} with {quoted(agent)}?", reason,
        preview=preview, yes=yes, as_json=as_json,
    )  # fmt: skip


@identity.command()
def split(
    alias: Alias,
    reason: Reason = None,
    preview: Preview = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let an identifier be judged as itself again, from the next commit on."""
    carry_out(
        lambda desk, _: lambda why, shown: work.split(desk, alias, why, preview=shown is None),
        _print_effect, f"Split {quoted(alias)}?", reason,
        preview=preview, yes=yes, as_json=as_json,
    )  # fmt: skip


def _decide(
    do: Callable[..., dict[str, Any]],
    alias: str,
    agent: str | None,
    word: str,
    reason: str | None,
    *,
    preview: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Confirm or refuse the open proposal about an identifier."""

    def step(desk: Desk, _: Store) -> Step:
        proposed = _proposed(desk, alias, agent)
        return lambda why, shown: do(desk, alias, proposed, why, preview=shown is None)

    carry_out(
        step, _print_effect, f"{word} {quoted(alias)}?", reason,
        preview=preview, yes=yes, as_json=as_json,
    )  # fmt: skip


def _proposed(desk: Desk, alias: str, agent: str | None) -> str:
    """Give the agent of the open proposal about an identifier."""
    rows = [one for one in desk.store.aliases.of_value(alias) if one.state == "proposed"]
    found = [one.agent_id for one in rows if agent in (None, one.agent_id)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(f"no open proposal is about {quoted(alias)}; see habitus identity list")
    names = ", ".join(map(quoted, found[:5]))
    raise ConfigError(f"{len(found)} proposals are about {quoted(alias)}: name --agent, of {names}")


def _print_effect(answer: Mapping[str, Any]) -> None:
    out = console()
    for name, value in (
        ("alias", answer["alias"]),
        ("agent", answer["agent_id"]),
        ("gate", answer["gate"]),
        ("effect", answer["effect"]),
    ):
        out.print(f"{name:<7} {plain(value)}", highlight=False)


def _row(one: Mapping[str, Any]) -> Sequence[str]:
    return (
        plain(one["alias"]),
        plain(one["agent_id"]),
        one["kind"],
        one["state"],
        (one["since"] or "")[:19],
        plain(one["source"]),
    )


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(identity)
