"""Recordings: judge one, learn one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pipeline.commands.terminal import (
    AsJson,
    Force,
    anomaly_table,
    console,
    note,
    print_json,
)
from pipeline.commands.words import Spread
from pipeline.logs import start_logs
from pipeline.processing.progress import progress_for
from pipeline.publishing.rejected import in_words
from pipeline.settings import Settings, load_settings
from pipeline.sources.files import results_in
from pipeline.sources.own_results import not_read
from pipeline.sources.recordings import refuse_empty
from pipeline.store import shown_url
from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from pipeline.processing.review import Review

_WORST = 15  # anomalies of a past that are shown
Files = Annotated[
    list[str], typer.Argument(help="Recordings: files, folders, patterns; - is stdin.")
]
Format = Annotated[
    str | None, typer.Option("--format", help="Format of the recordings; default: the setting.")
]


def begun() -> Settings:
    """Read the settings and start logging as they say: how each of these commands begins."""
    settings = load_settings()
    start_logs(settings.log_level)
    return settings


def note_empty(*recordings: list[str], skip: Iterable[Path] = ()) -> None:
    """Name what is not read, and each recording without a record; refuse to begin without any.

    Parameters
    ----------
    skip
        Our own outputs, which a folder or a pattern does not include.
    """
    own = {path.resolve() for path in skip}
    for name in (name for files in recordings for name in files if name != "-"):
        note_results(name, own)
    for name in (name for files in recordings for name in refuse_empty(files, skip)):
        note(f"no record in {quoted(name, LONGEST_PATH)}")


def note_results(name: str, skip: Collection[Path] = ()) -> None:
    """Name the files of results in a folder or a pattern, which are not read."""
    if results := results_in(name, skip):
        note(not_read(name, results))


def replay(
    files: Files,
    out: Annotated[
        str, typer.Option(help="Where judgements go, one JSON line an event; - stdout.")
    ],
    fmt: Format = None,
    history: Annotated[
        list[str] | None,
        typer.Option(help="A past you vouch for: learned first, not in the output. May repeat."),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Keep the state here (sqlite:PATH); default: thrown away.")
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Judge a recording offline, in a fresh store of its own; the same input, the same output.

    Lines that are no events go to OUT.rejected.jsonl with line number and reason. A folder or a
    pattern does not include OUT and OUT.rejected.jsonl, nor results of an earlier replay.
    """
    from pipeline.processing.replay import outputs
    from pipeline.processing.replay import replay as replayed

    settings = begun()
    note_empty(files, history or [], skip=outputs(out))
    with progress_for(json=as_json) as progress:
        summary = replayed(
            files,
            fmt=fmt or settings.format,
            out=out,
            history=history or [],
            store=store,
            settings=settings,
            progress=progress,
            force=force,
        )
    if as_json and out != "-":
        print_json(msgspec.to_builtins(summary))
    elif not as_json:
        rate = summary.events / max(summary.seconds, 1e-3)
        note(
            f"{summary.events} events judged in {summary.seconds:.1f} s ({rate:.0f}/s), "
            f"{summary.alerts} alerts, {summary.rejected} rejected, configuration "
            f"{summary.config_version}"
        )
        if summary.rejected:
            note(f"rejected lines: {summary.rejected_out or 'kept nowhere, as OUT is no file'}")


def learn(
    files: Files,
    fmt: Format = None,
    review: Annotated[
        str | None,
        typer.Option(
            help="Where acts go that would have alerted, one JSON line each; - is standard output."
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Learn a past you vouch for into the configured store, so that an installation starts warm.

    What would have alerted is learned as well, and shown: look at it before you rely on it.
    """
    from pipeline.processing.replay import learn as learned

    settings = begun()
    note_empty(files)
    with progress_for(json=False) as progress:
        summary = learned(
            files,
            fmt=fmt or settings.format,
            settings=settings,
            review=review,
            progress=progress,
            force=force,
        )
    where = shown_url(settings.store).removeprefix("sqlite:")
    why = f" ({in_words(summary.rejected_by)})" if summary.rejected else ""
    note(f"{summary.events} events learned into {where}, {summary.rejected} rejected{why}")
    _show(summary.review, review)


def _show(review: Review, out: str | None) -> None:
    """Show what a past holds that would have alerted."""
    if not review.acts:
        return
    if out != "-":  # lines for a program stand alone there
        table = anomaly_table(
            (o.time, o.severity, o.anomaly, o.agent_id, o.rank, o.why) for o in review.worst(_WORST)
        )
        console().print(table)
    where = "" if out in {None, "-"} else f"; all of them are in {quoted(out, LONGEST_PATH)}"
    note(
        f"{review.acts} acts of {review.agents} agents would have alerted and are learned{where}; "
        "what is not fine, take out of the file, and learn it into a new store"
    )


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(cls=Spread)(replay)
    app.command()(learn)
