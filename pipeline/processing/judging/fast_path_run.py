"""Run the compiled kernel over the ordinary events of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.baseline.identity import settle
from models.fast_path import HOUR, PACK, TRUST_CHANGED, refresh_trust, sync_trust

if TYPE_CHECKING:
    from models.baseline.agent_state import AgentState
    from models.fast_path import FastPath
    from pipeline.enrichment.inventory import Inventory
    from pipeline.processing.agent_cache import Agents
    from pipeline.processing.batch_state import BatchState, Key
    from pipeline.processing.judging.observers import Listener
    from pipeline.processing.judging.trust_answers import TrustAnswers


class FastPathRun:
    """Passes the agents of a batch to the kernel, lets it judge, and updates trust where it stops.

    Parameters
    ----------
    fast_path
        The compiled kernel.
    agents
        The agents in memory.
    inventory
        Declares role, owner and team of an agent.
    trust_answers
        Takes the trust answers that changed.
    listener
        Gets the results of the kernel; None where nobody asks.
    """

    def __init__(
        self,
        fast_path: FastPath,
        agents: Agents,
        inventory: Inventory,
        trust_answers: TrustAnswers,
        listener: Listener | None,
    ) -> None:
        self.compiled = fast_path
        self._agents = agents
        self._inventory = inventory
        self._trust_answers = trust_answers
        self._listener = listener

    def begin(self, batch: BatchState) -> None:
        """Pass all known agents of a batch to the kernel."""
        for slot in range(len(batch.slots)):
            self._put(batch, slot)

    def put_new(self, batch: BatchState, position: int) -> None:
        """Pass the agent of the event at a position to the kernel, if it is new."""
        slot = batch.events.actions.slot(position)
        if slot >= 0 and not batch.in_kernel[slot]:
            self._put(batch, slot)

    def put_again(self, batch: BatchState, key: Key) -> None:
        """Pass an agent that Python changed to the kernel again, if the kernel has it."""
        slot = batch.slot_of.get(key, -1)
        if slot >= 0 and batch.in_kernel[slot]:
            self._put(batch, slot)

    def _put(self, batch: BatchState, slot: int) -> None:
        """Pass a known agent to the kernel; an agent without state is not passed."""
        key = batch.slots[slot]
        agent_state = self._agents.known(key)
        batch.in_kernel[slot] = agent_state is not None
        if agent_state is None:
            return
        declared = self._inventory.declared(key[0])
        settle(agent_state.trust, declared)
        alone = key[0] not in batch.several and self._agents.has_only(key)
        self.compiled.put(
            batch.events.actions, slot, agent_state, team=declared.team, alone=alone,
            agent_wide=self._agents.has_agent_wide_evidence(key[0]),
        )  # fmt: skip

    def run(self, batch: BatchState, position: int) -> int:
        """Let the kernel judge from a position on; return the position where it stops."""
        actions = batch.events.actions
        while True:
            start = position
            position, why = self.compiled.run(actions, position)
            batch.count["events"] += position - start
            if self._listener is not None:
                self._notify(batch, self._listener)
            self._queue_changes(batch)
            if why == PACK:
                self._put(batch, actions.slot(position))
            elif why in (HOUR, TRUST_CHANGED):
                self._update_trust(batch, position, updated=why == TRUST_CHANGED)
                batch.count["events"] += 1
                position += 1
            else:
                return position

    def _notify(self, batch: BatchState, listener: Listener) -> None:
        """Pass the results of the kernel to the listener."""
        actions = batch.events.actions
        for result in self.compiled.ordinary_events(actions):
            agent_state = self._agent_at(batch, actions.slot(result.position))
            listener(batch.where(result.position), result, agent_state.trust.role)

    def _queue_changes(self, batch: BatchState) -> None:
        """Queue the answers that changed without a stop of the kernel."""
        for at, answer in self.compiled.trust_changes(lambda slot: self._agent_at(batch, slot)):
            self._trust_answers.queue(batch, answer, batch.where(at))

    def _agent_at(self, batch: BatchState, slot: int) -> AgentState:
        return self._agents[batch.slots[slot]]

    def _update_trust(self, batch: BatchState, position: int, *, updated: bool) -> None:
        """Update trust after an event, unless the kernel did; publish it if it changed."""
        actions = batch.events.actions
        agent_state = self._agent_at(batch, actions.slot(position))
        time_us, where = actions.time_us(position), batch.where(position)
        answer = None
        if updated:
            modes = list(self._agents.in_all_modes(agent_state.trust.agent_id))
            answer = self.compiled.answer(modes, time_us)
        if answer is not None:
            self._trust_answers.queue(batch, answer, where)
            return
        sync_trust(agent_state)
        if updated or refresh_trust(agent_state, time_us, self._trust_answers.policy):
            self._trust_answers.make(batch, agent_state, time_us, where)
