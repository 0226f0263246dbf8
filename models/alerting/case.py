"""A case: one story, one line in the queue."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from models.constants import GROWN_BITS, MAX_MESSAGES, OPEN_DAYS, QUIET_DAYS
from models.units import DAY_US

Change = Literal["opened", "grew", "closed"]


class Case(Struct, array_like=True):
    """One story: the sessions and families that belong to it.

    Attributes
    ----------
    case_id
        Follows from the session and the day that raised it, or from the event.
    agent_id, mode
        Agent that raised it; others may join.
    first_us, last_us
        Event times of its first and its latest event, microseconds since 1970.
    bits
        Highest ``log2`` of a return period in days.
    version
        Number of its messages so far.
    leads
        Families that led a session of it, and certain ones that were found beside them.
    sessions
        Marks of its sessions -> 1.
    events
        Number of its events.
    message_bits
        `bits` at its latest message.
    message_day, messages
        Latest day with messages, and how many there were on that day.
    things
        Marks of the new things that it is about, which agents may share.
    agents
        Its agents, each with its mode.
    decided
        A person has closed it. Its sessions still belong to it; other events open a new case.
    severity
        Highest severity of its events, as its place in `models.trust.policy.SEVERITIES`.
    """

    case_id: str
    agent_id: str
    mode: str
    first_us: int
    last_us: int
    bits: float
    version: int = 0
    leads: list[str] = field(default_factory=list)
    sessions: dict[int, int] = field(default_factory=dict)
    events: int = 0
    message_bits: float = 0.0
    message_day: int = -1
    messages: int = 0
    things: list[int] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    decided: bool = False
    severity: int = 0

    def is_open(self, age: int) -> bool:
        """Tell whether an event may join.

        Parameters
        ----------
        age
            Days with activity since the last event of the case.
        """
        return not self.decided and age < OPEN_DAYS

    def covers(self, time_us: int, bits: float) -> bool:
        """Tell whether an event is of the day of the latest message, and no rarer than the case."""
        return not self.decided and time_us // DAY_US == self.message_day and bits <= self.bits

    def takes(self, session: int, age: int, bits: float) -> bool:
        """Tell whether an event belongs to the case by its session.

        A decision covers what was known when it was made. A session whose return period has grown
        by `GROWN_BITS` since then opens a new case.
        """
        if session not in self.sessions or age >= OPEN_DAYS:
            return False
        return not self.decided or not self._has_grown(bits)

    def _has_grown(self, bits: float) -> bool:
        return bits >= self.message_bits + GROWN_BITS

    def is_over(self, age: int) -> bool:
        """Tell whether the case closes by itself."""
        return age >= QUIET_DAYS

    def join(
        self,
        session: int,
        leads: tuple[str, ...],
        time_us: int,
        bits: float,
        severity: int = 0,
    ) -> Change | None:
        """Add an event; give the message that it is worth, or None.

        A case grows with the first event of another day, with another lead or fact, with a higher
        severity, and where its return period has grown by `GROWN_BITS` since the latest message.

        Parameters
        ----------
        session
            Mark of the event's session.
        leads
            Family that leads the session, and certain families that the event has raised.
        bits
            ``log2`` of the session's return period in days.
        severity
            Severity of the event; 0 for one that raises nothing.
        """
        self.first_us, self.last_us = min(self.first_us, time_us), max(self.last_us, time_us)
        new = [lead for lead in dict.fromkeys(leads) if lead not in self.leads]
        self.leads += new
        self.sessions[session] = 1
        self.events += 1
        if self.decided:
            return None
        self.bits = max(self.bits, bits)
        is_worse, self.severity = severity > self.severity, max(severity, self.severity)
        day = time_us // DAY_US
        if day > self.message_day:
            self.message_day, self.messages = day, 0
        elif self.messages >= MAX_MESSAGES or not (new or is_worse or self._has_grown(bits)):
            return None
        self.messages += 1
        self.version += 1
        self.message_bits = self.bits
        return "opened" if self.version == 1 else "grew"
