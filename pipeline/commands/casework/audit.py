"""The command that shows the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.casework.auditing import shown
from pipeline.commands.pages.listing import listing
from pipeline.commands.terminal import AsJson, console, note, print_json
from pipeline.configuration.loading import load_settings
from pipeline.store import open_store
from pipeline.store.registers.audit import Action  # noqa: TC001  # a command reads its annotations
from pipeline.text.quoted import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HEADS = ("number", "time", "by", "action", "object", "version", "reason")


def audit(
    action: Annotated[Action | None, typer.Option(help="Only this.")] = None,
    about: Annotated[
        str | None, typer.Option("--object", help="Only about this case, agent or suppression.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Largest number of rows.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what people did, the newest first: decisions, comments, suppressions, quarantines."""
    with open_store(load_settings().store, read_only=True) as store:
        found = store.audit.page(
            actions=() if action is None else (action,), name=about, limit=limit
        )
    rows = [shown(number, entry) for number, entry in found]
    if as_json:
        print_json({"entries": rows})
        return
    listing(console(), _HEADS, map(_row, rows), first="object", prose="reason")
    note(f"{len(rows)} entries")


def _row(one: Mapping[str, Any]) -> Sequence[str]:
    decided = f" {one['disposition']}" if one["disposition"] else ""
    return (
        str(one["number"]),
        one["time"][:19] + "Z",
        plain(one["by"]),
        one["action"] + decided,
        plain(one["object"]),
        f"{one['before']} to {one['after']}",
        plain(one["reason"]),
    )


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(audit)
