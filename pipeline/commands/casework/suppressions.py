"""The commands of suppressions: list, add, end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from models.errors import ConfigError
from pipeline.casework import suppressions as work
from pipeline.commands.casework.person import Preview, Reason, Yes, at_desk, check_words, last_word
from pipeline.commands.casework.scopes import (
    Agent,
    Anomaly,
    Detector,
    Mode,
    Role,
    Subject,
    end_of,
    hidden_in_words,
    scope_of,
)
from pipeline.commands.pages.listing import listing
from pipeline.commands.terminal import AsJson, console, note, now_us, print_json
from pipeline.configuration.loading import load_settings
from pipeline.store import open_store
from pipeline.text.quoted import plain, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

suppressions = typer.Typer(
    name="suppressions", help="Hide expected cases until a day: list, add, end."
)
_HEADS = ("id", "state", "scope", "until", "hidden", "by", "reason")


@suppressions.command("list")
def list_suppressions(
    state: Annotated[
        Literal["active", "expired", "ended"] | None, typer.Option(help="Only in this state.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Largest number of rows.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List suppressions, the newest first, with the number of cases that each has hidden."""
    with open_store(load_settings().store, read_only=True) as store:
        rows, _ = work.listed(store.audit, now_us(), state=state, limit=limit)
    if as_json:
        print_json({"suppressions": rows})
        return
    listing(console(), _HEADS, map(_row, rows), first="id", prose="reason")
    note(f"{len(rows)} suppressions")


@suppressions.command()
def add(
    until: Annotated[
        str,
        typer.Option(metavar="30d|DATE", help="End: days (30d), hours (12h), a date, or RFC 3339."),
    ],
    agent: Agent = None,
    role: Role = None,
    mode: Mode = None,
    anomaly: Anomaly = None,
    detector: Detector = None,
    subject: Subject = None,
    reason: Reason = None,
    preview: Preview = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Hide new cases within a scope: show what it would have hidden, then save it."""
    scope = scope_of(agent, role, mode, anomaly, detector, subject)
    if scope is None:
        raise ConfigError("a scope is missing: --agent, --role, --anomaly, --detector or --subject")
    if not preview:
        check_words(reason, yes=yes)
    with at_desk() as (desk, _):
        until_us = end_of(until, desk.at_us)
        work.suppressing(desk, scope, "", until_us)
        answer: dict[str, Any] = {
            "suppression": None,
            "would_have_hidden": work.preview(desk, scope),
        }
        if not as_json:
            console().print(hidden_in_words(answer["would_have_hidden"]), highlight=False)
        if not preview:
            why = last_word("Hide such cases from now on?", reason, yes=yes)
            if why is None:
                note("nothing was saved")
                return
            made = work.suppress(desk, scope, why, until_us)
            answer["suppression"] = work.shown(made, desk.at_us)
            note(f"saved as {made.id}; habitus suppressions end {made.id} ends it")
    if as_json:
        print_json(answer)


@suppressions.command()
def end(
    suppression: Annotated[str, typer.Argument(metavar="ID", help="Id of the suppression.")],
    reason: Reason = None,
    yes: Yes = False,
) -> None:
    """End a suppression: the open cases that it hides return to the queue."""
    check_words(reason, yes=yes)
    why = last_word(f"End {quoted(suppression)}?", reason, yes=yes)
    if why is None:
        note("nothing was saved")
        return
    with at_desk() as (desk, _):
        work.end(desk, suppression, why)
    note("ended; habitus run returns its open cases within about a second")


def _row(one: Mapping[str, Any]) -> Sequence[str]:
    return (
        plain(one["id"]),
        one["state"],
        plain(", ".join(f"{name} {value}" for name, value in one["scope"].items())),
        one["until"][:16] + "Z",
        str(one["hidden"]),
        plain(one["by"]),
        plain(one["reason"]),
    )


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(suppressions)
