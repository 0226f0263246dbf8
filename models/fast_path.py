"""Events that are as usual, judged whole by the compiled kernel.

The kernel judges one event after the other for as long as there is nothing to say: no rule speaks,
no p-value is small, nothing is held. Where there is, it changes nothing and stops, and
`models.engine.Engine.judge`, the reference, does all of that event. Both leave the same state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from models.trust.fast_response import usual_answer
from models.trust.levels import LEVELS, Standing
from models.trust.update import stand
from models.units import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.baseline.agent_state import Subject
    from models.engine import Engine
    from models.replication.telling import Telling
    from models.trust.policy import TrustPolicy
    from models.trust.response import Answer
    from models.trust.state import TrustState

DONE, SECOND_LOOK, PACK, PUBLISH, HOUR, MOVED = range(6)
"""Why the kernel stopped: at the end; for the reference; for an agent that Python has changed; for
a snapshot of the peers that is due; after an event with which an hour of trust begins, which is for
the reference to look at, or was looked at and has moved."""


class Usual(NamedTuple):
    """An event of which nothing is to be said, with its numbers.

    Attributes
    ----------
    position
        Its place in the batch.
    session
        As the event names it; None where it does not.
    rank, p, pool, session_p
        As in `models.result.Assessment`.
    """

    position: int
    agent_id: str
    event_id: str
    session: str | None
    time_us: int
    carries_origins: bool
    rank: float
    p: float | None
    pool: str | None
    session_p: float | None


class Quiet:
    """The kernel's way through a batch.

    Parameters
    ----------
    engine
        Whose state is read and changed.
    origin
        From source address, egress, network and country of an event to its `Origin`.
    infer
        From a tool to what it does.
    publish
        Whether to stop where an agent's trust has moved.
    listen
        Whether the numbers of what is as usual are asked for (`usual`).
    """

    def __init__(
        self,
        engine: Engine,
        origin: Callable[..., Any],
        infer: Callable[[str], str],
        *,
        publish: bool = True,
        listen: bool = False,
    ) -> None:
        native = engine.kernel
        assert native is not None  # noqa: S101 - the caller has looked
        self._native, self._engine = native, engine
        self._hashes = native.Hashes(engine.hasher.key)
        self._judge = native.Judge(engine, self._hashes, origin, infer, (publish, listen))

    def read(self, values: list[bytes], arrived_us: int | list[int | None], ahead_us: int) -> Any:
        """Read records of the native format; what is at all unusual is left to the reference.

        Parameters
        ----------
        arrived_us
            When all of them arrived, or each; None for one that is left to the reference.
        ahead_us
            How far ahead of its arrival an event may be.
        """
        return self._native.Acts(values, arrived_us, ahead_us)

    def marks(self, acts: Any) -> list[tuple[int, int] | None]:
        """Give key and content of what was read, as `models.codec.hashing.Hasher` gives them."""
        marks: list[tuple[int, int] | None] = acts.marks(self._hashes)
        return marks

    def marks_by_day(self, acts: Any) -> dict[int, dict[int, int]] | None:
        """Give contents by key in order, by day; None where one is missing or a key comes twice."""
        found: dict[int, dict[int, int]] | None = acts.marks_by_day(self._hashes)
        return found

    def put(
        self,
        acts: Any,
        slot: int,
        subject: Subject,
        *,
        team: str | None = None,
        alone: bool = False,
        accused: bool = False,
    ) -> None:
        """Hand an agent to the kernel for the events of a batch; its trust says who it is.

        Parameters
        ----------
        team
            As the inventory says; None where it does not.
        alone
            Whether the agent acts in no other mode, before and in the batch.
        accused
            Whether any mode of the agent holds evidence that counts in all of them.
        """
        trust = subject.trust
        if trust.standing.gate != "open" or trust.registered is False:
            return
        agent = subject.profile.agent if subject.view is not None else None
        if agent is None:
            agent = self._engine.pack(subject)
        if not accused:
            _entrust(agent, trust)
        acts.put(slot, agent, trust.role, trust.owner, team, alone)

    def answer(self, modes: list[Subject], time_us: int) -> Answer | None:
        """Answer for an agent in all its modes, as of an event; None where the reference has to."""
        agents = []
        for subject in modes:
            agent = subject.profile.agent
            if agent is None or not _entrust(agent, subject.trust):
                return None
            agents.append(agent)
        found = self._judge.answer(agents, time_us)
        if found is None:
            return None
        place, parts = found
        return usual_answer(modes[place].trust, parts, time_us, self._engine.policy)

    def moved(self, subject_at: Callable[[int], Subject]) -> Iterator[tuple[int, Answer]]:
        """Give the answers about agents whose trust moved without a stop, with their positions.

        Parameters
        ----------
        subject_at
            From a slot to its agent.
        """
        for position, time_us, slot, parts in self._judge.moved():
            trust = subject_at(slot).trust
            yield position, usual_answer(trust, parts, time_us, self._engine.policy)

    def usual(self, acts: Any) -> Iterator[Usual]:
        """Give the events that were as usual since this was last asked, in order.

        There are none of a past that is vouched for.
        """
        for event, numbers in self._judge.numbers(acts):
            yield Usual(*event, *numbers)

    def run(self, acts: Any, position: int) -> tuple[int, int]:
        """Judge from a position on; give where it stopped and why."""
        peers = self._engine.peers
        while True:
            telling = self._engine.telling
            stopped: tuple[int, int] = self._judge.run(
                acts,
                position,
                peers.head,
                (peers.active_agents(), peers.events_each()),
                (telling is not None, self._engine.vouched),
            )
            position, why = stopped
            if telling is not None:
                self._tell(telling)
            if why != PUBLISH:
                return position, why
            peers.advance(acts.time_us(position))

    def _tell(self, telling: Telling) -> None:
        """Pass on what the kernel has to tell other engines."""
        sessions, voices = self._judge.told()
        for session in sessions:
            telling.finished(session)
        for agent_id, mode, hour in voices:
            telling.heard(agent_id, mode, hour)


def _entrust(agent: Any, trust: TrustState) -> bool:
    """Let the kernel look at an agent's trust, where nothing speaks against the agent."""
    if agent.entrusted:
        return True
    standing = trust.standing
    if trust.ledger.items or standing.gate != "open":
        return False
    days = list(trust.ledger.days.items())
    agent.entrust(days, LEVELS.index(standing.level), standing.above_since_us)
    return True


def tell(subject: Subject) -> None:
    """Bring an agent's trust up to what the kernel has judged since it was last told."""
    agent = subject.profile.agent
    if agent is None:
        return
    news = agent.news()
    if news is None:
        return
    events, last_us, state, clean, stood, version = news
    trust = subject.trust
    trust.events, trust.last_seen_us, trust.state = events, last_us, state
    trust.version = trust.version if version is None else version
    for day, number in clean:
        trust.ledger.count(day, number)
    if stood is not None:
        days, place, since = stood
        trust.ledger.days = days
        trust.standing = Standing(LEVELS[place], tuple(since), trust.standing.gate)


def look_at_trust(subject: Subject, time_us: int, policy: TrustPolicy) -> bool:
    """Look at the level of an agent that was told, as once an hour; whether its answer moved."""
    agent, trust = cast("Any", subject.profile.agent), subject.trust
    trust.ledger.prune(time_us, policy)
    _, published = agent.shown
    shown = stand(subject, trust.last_seen_us, policy)
    agent.show(time_us // HOUR_US, shown)
    return bool(shown != published)
