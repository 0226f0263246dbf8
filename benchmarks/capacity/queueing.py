"""Simulation of a worker and its partitions, to check the arithmetic of docs/scale.md.

Events arrive at random, from agents of which a few are far busier than most. A worker takes all
waiting events, and each batch takes the measured time. The simulation does not use the arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from benchmarks.capacity.arithmetic import PARTS
from pipeline.processing.stream_types import DEFAULT_BATCH

if TYPE_CHECKING:
    from benchmarks.costs import Measured

POLL_S = 0.025
_MAX_DRAWN = 4_000


class Simulated(Struct, frozen=True, kw_only=True):
    """Result of one worker: batch size, rows, waiting events at the end, and freshness of trust."""

    batch: float
    rows_per_event: float
    waiting: int
    fresh_p50_s: float
    fresh_p99_s: float


def activity(rng: np.random.Generator, agents: int, spread: float) -> np.ndarray:
    """Draw the activity of each agent: shares with sum 1, equal if `spread` is 0."""
    drawn = rng.lognormal(0.0, spread, agents)
    shares: np.ndarray = drawn / drawn.sum()
    return shares


def busiest(agents: int, partitions: int, workers: int, spread: float, seed: int = 7) -> float:
    """Give the load of the busiest worker over the average; agents are hashed to partitions."""
    rng = np.random.default_rng(seed)
    shares = activity(rng, agents, spread)
    by_partition = np.bincount(rng.integers(partitions, size=agents), shares, partitions)
    by_worker = np.bincount(np.arange(partitions) % workers, by_partition, workers)
    return float(by_worker.max() * workers)


def simulate(
    costs: Measured,
    rate: float,
    agents: int,
    *,
    seconds: float = 30.0,
    spread: float = 0.0,
    seed: int = 7,
) -> Simulated:
    """Simulate one worker.

    Parameters
    ----------
    rate, agents
        Events per second, and number of agents.
    spread
        Standard deviation of the logarithm of the agents' activity.
    """
    rng = np.random.default_rng(seed)
    edges = np.cumsum(activity(rng, agents, spread))
    now, waiting, since, batches, rows, events = 0.0, 0, 0.0, 0, 0, 0
    fresh: list[np.ndarray] = []
    while now < seconds:
        if not waiting:
            gap = rng.exponential(1 / rate)
            now, since, waiting = now + gap, now + gap, 1
        taken = min(waiting, DEFAULT_BATCH)
        named = np.unique(np.searchsorted(edges, rng.random(taken))).size
        commits = np.unique(rng.integers(PARTS, size=taken)).size
        took = (costs.event_us * taken + costs.row_us * named + costs.batch_us * commits) / 1e6
        # The taken events arrived while the previous batch was judged.
        came = rng.uniform(since, now, min(taken, _MAX_DRAWN)) if now > since else np.full(1, now)
        seen = now + took + rng.uniform(0, POLL_S, came.size) + named / costs.replica_changes_per_s
        fresh.append(seen - came)
        since, now = now, now + took
        waiting += int(rng.poisson(rate * took)) - taken
        batches, rows, events = batches + 1, rows + named, events + taken
    p50, p99 = np.quantile(np.concatenate(fresh), [0.5, 0.99])
    return Simulated(
        batch=events / batches,
        rows_per_event=rows / events,
        waiting=waiting,
        fresh_p50_s=float(p50),
        fresh_p99_s=float(p99),
    )
