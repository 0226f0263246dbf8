"""The commands that decide about a case, and comment on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from models.errors import ConfigError
from models.trust.disposition import Disposition  # noqa: TC001  # a command reads its annotations
from pipeline.casework.comments import comment as add_comment
from pipeline.casework.deciding import decide as decide_case
from pipeline.commands.casework.person import (
    Preview,
    Reason,
    Yes,
    at_desk,
    carry_out,
    checked_text,
)
from pipeline.commands.casework.scopes import (
    Agent,
    Anomaly,
    Detector,
    Mode,
    Role,
    Subject,
    Until,
    end_of,
    hidden_in_words,
    scope_of,
)
from pipeline.commands.pages.case import case_with
from pipeline.commands.terminal import AsJson, console, note
from pipeline.text.quoted import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.casework.desk import Desk
    from pipeline.commands.casework.person import Step
    from pipeline.store import Store

Case = Annotated[
    str, typer.Argument(metavar="CASE", help="Id of the case; a prefix of it is enough.")
]
Word = Literal["benign", "expected_change", "malicious", "unclear", "undo"]


def decide(
    case: Case,
    disposition: Annotated[
        Word, typer.Argument(help="The decision; undo takes the latest one back.")
    ],
    reason: Reason = None,
    until: Until = None,
    agent: Agent = None,
    role: Role = None,
    mode: Mode = None,
    anomaly: Anomaly = None,
    detector: Detector = None,
    subject: Subject = None,
    preview: Preview = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Decide about a case: show the effect, then save it.

    An expected change may hide further cases: give --until and what it covers, as for habitus
    suppressions add.
    """
    scope = scope_of(agent, role, mode, anomaly, detector, subject)
    if (scope is None) != (until is None):
        raise ConfigError("--until and a scope such as --agent need each other")
    if scope is not None and disposition != "expected_change":
        raise ConfigError("a scope and --until belong to an expected_change")
    wanted: Disposition | None = None if disposition == "undo" else disposition

    def work(desk: Desk, store: Store) -> Step:
        found = case_with(store, case)
        name, version = found["case_id"], found["version"]
        until_us = None if until is None else end_of(until, desk.at_us)
        return lambda why, shown: decide_case(
            desk, name, version, wanted, why, scope=scope, until_us=until_us, preview=shown is None
        )

    carry_out(
        work, _print_effect, f"Save: {disposition}?", reason,
        preview=preview, yes=yes, as_json=as_json,
    )  # fmt: skip


def comment(
    case: Case,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="At most 2,000 characters.")],
) -> None:
    """Add a comment to a case."""
    words = checked_text(text, "TEXT")
    with at_desk() as (desk, store):
        add_comment(desk, case_with(store, case)["case_id"], words)
    note("saved")


def _print_effect(effect: Mapping[str, Any]) -> None:
    out = console()
    trust = effect["trust"]
    if trust["after"] is not None:
        before, after = (f"{one['score']} (at least {one['lower']})" for one in trust.values())
        out.print(f"trust   {before} becomes {after}", highlight=False)
    closes = ", ".join(map(plain, effect["closes"])) or "nothing"
    out.print(f"closes  {closes}", highlight=False)
    out.print(
        f"events  {effect['events_learned']} held ones are learned, "
        f"{effect['events_dropped']} dropped",
        highlight=False,
    )
    out.print(f"gate    {effect['gate']}", highlight=False)
    if effect["hides"] is not None:
        out.print(f"hides   {hidden_in_words(effect['hides'])}", highlight=False)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (decide, comment):
        app.command()(command)
