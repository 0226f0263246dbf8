"""The compiled loop over quiet events: those that are no case and no note.

At any other event the loop stops, and `models.engine.Engine` judges it, from its start or from its
score on. Both leave the same state.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from models.alerting.cases import repeats
from models.alerting.return_period import return_period_bits
from models.engine import ScoredEvent
from models.explain.content import Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.baseline.agent_state import AgentState
    from models.baseline.identity import Declared
    from models.engine import Engine
    from models.event import Event
    from models.result import Result


class QuietNumbers(NamedTuple):
    """The numbers of a quiet event.

    Attributes
    ----------
    s_sum, s_max
        Sum and maximum of the bits that the event has raised.
    own, whole
        Rarity of the event, and of its session; None for a session without a lead.
    session_p
        As in `models.result.Result`.
    agents
        Agents active on a day.
    known_days
        Days that the rates are estimated from; None while uncalibrated.
    """

    s_sum: float
    s_max: float
    own: float
    whole: float | None
    session_p: float | None
    agents: float
    known_days: int | None

    def complete(self, result: Result) -> Result:
        """Complete the result of an event that is no case and no note, and was learned."""
        result.s_sum, result.s_max, result.session_p = self.s_sum, self.s_max, self.session_p
        result.rank = return_period_bits(self.own, self.agents)
        result.learned = True
        if self.known_days is not None:
            result.p, result.p_pool, result.p_n = 2.0**-self.own, "fleet", self.known_days
            if self.whole is not None:
                result.return_period_days = 2.0 ** return_period_bits(self.whole, self.agents)
        return result


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
        note_from: int = sys.maxsize,
    ) -> tuple[int, ScoredEvent | None]:
        """Judge from a position on. Give the position of the stop, and the event if it is scored.

        Parameters
        ----------
        event_at
            Gives the event at a position.
        moved
            Called with the position of an event that changed the trust answer of its agent, the
            agent, and the event's time in microseconds.
        note_from
            First position whose quiet events are among `numbers`.
        """
        position, scored = self._judge.run(actions, position, event_at, moved, note_from)
        return position, None if scored is None else ScoredEvent(*scored)

    def numbers(self) -> dict[int, QuietNumbers]:
        """Give the numbers of the noted quiet events since the last call, by position."""
        return {at: QuietNumbers(*found) for at, found in self._judge.take_numbers()}
