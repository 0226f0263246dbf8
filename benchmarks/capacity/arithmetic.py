"""The arithmetic of docs/scale.md: resources for a load, and the first bottleneck."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.processing.stream_types import DEFAULT_BATCH

if TYPE_CHECKING:
    from benchmarks.costs import Costs, Measured

# Partitions per worker, each committed separately; they cannot be added later.
PARTS = 2
DAY_S = 86_400
REMEMBERED_DAYS = 30


class Load(Struct, frozen=True, kw_only=True):
    """Load of an installation.

    Attributes
    ----------
    busy
        Target utilisation of workers and replicas.
    """

    agents: int
    events_per_s: float
    lookups_per_s: float
    busy: float = 0.6


class Plan(Struct, frozen=True, kw_only=True):
    """Resources for a load; rates per second, sizes in bytes."""

    workers: int
    partitions: int
    batch: float
    batch_s: float
    rows_per_event: float
    rows_per_s: float
    worker_bytes: float
    database_bytes_per_s: float
    databases: int
    stored_bytes: float
    remembered_bytes: float
    kafka_bytes_per_s: float
    brokers: int
    replica_bytes: float
    replicas: int
    replica_load_s: float
    following: float


def distinct(events: float, agents: float) -> float:
    """Give the expected number of distinct agents of events, if all agents are equal.

    >>> round(distinct(100, 1)), round(distinct(1, 100)), round(distinct(100, 100))
    (1, 1, 63)
    """
    return agents * -math.expm1(events * math.log1p(-1 / agents)) if agents > 1 else min(1, events)


def batch_s(costs: Measured, events: float, agents: float) -> float:
    """Give the seconds of a worker for a batch of events of a number of agents."""
    rows, commits = distinct(events, agents), distinct(events, PARTS)
    return (costs.event_us * events + costs.row_us * rows + costs.batch_us * commits) / 1e6


def highest_rate(costs: Measured, agents: float) -> float:
    """Give the highest rate of one worker, with full batches."""
    return DEFAULT_BATCH / batch_s(costs, DEFAULT_BATCH, agents)


def natural_batch(costs: Measured, rate: float, agents: float) -> float:
    """Give the batch size at which judging takes as long as the next batch takes to arrive.

    A worker takes all waiting events. At low rates batches are small, and events more expensive.
    """
    low, high = 1.0, float(DEFAULT_BATCH)
    if rate * batch_s(costs, high, agents) >= high:
        return high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if rate * batch_s(costs, middle, agents) > middle else (low, middle)
        )
    return high


def plan(costs: Costs, load: Load) -> Plan:
    """Size an installation."""
    m, a = costs.measured, costs.assumed
    workers = 1
    # More workers have fewer agents each, and so fewer rows in a batch.
    while workers * load.busy * highest_rate(m, load.agents / workers) < load.events_per_s:
        workers = math.ceil(workers * 1.02)
    each, rate = load.agents / workers, load.events_per_s / workers
    batch = natural_batch(m, rate, each)
    rows_per_event = distinct(batch, each) / batch
    rows = rows_per_event * load.events_per_s
    written = rows * m.agent_stored_bytes + load.events_per_s * m.event_kept_bytes
    answers = load.events_per_s * m.answers_per_event * m.answer_bytes
    kafka = (load.events_per_s * m.event_bytes + answers) * a.replication
    following = rows / m.replica_changes_per_s
    return Plan(
        workers=workers,
        partitions=PARTS * workers,
        batch=batch,
        batch_s=batch_s(m, batch, each),
        rows_per_event=rows_per_event,
        rows_per_s=rows,
        worker_bytes=m.worker_bytes + each * m.agent_cached_bytes,
        database_bytes_per_s=written,
        databases=math.ceil(written / a.database_bytes_per_s),
        stored_bytes=load.agents * m.agent_stored_bytes,
        remembered_bytes=load.events_per_s * DAY_S * REMEMBERED_DAYS * m.event_kept_bytes,
        kafka_bytes_per_s=kafka,
        brokers=max(a.replication, math.ceil(kafka / a.broker_bytes_per_s)),
        replica_bytes=m.replica_bytes
        + load.agents * (m.replica_agent_bytes + m.replica_asked_bytes),
        replicas=max(2, math.ceil(load.lookups_per_s / (load.busy * m.lookups_per_s))),
        replica_load_s=load.agents / m.replica_changes_per_s,
        following=following,
    )


def saturation(costs: Costs, load: Load) -> list[tuple[str, float]]:
    """Give the rate at which one instance of each resource is saturated, the lowest rate first.

    The number of agents grows with the events, at a constant rate per agent.
    """
    m, a, p = costs.measured, costs.assumed, plan(costs, load)
    each_event = 1 / load.events_per_s
    found = {
        "one worker": highest_rate(m, load.agents / p.workers),
        "one replica taking in changes": 1 / (p.following * each_event),
        "one database writing": a.database_bytes_per_s / (p.database_bytes_per_s * each_event),
        "one broker writing": a.broker_bytes_per_s / (p.kafka_bytes_per_s * each_event),
    }
    return sorted(found.items(), key=lambda one: one[1])
