"""What Habitus costs on this machine, measured: ``python -m benchmarks.costs`` rewrites costs.toml.

The arithmetic of docs/scale.md stands on these figures. Those under ``assumed`` are not ours to
measure: what one broker and one database of a data centre take.
"""

from __future__ import annotations

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
from benchmarks.child import measure
from benchmarks.meter import Job
from benchmarks.stream import read_lines, write_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = Path(__file__).with_name("costs.toml")
BATCHES = (128, 1024, 4096)
AGENTS, WARM, TIMED = 500, 40_000, 20_480
REPLICA_AGENTS = 50_000


class Measured(Struct, frozen=True, kw_only=True):
    """Costs on this machine, of one core.

    Attributes
    ----------
    event_us, row_us, batch_us
        Microseconds a worker spends on each event, on each agent's row it commits, and on each
        batch.
    event_bytes, answer_bytes, answers_per_event
        Of a native event, of a trust message, and how many of these an event leads to.
    agent_stored_bytes, event_kept_bytes
        Stored for each agent; and for each event while its id is remembered (with anomalies).
    agent_cached_bytes, worker_bytes
        Resident in a worker: each agent in its cache, and without any.
    replica_agent_bytes, replica_asked_bytes, replica_bytes
        Resident in a replica: each agent, each agent asked for in addition, and without any.
    replica_changes_per_s, lookups_per_s
        Changed agents a replica takes in, and look-ups it answers, each with a core to itself.
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
    """Figures of others: bytes a second that one broker and one database write."""

    broker_bytes_per_s: float = 150e6
    database_bytes_per_s: float = 150e6
    replication: int = 3


class Costs(Struct, frozen=True, kw_only=True):
    """All figures that the arithmetic uses."""

    measured: Measured
    assumed: Assumed


def read_costs(path: Path = PATH) -> Costs:
    """Read the figures as they were last measured."""
    return msgspec.convert(tomllib.loads(path.read_text()), Costs)


def rows_of(lines: Sequence[bytes], batch: int) -> int:
    """Count the agents' rows that are written when each batch is committed by itself.

    >>> a, b = b'{"agent":{"id":"a"}}', b'{"agent":{"id":"b"}}'
    >>> rows_of([a, a, b], 2), rows_of([a, a, b], 1)
    (2, 3)
    """
    agents = [msgspec.json.decode(line)["agent"]["id"] for line in lines]
    return sum(len(set(agents[i : i + batch])) for i in range(0, len(agents), batch))


def _worker(say: Any) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="habitus-costs-") as folder:
        job = Job(folder=folder, agents=AGENTS, cold=WARM // 2, warm=WARM, events=TIMED)
        write_inputs(job)
        lines = read_lines(job)
        runs = {}
        for batch in BATCHES:
            say(f"a worker with batches of {batch}")
            runs[batch] = measure("habitus-files", msgspec.structs.replace(job, batch=batch))
        few = msgspec.structs.replace(job, cache_agents=1)
        say("a worker that keeps no agent in memory")
        without = measure("habitus-files", few)
    # Seconds of each run = events, rows and batches times what each of them costs; those of the
    # processor, as other work on the machine must not count.
    timed = lines[WARM:]
    counts = [[r.warm.events, rows_of(timed, b), r.warm.events / b] for b, r in runs.items()]
    found, _ = nnls(np.array(counts, dtype=float), np.array([r.warm.cpu_s for r in runs.values()]))
    last = runs[BATCHES[-1]]
    more, events = last.more, len(lines)
    return {
        "event_us": found[0] * 1e6,
        "row_us": found[1] * 1e6,
        "batch_us": found[2] * 1e6,
        "event_bytes": sum(map(len, lines)) / events,
        "answer_bytes": more["agent.trust bytes"] / more["agent.trust messages"],
        "answers_per_event": more["agent.trust messages"] / events,
        "agent_stored_bytes": more["file"],
        "event_kept_bytes": (more["whole_file"] - more["file"]) * more["agents"] / events,
        "agent_cached_bytes": max(0, last.resident_bytes - without.resident_bytes) / AGENTS,
        "worker_bytes": float(without.resident_bytes),
    }


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
    lines = ["# Written by python -m benchmarks.costs; docs/scale.md stands on it.", "[measured]"]
    lines += [f"{name} = {float(f'{value:.3g}')}" for name, value in measured.items()]
    lines += ["", "# Not measured: change them to what yours take.", "[assumed]"]
    lines += [f"{name} = {value}" for name, value in msgspec.structs.asdict(assumed).items()]
    PATH.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
