"""Builders of events, engines and subjects: say what a test is about, the rest is ordinary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from models.baseline.agent_state import AgentState
from models.baseline.profile import Profile
from models.config import ModelConfig
from models.engine import Engine
from models.event import Agent, Event, Origin, microseconds
from models.provenance.backend import PythonDetector
from models.trust.state import TrustState
from pipeline.publishing.catalogue import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from models.provenance.argument_detector import CallScore
    from models.provenance.session import Session
    from models.result import Result

MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
SECRET = b"0123456789abcdef"
PAY = "Pay the invoice of Ines"
OFFICE = Origin("direct", 64500, "SE", "list@1")


@pytest.fixture(scope="session")
def an_event() -> Callable[..., Event]:
    """Build an event; `at` is minutes after a Monday at eight, or an aware time.

    Without an id of its own it is named for what it is: the same event, the same tie-breaking.
    """

    def build(
        agent: str = "billing-7",
        at: float | datetime = 0,
        *,
        tool: str = "mail.read",
        role: str | None = "clerk",
        version: str | None = None,
        session: str | None = "s-1",
        **more: Any,
    ) -> Event:
        time = at if isinstance(at, datetime) else MONDAY + timedelta(minutes=at)
        return Event(
            id=more.pop("id", None) or f"{agent}|{time:%d%H%M%S%f}|{tool}|{session}",
            time=time,
            agent=Agent(id=agent, role=role, version=version),
            tool=tool,
            session=session,
            **more,
        )

    return build


@pytest.fixture(scope="session")
def an_engine() -> Callable[..., Engine]:
    """Build an engine; parameters of the model by name, and `secret`."""

    def build(
        *,
        secret: bytes = SECRET,
        explain_all: bool = False,
        without: frozenset[str] = frozenset(),
        **config: Any,
    ) -> Engine:
        return Engine(
            ModelConfig(**config), secret, catalogue(),
            explain_all=explain_all, kernel="python", without=without,
        )  # fmt: skip

    return build


@pytest.fixture(scope="session")
def a_subject() -> Callable[..., AgentState]:
    """Build an agent that nothing is known of yet."""

    def build(agent: str = "billing-7", mode: str = "unknown") -> AgentState:
        return AgentState(Profile(agent, mode), TrustState(agent_id=agent, mode=mode))

    return build


class Stream:
    """An engine with its agents: what a worker holds, without a store."""

    def __init__(self, engine: Engine, a_subject: Callable[..., AgentState]) -> None:
        self.engine = engine
        self.subjects: dict[str, AgentState] = {}
        self._a_subject = a_subject
        self._open: dict[int, bytes] = {}

    def agent_state(self, agent: str) -> AgentState:
        """Give an agent, a new one at first sight."""
        if agent not in self.subjects:
            self.subjects[agent] = self._a_subject(agent)
        return self.subjects[agent]

    def judge(self, event: Event, origin: Origin = OFFICE, **more: Any) -> Result:
        """Judge one event of the agent it names."""
        return self.engine.judge(event, origin, self.agent_state(event.agent.id), **more)

    def judge_all(self, events: Iterable[Event]) -> list[Result]:
        """Judge one event after the other."""
        return [self.judge(event) for event in events]

    def stored(self) -> Stored:
        """Give all that a store would hold."""
        changed, closed = self.engine.dump_sessions()
        self._open.update(changed)
        for key in closed:
            self._open.pop(key, None)
        return Stored(
            dict(self.engine.dump(whole=True)),
            sorted(self._open.items()),
            {
                agent: (agent_state.profile.dump(), msgspec.msgpack.encode(agent_state.trust))
                for agent, agent_state in self.subjects.items()
            },
        )

    def load(self, stored: Stored) -> None:
        """Go on where another stream was stored."""
        self.engine.load(stored.shared, stored.sessions)
        self._open = dict(stored.sessions)
        for agent, (profile, trust) in stored.agents.items():
            agent_state = self.agent_state(agent)
            agent_state.profile = Profile.load(profile, agent, agent_state.profile.mode)
            agent_state.trust = msgspec.msgpack.decode(trust, type=TrustState)


class Stored(NamedTuple):
    """The bytes of a stream: of the engine, of open sessions, of each agent."""

    shared: dict[str, bytes]
    sessions: list[tuple[int, bytes]]
    agents: dict[str, tuple[bytes, bytes]]


@pytest.fixture(scope="session")
def a_stream(
    an_engine: Callable[..., Engine], a_subject: Callable[..., AgentState]
) -> Callable[..., Stream]:
    """Build an engine with room for any number of agents; parameters as of `an_engine`."""

    def build(**config: Any) -> Stream:
        return Stream(an_engine(**config), a_subject)

    return build


@pytest.fixture(scope="session")
def a_known_stream(
    a_stream: Callable[..., Stream], an_event: Callable[..., Event]
) -> Callable[..., Stream]:
    """Build a stream that has judged a history; the history is judged once for all tests."""
    kept: dict[str, Stored] = {}

    def build(
        history: Callable[[Callable[..., Event]], Iterable[Event]],
        *,
        trusted_history: bool = False,
        **config: Any,
    ) -> Stream:
        name = f"{history.__module__}.{history.__qualname__} {trusted_history} {config}"
        if name not in kept:
            first = a_stream(**config)
            first.engine.trusted_history = trusted_history
            first.judge_all(history(an_event))
            kept[name] = first.stored()
        stream = a_stream(**config)
        stream.load(kept[name])
        return stream

    return build


class Desk:
    """A detector with one role, and sessions played through it."""

    def __init__(self, an_event: Callable[..., Event]) -> None:
        self.detector = PythonDetector(SECRET)
        self._an_event = an_event
        self._sessions = 0

    def event(self, tool: str = "bank.pay", **arguments: list[tuple[str, list[str]]]) -> Event:
        """Build a call; each argument is a list of (identifier, where it had stood)."""
        return self._an_event(tool=tool, argument_origins=arguments or None)

    def open(
        self,
        purpose: str = PAY,
        *,
        role: str = "clerk",
        p: float | None = None,
        agent_id: str = "billing-7",
        **more: bool,
    ) -> Session:
        """Open a session at its first moment."""
        self._sessions += 1
        at_us = microseconds(self._an_event(at=20 * self._sessions).time)
        session = self.detector.open(
            agent_id, "unknown", role, purpose, at_us, at_us, self._sessions,
            more.get("learning", True), more.get("trusted_history", False),
        )  # fmt: skip
        session.p = p
        return session

    def skip_a_day(self) -> None:
        """Let the next session open on another day."""
        self._sessions += 24 * 60 // 20

    def score(self, event: Event, purpose: str = PAY) -> CallScore:
        """Judge a call as the first of a new session."""
        return self.judge(self.open(purpose), event)

    def judge(self, session: Session, event: Event) -> CallScore:
        """Judge a call of an open session."""
        return self.detector.score(session, event.tool, event.argument_origins)

    def play(self, *events: Event, purpose: str = PAY, **more: Any) -> bool:
        """Play a session to its end and learn it; give whether anything was learned."""
        session = self.open(purpose, **more)
        for event in events:
            self.detector.record_call(session, self.judge(session, event))
        return self.detector.close(session)


@pytest.fixture
def an_empty_desk(an_event: Callable[..., Event]) -> Desk:
    """Build a content detector that has seen nothing."""
    return Desk(an_event)
