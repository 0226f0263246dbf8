"""State of a batch while it is judged."""

from __future__ import annotations

import sys
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.result import Result
    from pipeline.identity.resolving import Original
    from pipeline.processing.stream_types import RawRecord
    from pipeline.store.batch import Commit, MemberRow

Key = tuple[str, str]
"""Agent and mode."""


class DecodedEvent(NamedTuple):
    """A record decoded to an event, with its event time.

    Attributes
    ----------
    content
        Content of the record, as JSON.
    unknown
        Names of its unknown members.
    """

    record: RawRecord
    event: Event
    time_us: int
    content: bytes
    unknown: tuple[str, ...] = ()


class NewEvents:
    """The events of a batch to judge.

    Parameters
    ----------
    records
        The batch.
    read
        Decodes a record to an event.
    actions
        The records as decoded by the compiled loop, or None.
    originals
        The records of aliases as they came, by index.

    Attributes
    ----------
    order
        Indices of the records to judge, in order.
    conflicts
        Index and key of each record whose id is known with other content.
    """

    def __init__(
        self,
        records: Sequence[RawRecord],
        read: Callable[[RawRecord], DecodedEvent],
        actions: Any = None,
        originals: Mapping[int, Original] = MappingProxyType({}),
    ) -> None:
        self.records = records
        self.actions = actions
        self.originals = originals
        self.order: list[int] = []
        self.conflicts: dict[int, int] = {}
        self.read = read
        self._known: dict[int, DecodedEvent] = {}

    def __len__(self) -> int:
        return len(self.order)

    def keep(self, at: int, decoded: DecodedEvent) -> None:
        """Keep the decoded event of a record."""
        self._known[at] = decoded

    def conflict(self, at: int, key: int) -> None:
        """Let the Python kernel judge a record in conflict.

        The record counts as an action, so it cannot announce a change.
        """
        decoded = self.decoded_of(at)
        event = msgspec.structs.replace(decoded.event, kind="action")
        self.leave(at, decoded._replace(event=event))
        self.conflicts[at] = key

    def leave(self, at: int, decoded: DecodedEvent) -> None:
        """Keep the decoded event of a record, and leave it to the Python kernel."""
        self.keep(at, decoded)
        if self.actions is not None:
            self.actions.leave(at)

    def event(self, position: int) -> DecodedEvent:
        """Give the event at a position."""
        return self.decoded_of(self.order[position])

    def decoded_of(self, at: int) -> DecodedEvent:
        """Give the event of a record."""
        known = self._known.get(at)
        return self.read(self.records[at]) if known is None else known

    def known(self) -> list[tuple[int, DecodedEvent]]:
        """Give the events that the compiled loop did not decode, with their positions."""
        place_of = {at: place for place, at in enumerate(self.order)} if self._known else {}
        return [(place_of[at], decoded) for at, decoded in self._known.items() if at in place_of]

    def unknown_members(self) -> Iterator[tuple[str, ...]]:
        """Give the names of unknown members of each event that has some.

        The compiled loop does not decode records with such a member.
        """
        for _, decoded in self.known():
            if decoded.unknown:
                yield decoded.unknown

    def newest_us(self) -> int:
        """Give the time of the newest event; 0 without events."""
        read = () if self.actions is None else map(self.actions.time_us, range(len(self)))
        return max(chain(read, (decoded.time_us for _, decoded in self.known())), default=0)

    def received(self, at: int) -> RawRecord:
        """Give a record as it came."""
        original = self.originals.get(at)
        return self.records[at] if original is None else original.record

    def where(self, at: int) -> str:
        """Give the location of a record in its stream."""
        return self.records[at].where


class BatchState:
    """The events of one batch, and their results so far.

    Parameters
    ----------
    events
        The events.
    out, count
        Data to write, and counters.

    Attributes
    ----------
    changed
        Position of the first event that changes each agent.
    slots
        Agents of the events decoded by the compiled loop, in its order.
    slots_of
        Slots of each of these agents, one for each mode.
    anomalies
        Anomalies of the batch, by id.
    members
        New names of findings of several agents, by name.
    cases, case_agents
        Cases of the batch by id, and the agents of their events, in order.
    kept_from
        First position whose result is kept.
    results
        Results of the events from there on, by position; those of quiet events are elsewhere.
    """

    def __init__(self, events: NewEvents, out: Commit, count: Counter[str]) -> None:
        self.events = events
        self.out = out
        self.count = count
        self.anomalies: dict[str, dict[str, Any]] = {}
        self.members: dict[str, MemberRow] = {}
        self.cases: dict[str, dict[str, Any]] = {}
        self.case_agents: dict[tuple[str, str], None] = {}
        self.kept_from = sys.maxsize
        self.results: dict[int, Result] = {}
        self.changed: dict[Key, tuple[int, int]] = {}
        for place, decoded in events.known():
            if decoded.event.kind != "action":  # a change applies to all modes of the agent
                continue
            self.change((decoded.event.agent.id, decoded.event.mode), place)
        self.slots: list[Key] = []
        self.slots_of: dict[str, list[int]] = {}
        if events.actions is not None:
            for slot, (agent_id, mode, place) in enumerate(events.actions.keep(events.order)):
                self.slots.append((agent_id, mode))
                self.slots_of.setdefault(agent_id, []).append(slot)
                self.change((agent_id, mode), place)

    def agents(self) -> set[str]:
        """Give the agents of all events."""
        agents = {decoded.event.agent.id for _, decoded in self.events.known()}
        return agents.union(agent_id for agent_id, _ in self.changed)

    def firsts(self) -> dict[str, int]:
        """Give the index of the first record that changes each agent."""
        positions: dict[str, int] = {}
        for (agent_id, _), (place, _) in self.changed.items():
            positions[agent_id] = min(place, positions.get(agent_id, place))
        return {agent_id: self.events.order[place] for agent_id, place in positions.items()}

    def agent_at(self, position: int) -> str:
        """Give the agent of the event at a position."""
        actions = self.events.actions
        slot = -1 if actions is None else actions.slot(position)
        return self.slots[slot][0] if slot >= 0 else self.events.event(position).event.agent.id

    def where(self, position: int) -> str:
        """Give the location of the event at a position in its stream."""
        return self.events.where(self.events.order[position])

    def change(self, key: Key, place: int, among: int = 0) -> None:
        """Note that the event at a position changes an agent.

        `among` orders several changes by one event.
        """
        here = (place, among)
        if here < self.changed.get(key, (place + 1, 0)):
            self.changed[key] = here

    def in_order(self, agent_states: Mapping[Key, AgentState]) -> dict[Key, AgentState]:
        """Give the changed agents, in order of their first change."""
        return {
            key: agent_states[key] for key in sorted(self.changed, key=self.changed.__getitem__)
        }
