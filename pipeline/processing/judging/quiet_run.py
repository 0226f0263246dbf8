"""Run the compiled loop over the quiet events of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.baseline.identity import settle
from pipeline.processing.judging.refused_uses import leave_refused

if TYPE_CHECKING:
    from models.baseline.agent_state import AgentState
    from models.engine import ScoredEvent
    from models.quiet_loop import QuietLoop
    from pipeline.enrichment.inventory import Inventory
    from pipeline.processing.agent_cache import Agents
    from pipeline.processing.batch_state import BatchState
    from pipeline.processing.detector_failures import DetectorFailures
    from pipeline.processing.judging.trust_answers import TrustAnswers


class QuietRun:
    """Passes the agents of a batch to the loop, lets it judge, and takes the trust that changed.

    Parameters
    ----------
    loop
        The compiled loop.
    agents
        The agents in memory.
    inventory
        Declares role, owner and team of an agent.
    failures
        Notes which registered detectors fail.
    trust_answers
        Takes the trust answers that changed.
    """

    def __init__(
        self,
        loop: QuietLoop,
        agents: Agents,
        inventory: Inventory,
        failures: DetectorFailures,
        trust_answers: TrustAnswers,
    ) -> None:
        self.loop = loop
        self._agents = agents
        self._inventory = inventory
        self._failures = failures
        self._trust_answers = trust_answers

    def begin(self, batch: BatchState) -> None:
        """Pass all known agents of a batch to the loop, except for uses that are not allowed."""
        if self._inventory.is_limited:
            leave_refused(batch, self._inventory)
        for slot in range(len(batch.slots)):
            self._put(batch, slot)

    def put_again(self, batch: BatchState, agent_id: str) -> None:
        """Pass an agent that Python changed to the loop again, in all its modes."""
        for slot in batch.slots_of.get(agent_id, ()):
            self._put(batch, slot)

    def _put(self, batch: BatchState, slot: int) -> None:
        """Pass a known agent to the loop; an agent without state is not passed."""
        key = batch.slots[slot]
        agent_state = self._agents.known(key)
        if agent_state is None:
            return
        declared = self._inventory.declared(key[0])
        settle(agent_state.trust, declared)
        self.loop.put(
            batch.events.actions, slot, agent_state, declared,
            agent_wide=self._agents.has_agent_wide_evidence(key[0]),
        )  # fmt: skip

    def run(self, batch: BatchState, position: int) -> tuple[int, ScoredEvent | None]:
        """Judge from a position on; give the position of the stop, and the event if it is scored.

        The event at a stop is left to the reference.
        """
        events, start = batch.events, position

        def moved(at: int, agent_state: AgentState, time_us: int) -> None:
            self._trust_answers.make(batch, agent_state, time_us, batch.where(at))

        position, scored = self.loop.run(
            events.actions, position, lambda at: events.event(at).event, moved, batch.kept_from
        )
        batch.count["events"] += position - start
        self._failures.note(batch.count)
        return position, scored
