"""Planted cases, and their ground truth, recorded during the simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from models.event import Event, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

CaseKind = Literal["attack", "benign"]


class Truth(Struct, frozen=True, kw_only=True):
    """One planted case.

    Attributes
    ----------
    id
    Id of the case.
    kind
        ``"attack"`` or ``"benign"``.
    type
        Name of the attack or novelty.
    agent_id, agents
        Main agent of the case, and all agents with events in it.
    mode
        Mode of the first event.
    first, last, first_event_id, last_event_id, event_ids
        Times and ids of its events in order of time; for an attack, exactly the harmful events.
    cause
        Expected feature of the first reason; empty for benign novelties.
    also
        Equivalent features.
    what
        Description in one sentence.
    """

    id: str
    kind: CaseKind
    type: str
    agent_id: str
    agents: list[str]
    mode: str
    first: str
    last: str
    first_event_id: str
    last_event_id: str
    event_ids: list[str]
    around: list[str]
    cause: str
    also: list[str]
    what: str


class Case(Struct, kw_only=True, eq=False):
    """A running case.

    Attributes
    ----------
    number
        Unique within the simulation.
    index
        Number of the agent.
    first_day, days
        First day, from the start of the simulation, and number of days.
    key
        Seed of its random draws.
    shows
        For a benign novelty: returns whether an ordinary event shows it. None: the planter decides.
    """

    number: str
    kind: CaseKind
    type: str
    index: int
    agent_id: str
    first_day: int
    days: int
    key: int
    cause: str = ""
    also: tuple[str, ...] = ()
    what: str = ""
    shows: Callable[[Event], bool] | None = None
    found: list[tuple[int, str]] = msgspec.field(default_factory=list)
    around: list[str] = msgspec.field(default_factory=list)
    agents: dict[str, None] = msgspec.field(default_factory=dict)
    mode: str = "unknown"

    @property
    def last_day(self) -> int:
        """Last day of the case."""
        return self.first_day + self.days - 1

    def note(self, at_us: int, event: Event) -> None:
        """Record that an event belongs to the case."""
        if not self.found:
            self.mode = event.mode
        self.found.append((at_us, event.id))
        self.agents[event.agent.id] = None

    def truth(self) -> Truth:
        """Give the ground truth of a finished case with at least one event."""
        self.found.sort()
        (first_us, first), (last_us, last) = self.found[0], self.found[-1]
        return Truth(
            id=self.number,
            kind=self.kind,
            type=self.type,
            agent_id=self.agent_id,
            agents=list(self.agents),
            mode=self.mode,
            first=rfc3339(first_us),
            last=rfc3339(last_us),
            first_event_id=first,
            last_event_id=last,
            event_ids=[name for _, name in self.found],
            around=self.around,
            cause=self.cause,
            also=list(self.also),
            what=self.what,
        )
