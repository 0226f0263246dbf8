"""The commands that quarantine and release an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.casework.gates import set_gate
from pipeline.commands.casework.person import Preview, Reason, Yes, carry_out
from pipeline.commands.terminal import AsJson, console
from pipeline.text.quoted import plain, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.casework.gates import GateAction

Agent = Annotated[str, typer.Argument(metavar="AGENT", help="Agent id.")]


def quarantine(
    agent: Agent,
    reason: Reason = None,
    preview: Preview = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Shut the gate of an agent until a person releases it: show the effect, then do it."""
    _set(agent, "quarantine", reason, preview=preview, yes=yes, as_json=as_json)


def release(
    agent: Agent,
    reason: Reason = None,
    preview: Preview = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Open the gate of an agent again: show the effect, then do it."""
    _set(agent, "release", reason, preview=preview, yes=yes, as_json=as_json)


def _set(
    agent: str, action: GateAction, reason: str | None, *, preview: bool, yes: bool, as_json: bool
) -> None:
    carry_out(
        lambda desk, _: lambda why, shown: set_gate(
            desk, agent, action, why, shown["confirm"] if shown else None
        ),
        _print_effect, f"{action.capitalize()} {quoted(agent)}?", reason,
        preview=preview, yes=yes, as_json=as_json, refused="nothing was done",
    )  # fmt: skip


def _print_effect(answer: Mapping[str, Any]) -> None:
    before, after, out = answer["before"], answer["after"], console()
    unknown = "" if answer["known"] else ", not known yet: it begins with this gate"
    out.print(f"agent   {plain(answer['agent_id'])}{unknown}", highlight=False)
    out.print(f"gate    {before['gate']} becomes {after['gate']}", highlight=False)
    out.print(
        f"trust   {after['level']}, {after['score']} (at least {after['lower']}), as before",
        highlight=False,
    )
    out.print(f"effect  {answer['effect']}", highlight=False)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (quarantine, release):
        app.command()(command)
