"""A fleet of six agents that work the same every day, and an engine with registered detectors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from models.baseline.agent_state import AgentState
from models.baseline.profile import Profile
from models.config import ModelConfig
from models.engine import Engine
from models.event import Event, Origin
from models.trust.state import TrustState
from pipeline.publishing.catalogue import catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.detectors.detector import Detector
    from models.result import Result

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECRET = b"0123456789abcdef0123456789abcdef"
BUDGET = 0.1
TOOLS = ("crm.read", "crm.note", "mail.read")


class Stored(NamedTuple):
    """The bytes of a fleet: what a store would hold."""

    shared: dict[str, bytes]
    sessions: list[tuple[int, bytes]]
    agents: dict[str, tuple[bytes, bytes]]


class SmallFleet:
    """An engine with its agents; each event has a latency, which no built-in detector reads."""

    def __init__(self, *detectors: Detector) -> None:
        self.engine = Engine(
            ModelConfig(alerts_per_day=BUDGET),
            SECRET,
            catalogue(),
            kernel="python",
            explain_all=True,
            detectors=detectors,
        )
        self.agents: dict[str, AgentState] = {}
        self.day = 0
        self.number = 0
        self.chance = Random(11)  # noqa: S311 - made-up data

    def act(self, agent: str, at: datetime, session: str, **fields: Any) -> Result:
        """Judge one event."""
        self.number += 1
        values = {
            "id": f"e{self.number}",
            "time": at,
            "agent": {"id": agent, "role": "clerk"},
            "tool": "crm.read",
            "session": session,
            "attributes": {"latency": round(self.chance.gauss(20.0, 2.0), 3)},
        }
        event = msgspec.convert(values | fields, Event, strict=False)
        state = self.agents.setdefault(
            agent, AgentState(Profile(agent, "unknown"), TrustState(agent_id=agent, mode="unknown"))
        )
        return self.engine.judge(event, Origin(), state)

    def work(self, days: int) -> list[Result]:
        """Let the agents work for so many days."""
        found = []
        for _ in range(days):
            for number in range(6):
                for step in range(12):
                    at = START + timedelta(days=self.day, minutes=60 * number + 2 * step)
                    tool = TOOLS[self.chance.randrange(len(TOOLS))]
                    found.append(self.act(f"agent-{number}", at, f"s{self.day}", tool=tool))
            self.day += 1
        return found

    @property
    def now(self) -> datetime:
        """A time of the day that has not begun."""
        return START + timedelta(days=self.day)

    def stored(self) -> Stored:
        """Give all that a store would hold."""
        return Stored(
            dict(self.engine.dump(whole=True)),
            self.engine.dump_sessions()[0],
            {
                name: (state.profile.dump(), msgspec.msgpack.encode(state.trust))
                for name, state in self.agents.items()
            },
        )

    def load(self, stored: Stored, other: SmallFleet) -> SmallFleet:
        """Go on where another fleet was stored."""
        self.engine.load(stored.shared, stored.sessions)
        for name, (profile, trust) in stored.agents.items():
            self.agents[name] = AgentState(
                Profile.load(profile, name, "unknown"),
                msgspec.msgpack.decode(trust, type=TrustState),
            )
        self.day, self.number = other.day, other.number
        self.chance.setstate(other.chance.getstate())
        return self


def rarities(fleet: SmallFleet, names: Sequence[int], bits: float) -> list[float]:
    """Give the rarity of some bits of each series, for each agent."""
    rates = fleet.engine.shared.rates
    return [
        rates.rarity(state.profile.maxima, "clerk", None, name, bits)
        for state in fleet.agents.values()
        for name in names
    ]
