"""A plain, benign fleet of any size as a stream of native events, for benchmarks and load tests.

>>> lines = list(fleet_events(7, 8, days=1))
>>> lines == list(fleet_events(7, 8, days=1)), lines == list(fleet_events(8, 8, days=1))
(True, False)
"""

from __future__ import annotations

import heapq
from itertools import count, islice
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from lab.simulation.sample.conduct import day_visits
from lab.simulation.sample.session_generator import SessionSpec, play
from lab.simulation.sample.world.staff import Member, fleet_member
from lab.simulation.sample.world.values import source
from models.event import microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def fleet_events(
    seed: int, agents: int, days: int | None = None, limit: int | None = None
) -> Iterator[bytes]:
    """Stream the events of a fleet in order of time, one JSON object without newline each.

    Memory holds the agents' plans of one day and running sessions, not the events.

    Parameters
    ----------
    seed
        Equal arguments give equal bytes.
    agents
        Size of the fleet, at least 1; the first 100 agents have plain roles, later ones regional
        roles.
    days
        Number of days from Monday 2026-10-05; None: endless.
    limit
        Largest number of events.
    """
    if agents < 1:
        raise ValueError(f"a fleet has at least 1 agent, got {agents}")
    members = [fleet_member(index) for index in range(agents)]
    streams = [_plan(seed, index, member, days) for index, member in enumerate(members)]
    specs = heapq.merge(*streams, key=itemgetter(0, 1))
    encode = msgspec.json.Encoder().encode
    events = _interleave(
        (
            start_us,
            [
                (microseconds(event.time), event.id, encode(event))
                for event in play(spec, source(seed, spec.session))
            ],
        )
        for start_us, _, spec in specs
    )
    return islice(events, limit)


def _plan(
    seed: int, index: int, member: Member, days: int | None
) -> Iterator[tuple[int, int, SessionSpec]]:
    """Give an agent's sessions in order of their start, day by day."""
    for day in count() if days is None else range(days):
        for spec in day_visits(seed, member, day):
            yield spec.start_us, index, spec


def _interleave(
    sessions: Iterable[tuple[int, Iterable[tuple[int, str, bytes]]]],
) -> Iterator[bytes]:
    """Merge sessions, sorted by start, into one stream sorted by time."""
    waiting: list[tuple[int, str, bytes]] = []
    for start_us, events in sessions:
        while waiting and waiting[0][0] < start_us:
            yield heapq.heappop(waiting)[2]
        for event in events:
            heapq.heappush(waiting, event)
    while waiting:
        yield heapq.heappop(waiting)[2]
