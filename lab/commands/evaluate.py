"""Evaluate on a labelled recording, with baselines and charts."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from models.errors import ConfigError
from pipeline.commands.offline import Files, Format, begun, note_empty
from pipeline.commands.option_grammar import Spread
from pipeline.commands.terminal import AsJson, Force, console, note, print_json
from pipeline.files.installed_files import installed_files
from pipeline.files.named_output import create
from pipeline.files.overwrite_check import refuse_folder, refuse_to_overwrite
from pipeline.processing.progress import progress_for
from pipeline.sources.recordings import is_empty
from pipeline.text.quoted import LONGEST_PATH, quoted


def evaluate(
    files: Files,
    fmt: Format = None,
    cold: Annotated[
        bool, typer.Option("--cold", help="No history, as in a new installation.")
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="Leave a field of the event, a family or a part of the content detector out."
        ),
    ] = None,
    truth: Annotated[
        str | None,
        typer.Option(help="File of planted cases in JSON lines, for recordings without labels."),
    ] = None,
    history_days: Annotated[
        int | None,
        typer.Option(
            min=0, help="With --truth: number of first days that are the history; default: 14."
        ),
    ] = None,
    baselines: Annotated[
        str, typer.Option(help="Baselines to compare with, comma-separated, or all.")
    ] = "",
    ablate: Annotated[
        str,
        typer.Option(
            help="Judge again without each of these families or parts, comma-separated; "
            "default: all."
        ),
    ] = "",
    draws: Annotated[
        int, typer.Option(min=0, help="Resamples for the 95 % intervals; 0: no intervals.")
    ] = 300,
    html: Annotated[
        str | None, typer.Option(help="Write charts and tables as one offline page.")
    ] = None,
    png: Annotated[str | None, typer.Option(help="Write the charts as PNG to this folder.")] = None,
    out: Annotated[str | None, typer.Option(help="Write all figures to this JSON file.")] = None,
    save: Annotated[
        str | None,
        typer.Option(
            help="Write the main tables, with command, date and machine, to this TOML file. "
            "A measurement that is there is replaced."
        ),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Evaluate on labelled recordings: detection, delay and false alerts."""
    from lab.baselines import OFFERS
    from lab.evaluation.report.details import details
    from lab.evaluation.report.table import table
    from lab.evaluation.run import HISTORY_DAYS
    from lab.evaluation.run import evaluate as evaluated
    from lab.measurement import is_measurement

    settings, compared = begun(), _names(baselines)
    registered = _beside(files) if truth is not None and settings.inventory is None else None
    if registered is not None:
        settings = settings.model_copy(update={"inventory": registered})
    for offer in OFFERS.values() if "all" in compared else ():
        if not offer.available:
            note(f"left out: {offer.title}, the package {offer.package!r} is not installed")
    if history_days is not None and truth is None:
        raise ConfigError("--history-days needs --truth; labels already mark the history")
    if history_days is not None and cold:
        raise ConfigError("--history-days sets the history, but --cold has none")
    if "-" in (out, save):
        raise ConfigError("--out and --save name a file; --json prints the figures")
    refuse_to_overwrite(
        [("--out", out), ("--html", html)],
        [*files, truth, settings.inventory],
        installed=installed_files(settings),
        force=force,
    )
    refuse_to_overwrite(
        [("--save", save)],
        [*files, truth, settings.inventory, out, html],
        installed=installed_files(settings),
        force=force or is_measurement(save),
    )
    refuse_folder("--png", png, "" if force else "*.png")
    note_empty(files)
    if truth not in (None, "-") and is_empty(str(truth)):
        note(f"no case in {quoted(truth, LONGEST_PATH)}: everything counts as benign")
    if html is not None or png is not None:
        import_module("lab.evaluation.report.plots")  # reports missing packages early
    with progress_for(json=as_json) as progress:
        result = evaluated(
            files,
            fmt=fmt or settings.format,
            cold=cold,
            without=without or [],
            truth=truth,
            history_days=HISTORY_DAYS if history_days is None else history_days,
            baselines=compared,
            ablate=_names(ablate),
            draws=draws,
            settings=settings,
            progress=progress,
        )
    written = _written(result, html=html, png=png, out=out, save=save)
    if as_json:
        print_json(result)
    else:
        for one in (table(result), *details(result)):
            console().print(one, end="\n\n")
    if registered is not None:
        shown_path = quoted(str(registered), LONGEST_PATH)
        note(f"registered agents: {shown_path}; HABITUS_INVENTORY names others")
    for path in written:
        note(f"written: {path}")


def _beside(files: Files) -> Path | None:
    """Give the inventory file beside a simulated fleet, if it exists."""
    beside = Path(f"{files[0]}.inventory.csv")
    return beside if len(files) == 1 and beside.is_file() else None


def _names(words: str) -> list[str]:
    return [name.strip() for name in words.split(",") if name.strip()]


def _written(
    result: dict[str, Any], *, html: str | None, png: str | None, out: str | None, save: str | None
) -> list[Path]:
    paths = []
    if out is not None:
        with create(out) as file:
            file.write(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
        paths.append(Path(out))
    if save is not None:
        from lab.evaluation.report.saved import TITLE, saved
        from lab.measurement import save as save_measurement

        save_measurement(save, TITLE, saved(result), program="habitus", arguments=sys.argv[1:])
        paths.append(Path(save))
    if html is not None:
        from lab.evaluation.report.page import save_page

        paths.append(save_page(result, html))
    if png is not None:
        from lab.evaluation.report.plots import save_png

        paths += save_png(result, png)
    return paths


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(cls=Spread)(evaluate)
