"""The fast path: the compiled kernel judges ordinary events.

An ordinary event matches no rule, has no small p-value and is not held. At any other event the
kernel stops without side effects. `models.engine.Engine.judge`, the reference, then judges that
event. Both leave the same state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from models.trust.fast_response import fast_response
from models.trust.levels import LEVELS, LevelState
from models.trust.update import refresh_level
from models.units import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.baseline.agent_state import AgentState
    from models.engine import Engine
    from models.replication.announcements import Announcements
    from models.trust.policy import TrustPolicy
    from models.trust.response import Answer
    from models.trust.state import TrustState

DONE, REFERENCE, PACK, PUBLISH, HOUR, TRUST_CHANGED = range(6)
"""Why the kernel stopped.

- DONE: the batch is complete.
- REFERENCE: the reference judges this event.
- PACK: Python has changed this agent.
- PUBLISH: a snapshot of the peers is due.
- HOUR: an hour of trust begins, and the reference evaluates it.
- TRUST_CHANGED: the kernel evaluated trust, and the answer changed.
"""


class OrdinaryEvent(NamedTuple):
    """An ordinary event with its numbers.

    Attributes
    ----------
    position
        Its index in the batch.
    session
        As the event names it; None where it does not.
    rank, p, pool, session_p
        As in `models.result.Result`.
    """

    position: int
    agent_id: str
    event_id: str
    session: str | None
    time_us: int
    has_origins: bool
    rank: float
    p: float | None
    pool: str | None
    session_p: float | None


class FastPath:
    """Runs the compiled kernel over a batch.

    Parameters
    ----------
    engine
        The engine whose state the kernel reads and changes.
    origin
        Maps source address, egress, network and country of an event to its `Origin`.
    infer
        Maps a tool to its operation.
    publish
        Whether to stop where an agent's trust has changed.
    listen
        Whether to keep the numbers of ordinary events for `ordinary_events`.
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

    def read(
        self, values: list[bytes], arrived_us: int | list[int | None], max_ahead_us: int
    ) -> Any:
        """Read records of the native format. The reference reads all irregular ones.

        Parameters
        ----------
        arrived_us
            Arrival of all records, or of each. None leaves a record to the reference.
        max_ahead_us
            Most microseconds that an event may be ahead of its arrival.
        """
        return self._native.ActionBatch(values, arrived_us, max_ahead_us)

    def marks(self, actions: Any) -> list[tuple[int, int] | None]:
        """Give the hashes of key and content of each record: `models.codec.hashing.Hasher`."""
        marks: list[tuple[int, int] | None] = actions.marks(self._hashes)
        return marks

    def marks_by_day(self, actions: Any) -> dict[int, dict[int, int]] | None:
        """Give contents by day and key. None where a record is missing or a key comes twice."""
        found: dict[int, dict[int, int]] | None = actions.marks_by_day(self._hashes)
        return found

    def put(
        self,
        actions: Any,
        slot: int,
        agent_state: AgentState,
        *,
        team: str | None = None,
        alone: bool = False,
        agent_wide: bool = False,
    ) -> None:
        """Give an agent to the kernel for the events of a batch.

        Parameters
        ----------
        team
            Team in the inventory. None without one.
        alone
            Whether the agent acts in no other mode, before and in the batch.
        agent_wide
            Whether any mode of the agent holds evidence that counts in all of them.
        """
        trust = agent_state.trust
        if trust.level_state.gate != "open" or trust.registered is False:
            return
        agent = agent_state.profile.agent if agent_state.view is not None else None
        if agent is None:
            agent = self._engine.pack(agent_state)
        if not agent_wide:
            _load_trust(agent, trust)
        actions.put(slot, agent, trust.role, trust.owner, team, alone)

    def answer(self, modes: list[AgentState], time_us: int) -> Answer | None:
        """Give the trust answer over all modes at an event. None leaves it to the reference."""
        agents = []
        for agent_state in modes:
            agent = agent_state.profile.agent
            if agent is None or not _load_trust(agent, agent_state.trust):
                return None
            agents.append(agent)
        found = self._judge.answer(agents, time_us)
        if found is None:
            return None
        index, parts = found
        return fast_response(modes[index].trust, parts, time_us, self._engine.policy)

    def trust_changes(
        self, subject_at: Callable[[int], AgentState]
    ) -> Iterator[tuple[int, Answer]]:
        """Give the answers about agents whose trust changed without a stop, with positions.

        Parameters
        ----------
        subject_at
            Maps a slot to its agent.
        """
        for position, time_us, slot, parts in self._judge.trust_changes():
            trust = subject_at(slot).trust
            yield position, fast_response(trust, parts, time_us, self._engine.policy)

    def ordinary_events(self, actions: Any) -> Iterator[OrdinaryEvent]:
        """Give the ordinary events since the last call, in order.

        A trusted history gives none.
        """
        for event, numbers in self._judge.numbers(actions):
            yield OrdinaryEvent(*event, *numbers)

    def run(self, actions: Any, position: int) -> tuple[int, int]:
        """Judge from a position on. Give the position and the reason of the stop."""
        fleet = self._engine.fleet
        while True:
            announcements = self._engine.announcements
            stopped: tuple[int, int] = self._judge.run(
                actions,
                position,
                fleet.head,
                (fleet.active_agents(), fleet.events_per_agent()),
                (announcements is not None, self._engine.trusted_history),
            )
            position, why = stopped
            if announcements is not None:
                self._announce(announcements)
            if why != PUBLISH:
                return position, why
            fleet.advance(actions.time_us(position))

    def _announce(self, announcements: Announcements) -> None:
        """Pass the announcements of the kernel to other engines."""
        sessions, activity = self._judge.announcements()
        for session in sessions:
            announcements.session_finished(session)
        for agent_id, mode, hour in activity:
            announcements.agent_seen(agent_id, mode, hour)


def _load_trust(agent: Any, trust: TrustState) -> bool:
    """Let the kernel evaluate an agent's trust. Only for an agent without negative evidence."""
    if agent.trust_loaded:
        return True
    level_state = trust.level_state
    if trust.ledger.items or level_state.gate != "open":
        return False
    days = list(trust.ledger.days.items())
    agent.load_trust(days, LEVELS.index(level_state.level), level_state.above_since_us)
    return True


def sync_trust(agent_state: AgentState) -> None:
    """Copy the changes that the kernel made to an agent into its trust state."""
    agent = agent_state.profile.agent
    if agent is None:
        return
    changes = agent.take_changes()
    if changes is None:
        return
    events, last_us, state, clean, level_state, version = changes
    trust = agent_state.trust
    trust.events, trust.last_seen_us, trust.state = events, last_us, state
    trust.version = trust.version if version is None else version
    for day, number in clean:
        trust.ledger.count(day, number)
    if level_state is not None:
        days, index, since = level_state
        trust.ledger.days = days
        trust.level_state = LevelState(LEVELS[index], tuple(since), trust.level_state.gate)


def refresh_trust(agent_state: AgentState, time_us: int, policy: TrustPolicy) -> bool:
    """Evaluate the hourly trust of a synchronised agent. True where its answer changed."""
    agent, trust = cast("Any", agent_state.profile.agent), agent_state.trust
    trust.ledger.prune(time_us, policy)
    _, published = agent.shown
    shown = refresh_level(agent_state, trust.last_seen_us, policy)
    agent.show(time_us // HOUR_US, shown)
    return bool(shown != published)
