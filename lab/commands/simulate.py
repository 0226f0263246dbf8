"""Simulate a fleet with ground truth, and write it to files."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from pipeline.commands.terminal import AsJson, Force, console, note, print_json
from pipeline.configuration.loading import load_settings
from pipeline.files.installed_files import installed_files
from pipeline.files.overwrite_check import refuse_to_overwrite
from pipeline.processing.progress import progress_for

_NONE = "none"


def simulate(
    out: Annotated[
        str, typer.Argument(help="Output file: .jsonl, .jsonl.gz, .jsonl.zst or .parquet.")
    ],
    agents: Annotated[int, typer.Option(help="Size of the fleet.")] = 1_000,
    days: Annotated[int, typer.Option(help="Length of the simulation in days.")] = 60,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal bytes.")] = 7,
    attacks: Annotated[
        str, typer.Option(help="Attacks to plant: comma-separated names, all, or none.")
    ] = "all",
    novelties: Annotated[
        str, typer.Option(help="Benign novelties: comma-separated names, all, or none.")
    ] = "all",
    attacked: Annotated[float, typer.Option(help="Share of agents that are attacked.")] = 0.3,
    news: Annotated[float, typer.Option(help="Benign novelties per agent and week.")] = 0.05,
    activity: Annotated[float, typer.Option(help="Factor on the activity of agents.")] = 1.0,
    quiet_days: Annotated[
        int | None, typer.Option(help="Days without attacks at the start; default: a third.")
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Simulate a fleet of agents with planted attacks and benign novelties.

    The ground truth is written to OUT.truth.jsonl, one line per case, and the registered agents to
    OUT.inventory.csv.
    """
    from pathlib import Path

    from lab.simulation.fleet import ATTACKS, NOVELTIES, SimulationConfig
    from lab.simulation.output.files import write

    config = SimulationConfig(
        seed=seed,
        agents=agents,
        days=days,
        attacked=attacked,
        attacks=_named(attacks, ATTACKS),
        novelties=_named(novelties, tuple(NOVELTIES)),
        novelties_per_week=news,
        activity=activity,
        quiet_days=quiet_days,
    ).validate()
    path = Path(out)
    beside = (out, f"{out}.truth.jsonl", f"{out}.inventory.csv")
    installed = installed_files(load_settings())
    refuse_to_overwrite([("OUT", name) for name in beside], [], installed=installed, force=force)
    began = time.monotonic()
    with progress_for(json=as_json) as progress:
        written = write(config, path, progress)
    if as_json:
        print_json(msgspec.to_builtins(written))
        return
    table = Table(title="Planted", title_justify="left")
    for name in ("kind", "type", "first reason"):
        table.add_column(name)
    for name in ("cases", "events"):
        table.add_column(name, justify="right")
    for one in written.planted:
        table.add_row(one.kind, one.type, one.cause or "-", f"{one.cases:,}", f"{one.events:,}")
    console().print(table)
    if written.unplanted:
        note(f"{agents} agents and {days} days are too few for: {', '.join(written.unplanted)}")
    seconds = max(time.monotonic() - began, 1e-3)
    note(
        f"{written.events} events of {agents} agents over {days} days in {seconds:.1f} s "
        f"({written.events / seconds:.0f}/s); truth: {written.truth}, "
        f"registered agents: {written.inventory}"
    )


def _named(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    if text == _NONE:
        return ()
    if text == "all":
        return known
    return tuple(name.strip() for name in text.split(",") if name.strip())


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(simulate)
