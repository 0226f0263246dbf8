"""Size installations, and check the arithmetic by simulation: ``python -m benchmarks.scale``.

``--write`` puts the tables into docs/scale.md; ``python -m benchmarks.costs`` measures anew before.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.costs import read_costs
from benchmarks.queueing import busiest, simulate
from benchmarks.sizing import Load, Plan, highest_rate, plan, saturation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.costs import Costs

DOCUMENT = Path(__file__).parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- python -m benchmarks.scale --write -->\n", "<!-- end -->\n"

LOADS = (
    Load(agents=1_000, events_per_s=1_000, lookups_per_s=1_000),
    Load(agents=100_000, events_per_s=100_000, lookups_per_s=100_000),
    Load(agents=1_000_000, events_per_s=1_000_000, lookups_per_s=1_000_000),
)
LARGEST = LOADS[-1]
# How unlike agents are: with 1, a tenth of them does 40 % of the work.
SPREAD = 1.0

_ROWS: tuple[tuple[str, Callable[[Plan], str]], ...] = (
    ("workers (a core each)", lambda p: f"{p.workers:,}"),
    ("partitions", lambda p: f"{p.partitions:,}"),
    ("events in a batch", lambda p: f"{p.batch:,.0f}"),
    ("a batch takes, ms", lambda p: f"{p.batch_s * 1000:,.0f}"),
    ("agents' rows written for each event", lambda p: f"{p.rows_per_event:.2f}"),
    ("rows written /s", lambda p: f"{p.rows_per_s:,.0f}"),
    ("memory of a worker, all its agents ready for use", lambda p: _size(p.worker_bytes)),
    ("database, written /s", lambda p: _size(p.database_bytes_per_s)),
    ("databases for that", lambda p: f"{p.databases:,}"),
    ("state of all agents", lambda p: _size(p.stored_bytes)),
    ("ids of 30 days of events", lambda p: _size(p.remembered_bytes)),
    ("Kafka, written /s with copies", lambda p: _size(p.kafka_bytes_per_s)),
    ("brokers for that", lambda p: f"{p.brokers:,}"),
    ("replicas for the look-ups (a core each)", lambda p: f"{p.replicas:,}"),
    ("memory of a replica, all agents asked for", lambda p: _size(p.replica_bytes)),
    ("a replica loads for, s", lambda p: f"{p.replica_load_s:,.1f}"),
    ("cores that following the changes takes a replica", lambda p: f"{p.following:.2f}"),
)


def _size(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.{0 if size >= 10 or unit == 'B' else 1}f} {unit}"
        size /= 1000
    return f"{size:,.{0 if size >= 10 else 1}f} TB"


def _costs(costs: Costs) -> Iterator[str]:
    m, a = costs.measured, costs.assumed
    yield "| measured, for one core of the machine | |"
    yield "|---|---:|"
    for words, value in (
        ("an event", f"{m.event_us:.0f} µs"),
        ("an agent's row of a batch", f"{m.row_us:.0f} µs"),
        ("a batch", f"{m.batch_us / 1000:.1f} ms"),
        ("an event in Kafka", f"{m.event_bytes:.0f} B"),
        ("an answer in Kafka", f"{m.answer_bytes:.0f} B"),
        ("answers for each event", f"{m.answers_per_event:.2f}"),
        ("stored for each agent", _size(m.agent_stored_bytes)),
        ("kept for each event", _size(m.event_kept_bytes)),
        ("memory of a worker", _size(m.worker_bytes)),
        ("and of each agent ready for use in its cache", _size(m.agent_cached_bytes)),
        ("memory of a replica", _size(m.replica_bytes)),
        ("and of each agent", _size(m.replica_agent_bytes)),
        ("and of each one asked for", _size(m.replica_asked_bytes)),
        ("changes that a replica takes in /s", f"{m.replica_changes_per_s:,.0f}"),
        ("look-ups that it answers /s", f"{m.lookups_per_s:,.0f}"),
        ("assumed: a broker writes /s", _size(a.broker_bytes_per_s)),
        ("assumed: a database writes /s", _size(a.database_bytes_per_s)),
        ("assumed: copies in Kafka", f"{a.replication}"),
    ):
        yield f"| {words} | {value} |"


def _plans(costs: Costs) -> Iterator[str]:
    plans = [plan(costs, load) for load in LOADS]
    heads = (f"{x.agents:,} agents, {x.events_per_s:,.0f} events/s" for x in LOADS)
    yield f"| | {' | '.join(heads)} |"
    yield "|---|" + "---:|" * len(LOADS)
    for words, shown in _ROWS:
        yield f"| {words} | {' | '.join(map(shown, plans))} |"


def _saturation(costs: Costs) -> Iterator[str]:
    yield "| full first | at events/s |"
    yield "|---|---:|"
    for words, rate in saturation(costs, LARGEST):
        yield f"| {words} | {float(f'{rate:.2g}'):,.0f} |"


def _simulated(costs: Costs) -> Iterator[str]:
    yield "| one worker of those | batch | rows an event | fresh p50, p99 (ms) | left waiting |"
    yield "|---|---:|---:|---:|---:|"
    for load in LOADS:
        p = plan(costs, load)
        agents, rate = load.agents // p.workers, load.events_per_s / p.workers
        where = f"{rate:,.0f} events/s of {agents:,} agents"
        yield f"| {where}, arithmetic | {p.batch:,.0f} | {p.rows_per_event:.2f} | | |"
        for words, spread in (("simulated", 0.0), ("simulated, agents unlike", SPREAD)):
            s = simulate(costs.measured, rate, agents, spread=spread)
            fresh = f"{s.fresh_p50_s * 1000:,.0f}, {s.fresh_p99_s * 1000:,.0f}"
            yield f"| {words} | {s.batch:,.0f} | {s.rows_per_event:.2f} | {fresh} | {s.waiting:,} |"
        most = 1.1 * highest_rate(costs.measured, agents)
        s = simulate(costs.measured, most, agents)
        said = f"{s.batch:,.0f} | {s.rows_per_event:.2f} | | {s.waiting:,}"
        yield f"| {most:,.0f} events/s, a tenth too many | {said} |"


def _imbalance(costs: Costs) -> Iterator[str]:
    p = plan(costs, LARGEST)
    over = busiest(LARGEST.agents, p.partitions, p.workers, SPREAD)
    fits = "fits" if over * LARGEST.busy < 1 else "does NOT fit"
    yield (
        f"With {p.partitions:,} partitions for {p.workers:,} workers and agents as unlike as "
        f"these, the busiest worker has {over:.2f} times the average load: at {LARGEST.busy:.0%} "
        f"busy that {fits}."
    )


def tables(costs: Costs) -> str:
    """Give everything as Markdown."""
    parts = (_costs, _plans, _saturation, _simulated, _imbalance)
    return "\n".join("\n".join(part(costs)) + "\n" for part in parts)


def written(document: str, costs: Costs) -> str:
    """Give the document with its tables made anew."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{tables(costs)}{END}{after}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, or write them into the document."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/scale.md")
    parser.add_argument("--agents", type=int, help="size another load, with the next two")
    parser.add_argument("--events", type=float, default=1000, help="events a second")
    parser.add_argument("--lookups", type=float, default=1000, help="look-ups a second")
    asked = parser.parse_args(arguments)
    if asked.agents is not None and min(asked.agents, asked.events, asked.lookups) <= 0:
        parser.error("agents, events and look-ups must be above 0")
    costs = read_costs()
    if asked.agents is not None:
        load = Load(agents=asked.agents, events_per_s=asked.events, lookups_per_s=asked.lookups)
        sys.stdout.write(
            msgspec.json.format(msgspec.json.encode(plan(costs, load))).decode() + "\n"
        )
    elif asked.write:
        DOCUMENT.write_text(written(DOCUMENT.read_text(), costs))
    else:
        sys.stdout.write(tables(costs))


if __name__ == "__main__":
    main()
