"""``habitus decode``: the native events that a format makes of files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import native_records
from pipeline.clock import clock_us
from pipeline.commands.offline import Files, begun, note_empty
from pipeline.commands.terminal import note
from pipeline.events.duplicates import LatestCalls
from pipeline.formats import format_named, has_parts
from pipeline.sources.recordings import records_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.errors import MalformedEvent
    from pipeline.processing.stream_types import RawRecord


def decode(
    files: Files,
    fmt: Annotated[str, typer.Option("--format", help="Format of the files.")],
) -> None:
    """Print the native events that a format makes of files, one JSON object a line.

    Nothing is judged or stored. A call that several files report is one event. Rejected records
    and calls without a result are counted on stderr.
    """
    begun()
    wire = format_named(fmt)
    note_empty(files)
    assembler = Assembler(0)
    refused: dict[str, int] = {}

    def reject(record: RawRecord, error: MalformedEvent) -> None:
        refused[error.reason] = refused.get(error.reason, 0) + 1
        note(f"rejected: {record.where}: {error}")

    out, latest = sys.stdout.buffer, LatestCalls()

    def write(made: Iterable[RawRecord]) -> None:
        for one in made:
            if not has_parts(wire) or latest.is_new(one.value):
                out.write(one.value + b"\n")
            else:
                assembler.count["calls_repeated"] += 1

    for record in records_of(files, now_us=clock_us(), wire=wire):
        write(native_records([record], wire, assembler, reject))
    write(native_records([], wire, assembler, reject, whole=True))
    out.flush()
    for why, number in sorted((refused | dict(assembler.count)).items()):
        if number:
            note(f"{why}: {number}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(decode)
