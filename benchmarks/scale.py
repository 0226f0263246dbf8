"""Size installations, and check the arithmetic by simulation: ``python -m benchmarks.scale``.

``python -m benchmarks.costs`` measures the costs that they use; docs/measured.md has the tables.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import msgspec

from benchmarks.capacity.arithmetic import Load, Plan, highest_rate, plan, saturation
from benchmarks.capacity.queueing import busiest, simulate
from benchmarks.costs import read_costs
from benchmarks.measuring.findings import Findings, text
from lab.measurement import Measurement, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.costs import Costs

LOADS = (
    Load(agents=1_000, events_per_s=1_000, lookups_per_s=1_000),
    Load(agents=100_000, events_per_s=100_000, lookups_per_s=100_000),
    Load(agents=1_000_000, events_per_s=1_000_000, lookups_per_s=1_000_000),
)
LARGEST = LOADS[-1]
# How uneven agents are: with 1, a tenth of them does 40 % of the work.
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
    ("loading a replica takes, s", lambda p: f"{p.replica_load_s:,.1f}"),
    ("cores of a replica that importing changes takes", lambda p: f"{p.following:.2f}"),
)


def _size(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.{0 if size >= 10 or unit == 'B' else 1}f} {unit}"
        size /= 1000
    return f"{size:,.{0 if size >= 10 else 1}f} TB"


def _costs(costs: Costs) -> Table:
    m, a = costs.measured, costs.assumed
    rows = (
        ("an event", f"{m.event_us:.0f} µs"),
        ("an agent's row of a batch", f"{m.row_us:.0f} µs"),
        ("a batch", f"{m.batch_us / 1000:.1f} ms"),
        ("an event in Kafka", f"{m.event_bytes:.0f} B"),
        ("an answer in Kafka", f"{m.answer_bytes:.0f} B"),
        ("answers for each event", f"{m.answers_per_event:.2f}"),
        ("stored for each agent", _size(m.agent_stored_bytes)),
        ("stored for each event", _size(m.event_kept_bytes)),
        ("memory of a worker", _size(m.worker_bytes)),
        ("memory of each agent ready for use in a worker", _size(m.agent_cached_bytes)),
        ("memory of a replica", _size(m.replica_bytes)),
        ("memory of each agent in a replica", _size(m.replica_agent_bytes)),
        ("more memory of each agent once it is queried", _size(m.replica_asked_bytes)),
        ("changes that a replica imports /s", f"{m.replica_changes_per_s:,.0f}"),
        ("look-ups that a replica answers /s", f"{m.lookups_per_s:,.0f}"),
        ("assumed: a broker writes /s", _size(a.broker_bytes_per_s)),
        ("assumed: a database writes /s", _size(a.database_bytes_per_s)),
        ("assumed: copies in Kafka", f"{a.replication}"),
    )
    return Table(
        sentence="Costs for one core (`python -m benchmarks.costs`).",
        columns=["cost", "measured"],
        rows=[list(row) for row in rows],
    )


def _plans(costs: Costs) -> Table:
    plans = [plan(costs, load) for load in LOADS]
    heads = (f"{x.agents:,} agents, {x.events_per_s:,.0f} events/s" for x in LOADS)
    return Table(
        sentence="What three loads need.",
        columns=["", *heads],
        rows=[[words, *map(shown, plans)] for words, shown in _ROWS],
    )


def _saturation(costs: Costs) -> Table:
    return Table(
        sentence="The rate at which each part is full.",
        columns=["full first", "at events/s"],
        rows=[
            [words, f"{float(f'{rate:.2g}'):,.0f}"] for words, rate in saturation(costs, LARGEST)
        ],
    )


def _simulated(costs: Costs) -> Table:
    rows = []
    for load in LOADS:
        p = plan(costs, load)
        agents, rate = load.agents // p.workers, load.events_per_s / p.workers
        where = f"{rate:,.0f} events/s of {agents:,} agents"
        computed = [f"{p.batch:,.0f}", f"{p.rows_per_event:.2f}", "", ""]
        rows.append([f"{where}, computed", *computed])
        for words, spread in (("simulated", 0.0), ("simulated, uneven agents", SPREAD)):
            s = simulate(costs.measured, rate, agents, spread=spread)
            fresh = f"{s.fresh_p50_s * 1000:,.0f}, {s.fresh_p99_s * 1000:,.0f}"
            cells = [f"{s.batch:,.0f}", f"{s.rows_per_event:.2f}", fresh, f"{s.waiting:,}"]
            rows.append([f"{where}, {words}", *cells])
        most = 1.1 * highest_rate(costs.measured, agents)
        s = simulate(costs.measured, most, agents)
        over = [f"{s.batch:,.0f}", f"{s.rows_per_event:.2f}", "", f"{s.waiting:,}"]
        rows.append([f"{most:,.0f} events/s, a tenth too many", *over])
    return Table(
        sentence="One worker, computed and simulated (`benchmarks/capacity/queueing.py`).",
        columns=["load", "batch", "rows an event", "fresh p50, p99 (ms)", "left waiting"],
        rows=rows,
    )


def _imbalance(costs: Costs) -> Table:
    p = plan(costs, LARGEST)
    over = busiest(LARGEST.agents, p.partitions, p.workers, SPREAD)
    return Table(
        sentence=f"Uneven agents on {p.partitions:,} partitions and {p.workers:,} workers.",
        columns=["", "simulated"],
        rows=[
            ["load of the busiest worker over the mean", f"{over:.2f}"],
            ["planned load of a worker", f"{LARGEST.busy:.0%}"],
        ],
    )


def sizing(costs: Costs) -> Measurement:
    """Give costs, plans and their check as a measurement for docs/measured.md."""
    parts = (_costs, _plans, _saturation, _simulated, _imbalance)
    return Measurement(
        title="What a fleet needs",
        command="python -m benchmarks.scale",
        date=costs.date,
        machine=costs.machine,
        tables=[part(costs) for part in parts],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, or write them into the document."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--agents", type=int, help="size another load, with the next two")
    parser.add_argument("--events", type=float, default=1000, help="events per second")
    parser.add_argument("--lookups", type=float, default=1000, help="lookups per second")
    asked = parser.parse_args(arguments)
    if asked.agents is not None and min(asked.agents, asked.events, asked.lookups) <= 0:
        parser.error("agents, events and look-ups must be above 0")
    costs = read_costs()
    if asked.agents is not None:
        load = Load(agents=asked.agents, events_per_s=asked.events, lookups_per_s=asked.lookups)
        sys.stdout.write(
            msgspec.json.format(msgspec.json.encode(plan(costs, load))).decode() + "\n"
        )
    else:
        print(*text(Findings(sizing(costs).tables, [])), sep="\n")


if __name__ == "__main__":
    main()
