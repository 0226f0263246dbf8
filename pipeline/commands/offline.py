"""Commands for recordings: replay and learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from pipeline.commands.option_grammar import Spread
from pipeline.commands.terminal import (
    AsJson,
    Force,
    anomaly_table,
    console,
    note,
    print_json,
)
from pipeline.configuration.loading import load_settings
from pipeline.logs import start_logs
from pipeline.processing.progress import progress_for
from pipeline.publishing.rejected import in_words
from pipeline.sources.files import results_in
from pipeline.sources.own_results import not_read
from pipeline.sources.recordings import refuse_empty
from pipeline.store import shown_url
from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from pipeline.processing.recordings.review import Review
    from pipeline.settings import Settings

_WORST = 15  # number of anomalies of a history to show
Files = Annotated[
    list[str], typer.Argument(help="Recordings: files, folders, patterns; - is stdin.")
]
Explain = Literal["cases", "all"]
Format = Annotated[
    str | None, typer.Option("--format", help="Format of the recordings; default: the setting.")
]


def begun() -> Settings:
    """Load the settings and start logging; each of these commands begins with this."""
    settings = load_settings()
    start_logs(settings.log_level)
    return settings


def note_empty(*recordings: list[str], skip: Iterable[Path] = ()) -> None:
    """Report skipped files and recordings without a record; raise if all are empty.

    Parameters
    ----------
    skip
        Paths of our own outputs; a folder or a pattern does not include them.
    """
    own = {path.resolve() for path in skip}
    for name in (name for files in recordings for name in files if name != "-"):
        note_results(name, own)
    for name in (name for files in recordings for name in refuse_empty(files, skip)):
        note(f"no record in {quoted(name, LONGEST_PATH)}")


def note_results(name: str, skip: Collection[Path] = ()) -> None:
    """Report the result files in a folder or pattern that are skipped."""
    if results := results_in(name, skip):
        note(not_read(name, results))


def replay(
    files: Files,
    out: Annotated[
        str, typer.Option(help="File for judgements, one JSON line per event; - is stdout.")
    ],
    fmt: Format = None,
    history: Annotated[
        list[str] | None,
        typer.Option(help="A trusted history: learned first, not in the output. May repeat."),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Keep the state here (sqlite:PATH); default: discard it.")
    ] = None,
    explain: Annotated[
        Explain,
        typer.Option(help="Give reasons for events of cases and noted ones, or for all events."),
    ] = "cases",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Judge a recording offline, in a new separate store; equal input gives equal output.

    Rejected lines go to OUT.rejected.jsonl with line number and reason. A folder or a pattern does
    not include OUT, OUT.rejected.jsonl, or results of an earlier replay.
    """
    from pipeline.processing.loop import collect_rarely
    from pipeline.processing.recordings.replay import replay as replayed
    from pipeline.processing.recordings.replay_lines import outputs

    settings = begun()
    collect_rarely()
    note_empty(files, history or [], skip=outputs(out))
    with progress_for(json=as_json) as progress:
        summary = replayed(
            files,
            fmt=fmt or settings.format,
            out=out,
            history=history or [],
            store=store,
            explain_all=explain == "all",
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
            note(f"rejected lines: {summary.rejected_out or 'not kept, as OUT is no file'}")


def learn(
    files: Files,
    fmt: Format = None,
    review: Annotated[
        str | None,
        typer.Option(
            help="File for events that would have alerted, one JSON line each; - is stdout."
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Learn a trusted history into the configured store, so that it starts with baselines.

    Events that would have alerted are learned, too, and shown. Review them before you rely on the
    store.
    """
    from pipeline.processing.loop import collect_rarely
    from pipeline.processing.recordings.learn import learn as learned

    settings = begun()
    collect_rarely()
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
    """Show the events of a history that would have alerted."""
    if not review.acts:
        return
    if out != "-":  # standard output holds only lines for programs
        table = anomaly_table(
            (o.time, o.severity, o.anomaly, o.agent_id, o.rank, o.why) for o in review.worst(_WORST)
        )
        console().print(table)
    where = "" if out in {None, "-"} else f"; all of them are in {quoted(out, LONGEST_PATH)}"
    note(
        f"{review.acts} events of {review.agents} agents would have alerted and are "
        f"learned{where}; "
        "if some are attacks, remove them and learn the remainder into a new store"
    )


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(cls=Spread)(replay)
    app.command()(learn)
