"""A fleet of behaviours with a past, and the judge over it."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from models.behaviour.judge import BehaviourJudge, Judgement
from models.behaviour.state import Behaviour, SessionScores, agent_mark
from models.codec.hashing import Hasher
from models.event import Event, Origin, microseconds

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DIRECT = Origin("direct", 1, "PT")


class Past:
    """A fleet that works the same every day; its events are judged and learned in order."""

    def __init__(self) -> None:
        self.hasher = Hasher(b"0123456789abcdef0123456789abcdef")
        self.judge = BehaviourJudge(self.hasher)
        self.sessions: dict[tuple[str, str], SessionScores] = {}
        self.number = 0
        self.next = START

    def act(
        self, agent_id: str, at: datetime, session: str, origin: Origin = DIRECT, **fields: Any
    ) -> Judgement:
        """Judge and learn one event."""
        self.number += 1
        values = {"id": f"e{self.number}", "time": at, "agent": {"id": agent_id, "role": "clerk"}}
        event = msgspec.convert(values | {"tool": "crm.read"} | fields, Event, strict=False)
        time_us = microseconds(at)
        self.judge.advance(time_us)
        agent = self.judge.agents.get(agent_id)
        if agent is None:
            mark = agent_mark(self.hasher, agent_id)
            agent = self.judge.agents[agent_id] = Behaviour(mark, "clerk", time_us)
        agent.role = event.agent.role or "clerk"
        scores = self.sessions.get((agent_id, session))
        if scores is None:
            agent.sessions += 1
            scores = SessionScores(self.number, time_us, time_us)
            self.sessions[agent_id, session] = scores
        found = self.judge.judge(event, origin, agent, scores, time_us)
        self.judge.count(time_us // 86_400_000_000, time_us, agent, scores)
        self.judge.learn(agent, found.new, time_us // 86_400_000_000, rare=False)
        return found

    def work(self, agents: int, days: int, **fields: Any) -> datetime:
        """Let agents act three times a session, two sessions a day; give the day after."""
        for day in range(days):
            for half in (0, 6):
                for number in range(agents):
                    at = START + timedelta(days=day, hours=half, minutes=number)
                    for step in range(3):
                        later = at + timedelta(seconds=20 * step)
                        self.act(f"agent-{number}", later, f"{day}-{half}", **fields)
        self.next = START + timedelta(days=days)
        return self.next


@pytest.fixture(scope="session")
def worked() -> Callable[..., Past]:
    """Give a copy of a fleet that has worked for so many days; each is made once."""
    made: dict[str, Past] = {}

    def past_of(days: int, **fields: Any) -> Past:
        key = f"{days} {sorted(fields.items())}"
        if key not in made:
            made[key] = Past()
            made[key].work(6, days, **fields)
        return deepcopy(made[key])

    return past_of
