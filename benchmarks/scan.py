"""Measure `habitus scan` on simulated sessions of a coding agent: ``python -m benchmarks.scan``.

The scan of 1,000 sessions is timed as a process of its own, beside a bare read of the same lines.
Then 2,000 sessions are judged in order, and the cases of each day are counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.measuring.child import environment
from benchmarks.measuring.findings import Findings, add_save, show
from lab.measurement import Goal, Table
from lab.simulation.coding.transcripts import write_transcripts

if TYPE_CHECKING:
    from collections.abc import Callable

TIMED, JUDGED, ROUNDS, SEED = 1_000, 2_000, 3, 7_001
MOST_S, BUDGET = 10.0, 5.0
SCAN, READ = "habitus scan", "bare decode of the same lines"


def main() -> int:
    """Print the tables; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scan")
    parser.add_argument("--timed", type=int, default=TIMED, help="sessions of the timed scan")
    parser.add_argument("--judged", type=int, default=JUDGED, help="sessions whose cases count")
    parser.add_argument("--seed", type=int, default=SEED)
    add_save(parser)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = timed(Path(folder) / "timed", chosen.timed, chosen.seed)
        days = cases_of(Path(folder) / "judged", chosen.judged, chosen.seed + 1)
    findings = findings_of(times, chosen.timed, days, chosen.judged)
    show(findings, "habitus scan", "benchmarks.scan", chosen.save)
    return int(findings.missed())


def timed(home: Path, sessions: int, seed: int) -> dict[str, float]:
    """Give the shortest time of a scan and of a bare decode, in seconds."""
    write_transcripts(home, sessions, seed)
    files = [str(path) for path in home.rglob("*.jsonl")]
    program = [sys.executable, "-m", "pipeline.cli", "scan", "--folder", str(home), "--json"]

    def scan() -> None:
        subprocess.run(  # noqa: S603  # our own code
            program, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=True,
        )  # fmt: skip

    def read() -> None:
        for file in files:
            for line in Path(file).read_bytes().splitlines():
                msgspec.json.decode(line)

    jobs = {SCAN: scan, READ: read}
    taken = {name: [_seconds(job) for job in (jobs[name],) * ROUNDS] for name in jobs}
    return {name: min(times) for name, times in taken.items()}


def cases_of(home: Path, sessions: int, seed: int) -> list[tuple[int, int]]:
    """Judge sessions in order; give the raised cases and the messages of each day with work."""
    write_transcripts(home, sessions, seed)
    past, out = home / "all.jsonl", home / "out.jsonl"
    with past.open("wb") as whole:
        for path in sorted(home.rglob("s-*.jsonl"), key=lambda path: path.name):
            whole.write(path.read_bytes())
    program = [sys.executable, "-m", "pipeline.cli", "replay", str(past), "--format", "claude-code"]
    subprocess.run(  # noqa: S603  # our own code
        [*program, "--out", str(out)], env=environment(), stderr=subprocess.DEVNULL, check=True
    )
    seen: set[str] = set()
    days: dict[str, list[int]] = {}
    for line in out.read_bytes().splitlines():
        judged: dict[str, Any] = json.loads(line)
        day = days.setdefault(judged["time"][:10], [0, 0])
        case = judged.get("case_id")
        if case is not None and case not in seen:
            seen.add(case)
            day[0] += 1
        day[1] += bool(judged["alert"])
    return [(cases, messages) for cases, messages in days.values()]


def _seconds(job: Callable[[], None]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def findings_of(
    times: dict[str, float], sessions: int, days: list[tuple[int, int]], judged: int
) -> Findings:
    """Make the tables and the goals."""
    speed = Table(
        sentence="Seconds of a whole process, the shortest of three.",
        columns=["of", "sessions", "s"],
        rows=[[name, f"{sessions:,}", f"{one:.1f}"] for name, one in times.items()],
    )
    count = len(days)
    cases, messages = (sum(day[at] for day in days) / count for at in (0, 1))
    calm = Table(
        sentence="Calm sessions of one coding agent with the default budget, by days with work.",
        columns=["sessions", "days", "cases a day", "most of a day", "messages a day"],
        rows=[
            [f"{judged:,}", str(count), f"{cases:.2f}", str(max(day[0] for day in days)),
             f"{messages:.2f}"]
        ],
    )  # fmt: skip
    goals = [
        Goal(figure=f"scan of {sessions:,} sessions, s", row=SCAN, column="s", most=MOST_S),
        Goal(
            figure="cases a day of calm sessions", row=f"{judged:,}", column="cases a day",
            most=BUDGET,
        ),
    ]  # fmt: skip
    return Findings([speed, calm], goals)


if __name__ == "__main__":
    sys.exit(main())
