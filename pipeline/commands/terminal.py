"""Shared parts of commands: output for people and programs, the clock, stop signals."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from models.errors import ConfigError
from pipeline.publishing.catalogue import catalogue
from pipeline.text.quoted import plain, plain_name, quoted
from pipeline.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType


def checked_kinds(kinds: list[str] | None) -> list[str] | None:
    """Give types of findings.

    Raises
    ------
    ConfigError
        One of them is not in the catalogue.
    """
    for name in kinds or ():
        if name not in catalogue():
            near = get_close_matches(name, catalogue(), n=1)
            hint = f", did you mean {near[0]}?" if near else "; docs/detectors.md lists them"
            raise ConfigError(f"unknown type of anomaly {quoted(name)}{hint}")
    return kinds


Kinds = Annotated[
    list[str] | None,
    typer.Option(
        callback=checked_kinds,
        help="Only with a finding of this type, e.g. tool.new; may be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Force = Annotated[bool, typer.Option("--force", help="Replace existing output files.")]
_WIDE = 140


def console() -> Console:
    """Give the console of stdout; wide if neither a terminal nor `COLUMNS` limits it."""
    limited = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    # With emoji, `:bug:` in an agent id would become a picture.
    return Console(emoji=False, width=None if limited else _WIDE)


def note(text: str) -> None:
    """Print a note for people to stderr."""
    text_shown = "\n".join(visible(line) for line in text.split("\n"))
    Console(stderr=True, soft_wrap=True, emoji=False).print(
        text_shown, markup=False, highlight=False
    )


def print_json(value: Any) -> None:
    """Print JSON, indented."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(text.decode() + "\n")


def now_us() -> int:
    """Read the wall clock: microseconds since 1970."""
    return time.time_ns() // 1000  # noqa: TID251  # commands evaluate trust at the wall time


def stop_on_signals() -> threading.Event:
    """Give an event that SIGTERM and SIGINT set; a second one ends the process at once."""
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # signature of a handler
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)
    return stop


def anomaly_table(rows: Iterable[tuple[str, str, str, str, float | None, str]]) -> Table:
    """Make a table of anomalies: time, severity, type, agent, rank in bits, why."""
    table = Table("time", "severity")
    for name in ("anomaly", "agent", "rank", "why"):
        table.add_column(name, overflow="fold")  # a cut name would be ambiguous
    for time_, severity, anomaly, agent_id, rank, why in rows:
        shown = "" if rank is None else f"{rank:.1f}"
        table.add_row(
            time_[:19] + "Z", severity, plain(anomaly), plain_name(agent_id), shown, plain(why)
        )
    return table
