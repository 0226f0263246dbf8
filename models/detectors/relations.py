"""Amounts that follow from other agents and from other days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from models.baseline.profile import agent_mark
from models.peers.joining import join_into
from models.peers.knowledge import NEW_TO_ALL
from models.units import MINUTE_US

if TYPE_CHECKING:
    from models.codec.hashing import Hasher
    from models.detectors.moment import Moment
    from models.event import Event
    from models.peers.knowledge import SharedKnowledge

MIN_SESSIONS = 10
"""Sessions of a delegating agent after which its silence counts."""
MIN_SILENCE_US = 60 * MINUTE_US
QUARTER_US = 15 * MINUTE_US
MAX_SOLE = 64
"""Most destinations of one agent that are followed over days, and most days of each."""


class Report(Struct, array_like=True):
    """The latest report of an agent.

    Attributes
    ----------
    last_us
        Event time of its latest event.
    sessions
        Number of its sessions.
    """

    last_us: int
    sessions: int

    def join(self, other: Report) -> None:
        """Add what another shard has seen."""
        self.last_us = max(self.last_us, other.last_us)
        self.sessions = max(self.sessions, other.sessions)


class Relations:
    """Follows when each agent reported last, and destinations that one agent alone uses.

    Attributes
    ----------
    reports
        Published: mark of an agent -> its latest report.
    pending
        Reports since the last publication.
    """

    def __init__(self, hasher: Hasher, shared: SharedKnowledge) -> None:
        self._hasher = hasher
        self._shared = shared
        self.reports: dict[int, Report] = {}
        self.pending: dict[int, Report] = {}

    def measure(self, at: Moment, event: Event) -> None:
        """Add silence of the delegating agent, and days of a destination, to the fields."""
        if event.delegation:
            agent_id = event.delegation[0]
            silence = self._silence(agent_mark(self._hasher, agent_id), at.time_us)
            if silence:
                at.fields.numbers["silence"] = silence
                at.fields.single["silent"] = agent_id
        for host in sorted(_hosts(at)):
            days = float(self._sole_days(at, host))
            if days > at.fields.numbers.get("sole_days", 1.0):
                at.fields.numbers["sole_days"] = days
                at.fields.single["sole_host"] = host

    def learn(self, at: Moment) -> None:
        """Note that the agent has reported, and which destinations it has used."""
        profile = at.profile
        join_into(self.pending, [(profile.mark, Report(at.time_us, profile.opened))])
        for host in sorted(_hosts(at)):
            mark = self._mark(host)
            if self._is_sole(at, mark):
                days = profile.sole.setdefault(mark, [])
                if at.day not in days:
                    days.append(at.day)
                    del days[:-MAX_SOLE]
            else:
                profile.sole.pop(mark, None)
            self._shared.learn(profile.role, profile.mark, [mark])
        while len(profile.sole) > MAX_SOLE:
            del profile.sole[min(profile.sole, key=lambda one: (profile.sole[one][-1], one))]

    def _silence(self, agent: int, time_us: int) -> float:
        """Give the quarter hours for which an agent that delegates has not reported itself."""
        report = self.reports.get(agent)
        if report is None or report.sessions <= MIN_SESSIONS:
            return 0.0
        silent_us = time_us - report.last_us
        return float(silent_us // QUARTER_US) if silent_us > MIN_SILENCE_US else 0.0

    def _mark(self, host: str) -> int:
        return self._hasher.of(f"sole\x1f{host}")

    def _is_sole(self, at: Moment, mark: int) -> bool:
        """Check for a destination of this agent alone; an agent that reports alone has none."""
        if len(self.reports) <= (at.profile.mark in self.reports):
            return False
        return self._shared.level(at.profile.role, at.profile.mark, mark) == NEW_TO_ALL

    def _sole_days(self, at: Moment, host: str) -> int:
        """Give the days on which the agent has used a destination that nobody else knows."""
        mark = self._mark(host)
        if not self._is_sole(at, mark):
            return 0
        days = at.profile.sole.get(mark, [])
        return len(days) + (at.day not in days)

    def apply(self, pending: dict[int, Report]) -> None:
        """Add reports, of this or another shard."""
        join_into(self.reports, pending.items())


def _hosts(at: Moment) -> set[str]:
    """Give the hosts that an event sends to, or names in its arguments."""
    arguments = at.fields.records.get("argument", ())
    found = {one["value_host"] for one in arguments if "value_host" in one}
    destination = at.fields.single.get("destination")
    return found | ({destination} if destination is not None else set())
