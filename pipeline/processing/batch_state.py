"""What is going on while one batch is judged."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from models.baseline.agent_state import Subject
    from models.event import Event
    from pipeline.processing.stream_types import RawRecord
    from pipeline.store.batch import Commit, MemberRow

Key = tuple[str, str]
"""Agent and mode."""


class Taken(NamedTuple):
    """A record that became an event, and when it happened.

    Attributes
    ----------
    content
        All that the record says, as JSON.
    unknown
        Names of its unknown members.
    """

    record: RawRecord
    event: Event
    time_us: int
    content: bytes
    unknown: tuple[str, ...] = ()


class Fresh:
    """The events of a batch that are to be judged.

    Parameters
    ----------
    records
        The batch.
    read
        Makes an event of a record.
    acts
        The records as the compiled kernel has read them, None where it has not.

    Attributes
    ----------
    order
        Numbers of the records to judge, in order.
    conflicts
        Numbers of the records whose id is known with other content, with the keys that they are
        known by.
    """

    def __init__(
        self, records: Sequence[RawRecord], read: Callable[[RawRecord], Taken], acts: Any
    ) -> None:
        self.records = records
        self.acts = acts
        self.order: list[int] = []
        self.conflicts: dict[int, int] = {}
        self.read = read
        self._known: dict[int, Taken] = {}

    def __len__(self) -> int:
        return len(self.order)

    def keep(self, at: int, taken: Taken) -> None:
        """Remember what a record was read as."""
        self._known[at] = taken

    def conflict(self, at: int, key: int) -> None:
        """Leave a record in conflict to the reference; it is an act, and announces nothing."""
        taken = self.known_or_read(at)
        self.keep(at, taken._replace(event=msgspec.structs.replace(taken.event, kind="action")))
        self.conflicts[at] = key
        if self.acts is not None:
            self.acts.leave([at])

    def event(self, position: int) -> Taken:
        """Give the event at a position."""
        return self.known_or_read(self.order[position])

    def known_or_read(self, at: int) -> Taken:
        """Give the event of a record."""
        known = self._known.get(at)
        return self.read(self.records[at]) if known is None else known

    def known(self) -> list[tuple[int, Taken]]:
        """Give the events that the compiled kernel left alone, with their positions."""
        place_of = {at: place for place, at in enumerate(self.order)} if self._known else {}
        return [(place_of[at], taken) for at, taken in self._known.items() if at in place_of]

    def unknown_members(self) -> Iterator[tuple[str, ...]]:
        """Give the names of members that the format does not know, of each event that has some.

        The compiled kernel leaves every record with such a member alone.
        """
        for _, taken in self.known():
            if taken.unknown:
                yield taken.unknown

    def newest_us(self) -> int:
        """Give when the newest event happened; 0 without events."""
        read = () if self.acts is None else map(self.acts.time_us, range(len(self)))
        return max(chain(read, (taken.time_us for _, taken in self.known())), default=0)

    def where(self, at: int) -> str:
        """Say where a record stands in its stream."""
        return self.records[at].where


class Job:
    """The events of one batch, and what they have led to so far.

    Parameters
    ----------
    fresh
        The events.
    out, count
        What is to be written, and how many of what.

    Attributes
    ----------
    changed
        Where in the batch each agent is changed first.
    slots
        The agents of the events that the compiled kernel has read, in its order.
    slot_of
        The place of each of them.
    several
        Agents that act in several modes.
    anomalies
        Those of the batch, by id.
    members
        New names of anomalies of several agents, by name.
    """

    def __init__(self, fresh: Fresh, out: Commit, count: Counter[str]) -> None:
        self.fresh = fresh
        self.out = out
        self.count = count
        self.anomalies: dict[str, dict[str, Any]] = {}
        self.members: dict[str, MemberRow] = {}
        self.changed: dict[Key, tuple[int, int]] = {}
        for place, taken in fresh.known():
            if taken.event.kind != "action":  # an agent's change comes to all modes it acts in
                continue
            self.change((taken.event.agent.id, taken.event.mode), place)
        self.slots: list[Key] = []
        if fresh.acts is not None:
            for agent_id, mode, place in fresh.acts.keep(fresh.order):
                self.slots.append((agent_id, mode))
                self.change((agent_id, mode), place)
        self.slot_of = {key: slot for slot, key in enumerate(self.slots)}
        modes = Counter(agent_id for agent_id, _ in self.changed)
        self.several = {agent_id for agent_id, number in modes.items() if number > 1}

    def agents(self) -> set[str]:
        """Give the agents of all events."""
        told = {taken.event.agent.id for _, taken in self.fresh.known()}
        return told.union(agent_id for agent_id, _ in self.changed)

    def firsts(self) -> dict[str, int]:
        """Give the number of the first record that changes each agent."""
        places: dict[str, int] = {}
        for (agent_id, _), (place, _) in self.changed.items():
            places[agent_id] = min(place, places.get(agent_id, place))
        return {agent_id: self.fresh.order[place] for agent_id, place in places.items()}

    def agent_at(self, position: int) -> str:
        """Give the agent of the event at a position."""
        acts = self.fresh.acts
        slot = -1 if acts is None else acts.slot(position)
        return self.slots[slot][0] if slot >= 0 else self.fresh.event(position).event.agent.id

    def change(self, key: Key, place: int, among: int = 0) -> None:
        """Note that the event at a place changes an agent, as one among several."""
        here = (place, among)
        if here < self.changed.get(key, (place + 1, 0)):
            self.changed[key] = here

    def in_order(self, subjects: Mapping[Key, Subject]) -> dict[Key, Subject]:
        """Give the agents that were changed, in the order of when they were first."""
        return {key: subjects[key] for key in sorted(self.changed, key=self.changed.__getitem__)}
