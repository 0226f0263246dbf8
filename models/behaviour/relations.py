"""Amounts that follow from other agents and from other days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.learning.knowledge import NEW_TO_ALL
from models.units import MINUTE_US

if TYPE_CHECKING:
    from models.behaviour.novelty import Moment
    from models.codec.hashing import Hasher
    from models.event import Event
    from models.learning.knowledge import SharedKnowledge

MIN_SESSIONS = 10
"""Sessions of a delegating agent after which its silence counts."""
MIN_SILENCE_US = 60 * MINUTE_US
QUARTER_US = 15 * MINUTE_US
MAX_SOLE = 64
"""Most destinations of one agent that are followed over days."""


class Relations:
    """Follows when each agent reported last, and destinations that one agent alone uses."""

    def __init__(self, hasher: Hasher, shared: SharedKnowledge) -> None:
        self._hasher = hasher
        self._shared = shared
        self.last_us: dict[str, int] = {}
        self.sessions: dict[str, int] = {}

    def measure(self, at: Moment, event: Event) -> dict[str, float]:
        """Give the amounts of an event: silence of the delegating agent, days of a destination."""
        found: dict[str, float] = {}
        if event.delegation:
            silence = self._silence(event.delegation[0], at.time_us)
            if silence:
                found["silence"] = silence
        days = max((self._sole_days(at, host) for host in sorted(_hosts(at))), default=0)
        if days:
            found["sole_days"] = float(days)
        agent_id = event.agent.id
        self.last_us[agent_id] = max(self.last_us.get(agent_id, 0), at.time_us)
        self.sessions[agent_id] = at.agent.sessions
        return found

    def _silence(self, agent_id: str, time_us: int) -> float:
        """Give the quarter hours for which an agent that delegates has not reported itself."""
        if self.sessions.get(agent_id, 0) <= MIN_SESSIONS:
            return 0.0
        silent_us = time_us - self.last_us[agent_id]
        return float(silent_us // QUARTER_US) if silent_us > MIN_SILENCE_US else 0.0

    def _sole_days(self, at: Moment, host: str) -> int:
        """Give the days on which the agent has used a destination that nobody else knows."""
        agent, mark = at.agent, self._hasher.of(f"sole\x1f{host}")
        new = self._shared.level(agent.role, agent.mark, mark) == NEW_TO_ALL
        self._shared.learn(agent.role, agent.mark, [mark])
        if not new:
            agent.sole.pop(mark, None)
            return 0
        days = agent.sole.setdefault(mark, [])
        if at.day not in days:
            days.append(at.day)
            del days[:-MAX_SOLE]
        if len(agent.sole) > MAX_SOLE:
            del agent.sole[min(agent.sole, key=lambda one: (agent.sole[one][-1], one))]
        return len(days)


def _hosts(at: Moment) -> set[str]:
    """Give the hosts that an event sends to, or names in its arguments."""
    found = {
        one["value_host"] for one in at.fields.records.get("argument", ()) if "value_host" in one
    }
    destination = at.fields.single.get("destination")
    return found | ({destination} if destination is not None else set())
