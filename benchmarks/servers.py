"""Measure trust look-ups of one application on several servers, and of an earlier version.

``python -m benchmarks.servers [--before FOLDER]`` runs our application on the server of ``habitus
serve``, on plain uvicorn with each parser, and on hypercorn and granian if installed. FOLDER is a
checkout of an earlier version with its own ``.venv`` and its own server. All run on core 0; the
client on core 1 drives them alternately.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.lookup.servers import BY
from benchmarks.measuring.findings import Findings, add_save, show
from benchmarks.trust_lookup import Start, drive, serving, summed_up, turn_p99_ms
from lab.measurement import Table

if TYPE_CHECKING:
    from benchmarks.lookup.results import Result

OURS = "habitus serve"
BEFORE = "version before"
MAX_SLOWER = 0.05


def starts(before: Path | None) -> dict[str, Start]:
    """Give the available servers, by name."""
    found = {OURS: Start("habitus")}
    if before is not None:
        found[BEFORE] = Start("habitus", python=str(before / ".venv/bin/python"), folder=before)
    for by in BY:
        if find_spec(by) is not None:
            name = by if by in ("hypercorn", "granian") else f"uvicorn, {by}"
            found[name] = Start("habitus", by)
    return found


def measure(wanted: dict[str, Start], rounds: int, seconds: int) -> dict[str, Result]:
    """Measure all servers alternately; give the median of the rounds."""
    runs: dict[str, list[Result]] = {}
    with serving(wanted) as (servers, _):
        for server in servers.values():
            drive(server, 1, "")
        for _round in range(rounds):
            for name, server in servers.items():
                with server.alone(servers.values()):
                    runs.setdefault(name, []).append(drive(server, seconds, ""))
        turns: dict[str, list[float]] = {}
        for _round in range(max(rounds // 2, 1)):
            for name, server in servers.items():
                with server.alone(servers.values()):
                    turns.setdefault(name, []).append(turn_p99_ms(server, seconds, ""))
    return {name: summed_up(found, median(turns[name])) for name, found in runs.items()}


def findings(found: dict[str, Result]) -> Findings:
    """Give a row for each server."""
    table = Table(
        sentence="One application, 32 connections, each server driven alternately.",
        columns=["server", "requests/s", "per CPU s", "p99, ms", "best p99, ms",
                 "loop turn p99, CPU ms"],
        rows=[
            [name, f"{one.rate:,.0f}", f"{one.cpu_rate:,.0f}", f"{one.p99_ms:.2f}",
             f"{one.quiet_p99_ms:.2f}", f"{one.turn_p99_ms:.2f}"]
            for name, one in found.items()
        ],
    )  # fmt: skip
    return Findings([table], [])


def slower(found: dict[str, Result]) -> bool:
    """Return whether ours is more than 5 % slower than the earlier version, by rate or p99."""
    ours, before = found[OURS], found[BEFORE]
    fewer = ours.rate < before.rate * (1 - MAX_SLOWER)
    return fewer or ours.p99_ms > before.p99_ms * (1 + MAX_SLOWER)


def main() -> int:
    """Print the table; return 1 if ours is slower than the earlier version."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.servers")
    parser.add_argument("--before", type=Path, help="checkout of the version before")
    parser.add_argument("--alone", action="store_true", help="no server beside these two")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    add_save(parser)
    chosen = parser.parse_args()
    wanted = starts(chosen.before)
    if chosen.alone:
        wanted = {name: start for name, start in wanted.items() if not start.by}
    found = measure(wanted, chosen.rounds, chosen.seconds)
    print(f"{'wrk' if shutil.which('wrk') else 'asyncio client'}, 32 connections, closed loop")
    show(findings(found), "Servers", "benchmarks.servers", chosen.save)
    if BEFORE in found and slower(found):
        print(f"MISSED: more than {MAX_SLOWER:.0%} slower than the version before")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
