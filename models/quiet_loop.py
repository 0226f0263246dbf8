"""The compiled loop over quiet events: those that are no case and no note.

At any other event the loop stops, and `models.engine.Engine` judges it, from its start or from its
score on. Both leave the same state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.alerting.cases import repeats
from models.engine import ScoredEvent
from models.explain.content import Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.baseline.agent_state import AgentState
    from models.baseline.identity import Declared
    from models.engine import Engine
    from models.event import Event


class QuietLoop:
    """Runs the compiled loop over batches.

    Parameters
    ----------
    engine
        The engine whose state the loop reads and changes.
    origin
        Maps source address, egress, network and country of an event to its `Origin`.
    infer
        Maps a tool to its operation.
    """

    def __init__(
        self, engine: Engine, origin: Callable[..., Any], infer: Callable[[str], str]
    ) -> None:
        native = engine.kernel
        assert native is not None  # noqa: S101 - the caller has looked
        self._native, self._engine = native, engine
        self._hashes = native.Hashes(engine.hasher.key)

        self._judge = native.QuietJudge(engine, origin, infer, self._is_repeated, Words())

    def _is_repeated(
        self, agent_id: str, mode: str, session: int, day: int, rare: bool
    ) -> bool | None:
        """Do as `models.alerting.cases.Cases.is_repeated`; None for a session without a case."""
        case = self._engine.cases.of_session(agent_id, mode, session)
        return None if case is None else repeats(case, day, rare=rare)

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
        return self._native.ActionBatch(values, arrived_us, max_ahead_us, self._hashes)

    def put(
        self,
        actions: Any,
        slot: int,
        agent_state: AgentState,
        declared: Declared,
        *,
        agent_wide: bool,
    ) -> None:
        """Give an agent to the loop for the events of a batch; settle its identity first.

        Parameters
        ----------
        agent_wide
            Whether any mode of the agent holds evidence that counts in all of them.
        """
        trust = agent_state.trust
        if trust.level_state.gate != "open" or trust.registered is False:
            actions.put(slot, None)
            return
        agent_state.profile = self._engine.profiles.own(agent_state.profile)
        filed = self._engine.cases.any_of(trust.agent_id, trust.mode)
        standing = trust.registered, declared.team
        actions.put(slot, agent_state, standing, (filed, agent_wide))

    def run(
        self,
        actions: Any,
        position: int,
        event_at: Callable[[int], Event],
        moved: Callable[[int, AgentState, int], None],
    ) -> tuple[int, ScoredEvent | None]:
        """Judge from a position on. Give the position of the stop, and the event if it is scored.

        Parameters
        ----------
        event_at
            Gives the event at a position.
        moved
            Called with the position of an event that changed the trust answer of its agent, the
            agent, and the event's time in microseconds.
        """
        position, scored = self._judge.run(actions, position, event_at, moved)
        return position, None if scored is None else ScoredEvent(*scored)
