"""The command that shows cases."""

from __future__ import annotations

from typing import Annotated

import typer

from models.errors import ConfigError
from models.trust.policy import Severity  # noqa: TC001  # a command reads its annotations
from pipeline.casework.comments import with_comments
from pipeline.commands.pages.case import case_with, print_case, print_cases
from pipeline.commands.terminal import AsJson, Kinds, console, note, print_json
from pipeline.configuration.loading import load_settings
from pipeline.store import CaseSort, CaseStatus, open_store


def cases(
    case: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Show this case; a prefix of its id is enough."),
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Only with an event of this agent.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Only of this severity.")] = None,
    status: Annotated[
        CaseStatus | None, typer.Option(help="Only open, closed or suppressed.")
    ] = None,
    kind: Kinds = None,
    sort: Annotated[
        CaseSort, typer.Option(help="By severity and rarity, or by the last event.")
    ] = "severity",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Largest number of rows.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List cases, the most severe and rarest first; with an id, show one in detail.

    The column "comes up" says how often something this unusual happens over the whole fleet if all
    is well. Suppressed cases are listed with --status suppressed.
    """
    settings = load_settings()
    if case is not None:
        if any(asked is not None for asked in (agent, severity, status, kind or None)):
            raise ConfigError("an id selects one case; it cannot be combined with filters")
        with open_store(settings.store, read_only=True) as store:
            one = with_comments(case_with(store, case), store.audit)
        if as_json:
            print_json(one)
        else:
            print_case(one, console())
        return
    with open_store(settings.store, read_only=True) as store:
        found = store.cases(
            agent_id=agent,
            severity=severity,
            status=status,
            kind=kind or None,
            sort=sort,
            limit=limit,
        )
        hidden = (
            []
            if status is not None
            else store.cases(
                agent_id=agent,
                severity=severity,
                status="suppressed",
                kind=kind or None,
                sort="last",
                limit=limit,
            )
        )
    if as_json:
        print_json({"cases": found})
        return
    print_cases(found, console())
    more = "at least " if len(hidden) == limit else ""
    left_out = f"; {more}{len(hidden)} suppressed: --status suppressed" if hidden else ""
    note(f"{len(found)} cases{left_out}")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(cases)
