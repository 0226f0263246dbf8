"""Measure each format beside native records of the same events: ``python -m benchmarks.formats``.

Sessions of a synthetic fleet are written as the records of each emitter, and as the native records
that Habitus makes of these. Both are judged and committed, each in a process of its own. The bare
decoder parses the same bytes to plain objects.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.formats.judged import Stream
from benchmarks.formats.records import STREAMS
from benchmarks.formats.sessions import sessions_of
from benchmarks.measuring.child import measure
from benchmarks.measuring.findings import Findings, add_save, show
from benchmarks.measuring.meter import Job
from lab.measurement import Goal, Table
from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import native_records
from pipeline.formats import format_named

if TYPE_CHECKING:
    from benchmarks.formats.sessions import Session
    from benchmarks.measuring.meter import Result
    from models.errors import MalformedEvent
    from pipeline.processing.stream_types import RawRecord

LEAST = 0.6
"""Least share of the native rate."""
_RATE, _SHARE = "events per CPU s", "share of native"


def main() -> int:
    """Print the tables; return 1 if a format misses the goal."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.formats")
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--warm", type=int, default=20_000, help="events before the timed ones")
    parser.add_argument("--events", type=int, default=40_000, help="events to time")
    parser.add_argument("--only", choices=sorted(STREAMS), help="one stream")
    add_save(parser)
    chosen = parser.parse_args()
    sessions = sessions_of(chosen.agents, chosen.warm + chosen.events)
    measured: dict[str, dict[str, Result]] = {}
    with tempfile.TemporaryDirectory(prefix="habitus-formats-") as folder:
        for name in [chosen.only] if chosen.only else STREAMS:
            job = Job(
                folder="", agents=chosen.agents, cold=0, warm=chosen.warm, events=chosen.events
            )
            measured[name] = measure_stream(name, sessions, Path(folder) / name, job)
            print(f"measured {name}", file=sys.stderr, flush=True)
    findings = findings_of(measured, chosen.agents)
    show(findings, "Formats", "benchmarks.formats", chosen.save)
    return int(findings.missed())


def measure_stream(name: str, sessions: list[Session], folder: Path, job: Job) -> dict[str, Result]:
    """Write a stream and its native twin, and measure both."""
    given, native = streams_of(name, sessions)
    found: dict[str, Result] = {}
    for what, stream in (("native", native), ("own", given)):
        inside = folder / what
        inside.mkdir(parents=True)
        own = msgspec.structs.replace(job, folder=str(inside))
        own.stream.write_bytes(msgspec.msgpack.encode(stream))
        found[what] = measure("format-judged", own)
        if what == "own":
            found["assembled"] = measure("format-assembled", own)
            found["bare"] = measure("format-bare", own)
    return found


def streams_of(name: str, sessions: list[Session]) -> tuple[Stream, Stream]:
    """Give the records of a stream, and the native records of the same events."""
    wire = name.removesuffix("-logs")
    sent = list(STREAMS[name][1](sessions))
    given = Stream(wire, 0, [(one.value, one.reporter, one.at_us) for one in sent])
    lines: list[tuple[bytes, str, int]] = []
    assembler, last = Assembler(7), len(sent) - 1
    for at, record in enumerate(given.raw()):
        made = native_records([record], format_named(wire), assembler, _refuse, whole=at == last)
        lines += [(one.value, "", record.arrived_us) for one in made]
    given.events = len(lines)
    return given, Stream("native", len(lines), lines)


def _refuse(_: RawRecord, error: MalformedEvent) -> None:
    raise error


def findings_of(measured: dict[str, dict[str, Result]], agents: int) -> Findings:
    """Make the table and its goals; rates count by processor time."""
    rows = []
    for name, found in measured.items():
        own, native = found["own"].warm, found["native"].warm
        cells = [one.cpu_rate for one in (own, native, found["assembled"].warm, found["bare"].warm)]
        more = f"{1e6 / own.cpu_rate - 1e6 / native.cpu_rate:.1f}"
        rows.append(
            [STREAMS[name][0], *(f"{rate:,.0f}" for rate in cells),
             f"{own.cpu_rate / native.cpu_rate:.2f}", more]
        )  # fmt: skip
    timed = min((found["own"].warm.events for found in measured.values()), default=0)
    table = Table(
        sentence=(
            f"{agents:,} agents; at least {timed:,} events are timed. Native: the same events as "
            "native records. Bare: the bytes of the format are parsed, and nothing else."
        ),
        columns=["records", _RATE, "native", "assembled only", "bare decode", _SHARE,
                 "µs an event more"],
        rows=rows,
    )  # fmt: skip
    goals = [
        Goal(figure=f"{row[0]}: share of the native rate", row=row[0], column=_SHARE, least=LEAST)
        for row in rows
    ]
    return Findings([table], goals)


if __name__ == "__main__":
    sys.exit(main())
