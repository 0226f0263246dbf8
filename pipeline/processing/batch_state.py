"""What is going on while one batch is judged."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.subject import Subject
    from pipeline.processing.intake import Fresh
    from pipeline.store.batch import Commit, MemberRow

Key = tuple[str, str]
"""Agent and mode."""


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
