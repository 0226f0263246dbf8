"""What is planted, where and when; and the truth about it, written down as it happens."""

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
        Of the case.
    kind
        ``"attack"`` or ``"benign"``.
    type
        Which attack or novelty.
    agent_id, agents
        The agent it is about, and all agents whose events are part of it.
    mode
        Of the first event.
    first, last, first_event_id, last_event_id, event_ids
        What belongs to it: of an attack exactly the events that are wrong, in order of time.
    cause
        Feature the first reason of an alert should name; empty for benign news.
    also
        Further features that say the same.
    what
        One sentence.
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
    """A case under way.

    Attributes
    ----------
    number
        Unique within the simulation.
    index
        Number of the agent.
    first_day, days
        When; counted from the start of the simulation.
    key
        Where its own draws start from.
    shows
        For benign news: which ordinary events of these days show it. None: the planter says.
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
        """Write down that an event belongs to the case."""
        if not self.found:
            self.mode = event.mode
        self.found.append((at_us, event.id))
        self.agents[event.agent.id] = None

    def truth(self) -> Truth:
        """Give what is known when it is over; it has at least one event."""
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
