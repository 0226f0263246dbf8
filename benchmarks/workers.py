"""One worker against two on two partitions and one PostgreSQL: ``python -m benchmarks.workers``.

The measured time is from the first fifth of the events to the last event, by the store's counter.
Workers, broker, database and other programs share the cores of this machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring.findings import Findings, add_save, show
from benchmarks.streaming.databases import database_on
from benchmarks.streaming.inputs import key_of
from chaos.servers import ROOT, Servers
from chaos.topics import Topics
from lab.measurement import Goal, Table
from lab.simulation.sample import fleet_events
from pipeline.processing.stream_types import DEFAULT_BATCH, Message
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

GOAL = 1.7
_BATCHES = 20
_TWO_OVER_ONE = "2 over 1"
_CHUNK = 5_000


def main(arguments: list[str]) -> int:
    """Measure and print both rates."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--agents", type=int, default=400)
    parser.add_argument("--publish", action="store_true", help="publish the results to Kafka too")
    add_save(parser)
    asked = parser.parse_args(arguments)
    servers = Servers(
        os.environ.get("HABITUS_TEST_KAFKA"), os.environ.get("HABITUS_TEST_POSTGRESQL")
    )
    topics = Topics(servers.kafka, f"bench-{uuid.uuid4().hex[:8]}", 2)
    try:
        _fill(topics, asked.events, asked.agents)
        rates = [
            _measure(servers, topics, number, asked.events, publish=asked.publish)
            for number in (1, 2)
        ]
    finally:
        topics.close()
    show(findings(rates, asked.events), "Several workers", "benchmarks.workers", asked.save)
    return 0


def findings(rates: Sequence[tuple[float, float]], events: int) -> Findings:
    """Give the rates of one worker, of two, and of two over one."""
    (wall, cpu), (both, both_cpu) = rates
    table = Table(
        sentence=f"{events:,} events from Kafka into PostgreSQL, on two partitions.",
        columns=["workers", "events/s", "per CPU s"],
        rows=[
            ["1", f"{wall:,.0f}", f"{cpu:,.0f}"],
            ["2", f"{both:,.0f}", f"{both_cpu:,.0f}"],
            [_TWO_OVER_ONE, f"{both / wall:.2f}", f"{both_cpu / cpu:.2f}"],
        ],
    )
    goal = Goal(figure="two workers over one", row=_TWO_OVER_ONE, column="events/s", least=GOAL)
    return Findings([table], [goal])


def _fill(topics: Topics, events: int, agents: int) -> None:
    batch: list[Message] = []
    for number, line in enumerate(fleet_events(7, agents, limit=events)):
        batch.append(Message(topics.actions, key_of(line), str(number), line))
        if len(batch) == _CHUNK:
            topics.send(batch)
            batch = []
    topics.send(batch)


def _measure(
    servers: Servers, topics: Topics, number: int, events: int, *, publish: bool
) -> tuple[float, float]:
    """Give events per second of wall time, and of the workers' processor time."""
    with database_on(servers.postgresql) as url:
        settings = {
            "HABITUS_SOURCE": f"kafka://{servers.kafka}/{topics.actions}?group={url[-8:]}",
            "HABITUS_STORE": url,
            "HABITUS_SINK": f"kafka://{servers.kafka}" if publish else "none",
            "HABITUS_CLOCK": "event",
            "HABITUS_BATCH_SIZE": str(max(1, min(DEFAULT_BATCH, events // _BATCHES))),
        }
        return _timed(settings, url, number, events)


def _timed(settings: dict[str, str], url: str, number: int, events: int) -> tuple[float, float]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HABITUS_")}
    environment = {**kept, **settings, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipeline.cli", "run"]
    with tempfile.TemporaryFile() as log, open_store(url) as store:
        workers = [
            subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603  # our own
            for _ in range(number)
        ]
        try:
            pids = [worker.pid for worker in workers]
            first, begun = _reached(store, events // 5), _cpu_seconds(pids)
            last = _reached(store, events)
            seconds = _cpu_seconds(pids) - begun
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(60)
    done = last[1] - first[1]
    return done / (last[0] - first[0]), done / seconds


def _reached(store: object, events: int) -> tuple[float, int]:
    """Wait until `events` are counted; return the time and the count."""
    while (counted := store.counters().get("events", 0)) < events:  # type: ignore[attr-defined]
        time.sleep(0.02)
    return time.monotonic(), counted


def _cpu_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
