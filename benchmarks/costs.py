"""Measure costs on this machine: ``python -m benchmarks.costs`` rewrites costs.toml.

`benchmarks/capacity/arithmetic.py` computes with these figures. Those under ``assumed`` are not
ours to measure: what one broker and one database of a data centre take.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import Struct
from scipy.optimize import nnls

from benchmarks import trust_lookup
from benchmarks.measuring.child import measure
from benchmarks.measuring.meter import Job, Result
from benchmarks.streaming.inputs import read_lines, write_inputs
from lab.measurement import machine, today

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = Path(__file__).with_name("costs.toml")
# Agents and events in a batch: many and few of each, so that their costs can be separated.
RUNS = ((500, 64), (500, 1024), (500, 4096), (50, 1024), (50, 4096))
# The fastest run counts, as other work on the machine only slows runs down.
REPEATS = 2
MAIN = (500, 4096)
WARM, TIMED = 30_000, 16_384
REPLICA_AGENTS = 50_000


class Measured(Struct, frozen=True, kw_only=True):
    """Costs on this machine, of one core.

    Attributes
    ----------
    event_us, row_us, batch_us
        Microseconds of a worker per event, per committed agent row, and per batch.
    event_bytes, answer_bytes, answers_per_event
        Bytes of a native event and of a trust message, and trust messages per event.
    agent_stored_bytes, event_kept_bytes
        Stored bytes per agent, and per event while its id is kept (with anomalies).
    agent_cached_bytes, worker_bytes
        Resident bytes of a worker: per unpacked agent, and without agents.
    replica_agent_bytes, replica_asked_bytes, replica_bytes
        Resident bytes of a replica: per agent, additionally per requested agent, and without
        agents.
    replica_changes_per_s, lookups_per_s
        Changed agents applied and look-ups answered per second, each with one core.
    """

    event_us: float
    row_us: float
    batch_us: float
    event_bytes: float
    answer_bytes: float
    answers_per_event: float
    agent_stored_bytes: float
    event_kept_bytes: float
    agent_cached_bytes: float
    worker_bytes: float
    replica_agent_bytes: float
    replica_asked_bytes: float
    replica_bytes: float
    replica_changes_per_s: float
    lookups_per_s: float


class Assumed(Struct, frozen=True, kw_only=True):
    """Assumed figures: bytes per second written by one broker and by one database."""

    broker_bytes_per_s: float = 150e6
    database_bytes_per_s: float = 150e6
    replication: int = 3


class Costs(Struct, frozen=True, kw_only=True):
    """All figures that the arithmetic uses, with day and machine of the measured ones."""

    date: str
    machine: str
    measured: Measured
    assumed: Assumed


def read_costs(path: Path = PATH) -> Costs:
    """Read the last measured figures."""
    return msgspec.convert(tomllib.loads(path.read_text()), Costs)


def rows_of(lines: Sequence[bytes], batch: int) -> int:
    """Count the agent rows written if each batch is committed separately.

    >>> a, b = b'{"agent":{"id":"a"}}', b'{"agent":{"id":"b"}}'
    >>> rows_of([a, a, b], 2), rows_of([a, a, b], 1)
    (2, 3)
    """
    agents = [msgspec.json.decode(line)["agent"]["id"] for line in lines]
    return sum(len(set(agents[i : i + batch])) for i in range(0, len(agents), batch))


def _worker(say: Any) -> dict[str, float]:
    counts, took = [], []
    with contextlib.ExitStack() as stack:
        jobs = {}
        for agents in sorted({agents for agents, _ in RUNS}):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="habitus-costs-"))
            jobs[agents] = Job(
                folder=folder, agents=agents, cold=WARM // 2, warm=WARM, events=TIMED
            )
            write_inputs(jobs[agents])
        for agents, batch in RUNS:
            say(f"a worker with batches of {batch} of {agents} agents")
            found = [_run(jobs[agents], batch=batch) for _ in range(REPEATS)]
            best = min(found, key=lambda run: run.warm.cpu_s)
            rows = rows_of(read_lines(jobs[agents])[WARM:], batch)
            counts.append([best.warm.events, rows, best.warm.events / batch])
            took.append(best.warm.cpu_s)
            if (agents, batch) == MAIN:
                main = best
        say("a worker that keeps no agent in memory")
        without = _run(jobs[MAIN[0]], batch=MAIN[1], cache_agents=1, packed_agents=0)
        lines = read_lines(jobs[MAIN[0]])
    # Seconds of a run = events, rows and batches times their costs. All runs have equal weight.
    # Processor seconds are used, as other work must not count.
    weighed = np.array(counts, dtype=float) / np.array(took)[:, None]
    costs, _ = nnls(weighed, np.ones(len(took)))
    more, events = main.more, len(lines)
    return {
        "event_us": costs[0] * 1e6,
        "row_us": costs[1] * 1e6,
        "batch_us": costs[2] * 1e6,
        "event_bytes": sum(map(len, lines)) / events,
        "answer_bytes": more["agent.trust bytes"] / more["agent.trust messages"],
        "answers_per_event": more["agent.trust messages"] / events,
        "agent_stored_bytes": more["file"],
        "event_kept_bytes": (more["whole_file"] - more["file"]) * more["agents"] / events,
        "agent_cached_bytes": max(0, main.resident_bytes - without.resident_bytes) / MAIN[0],
        "worker_bytes": float(without.resident_bytes),
    }


def _run(job: Job, **more: int) -> Result:
    """Run a worker over a job, in a new folder."""
    result = measure("habitus-files", msgspec.structs.replace(job, **more))
    for path in Path(job.folder).glob("habitus-*"):
        path.unlink()
    for path in Path(job.folder).glob("out-*"):
        shutil.rmtree(path)
    return result


def _replica(say: Any) -> dict[str, float]:
    say(f"a replica of {REPLICA_AGENTS} agents")
    with tempfile.TemporaryDirectory(prefix="habitus-costs-") as folder:
        found = measure(
            "replica", Job(folder=folder, agents=REPLICA_AGENTS, cold=0, warm=0, events=0)
        )
    say("look-ups")
    lookups = trust_lookup.measure(rounds=1).lookups["habitus"]
    return {
        "replica_agent_bytes": found.more["agent_bytes"],
        "replica_asked_bytes": found.more["asked_agent_bytes"],
        "replica_bytes": found.more["idle_bytes"],
        "replica_changes_per_s": found.warm.cpu_rate,
        "lookups_per_s": lookups.cpu_rate,
    }


def main() -> None:
    """Measure, and write the file."""

    def say(line: str) -> None:
        print(f"measuring {line}", file=sys.stderr, flush=True)

    assumed = read_costs().assumed if PATH.exists() else Assumed()
    measured = _worker(say) | _replica(say)
    lines = [
        "# Written by python -m benchmarks.costs; docs/measured.md has it.",
        f'date = "{today()}"',
        f'machine = "{machine()}"',
        "",
        "[measured]",
    ]
    lines += [f"{name} = {float(f'{value:.3g}')}" for name, value in measured.items()]
    lines += ["", "# Not measured: change them to what yours take.", "[assumed]"]
    lines += [f"{name} = {value}" for name, value in msgspec.structs.asdict(assumed).items()]
    PATH.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
