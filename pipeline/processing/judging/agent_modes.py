"""What the modes of an agent share: announced changes, identity, and evidence about identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from models.baseline.identity import as_known, fill, may_begin
from models.trust.update import refresh_mode
from pipeline.processing.judging.event_in_mode import EventInMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.trust.policy import TrustPolicy
    from models.trust.state import TrustState
    from pipeline.enrichment.enricher import Enricher
    from pipeline.enrichment.inventory import Inventory
    from pipeline.processing.agent_cache import Agents
    from pipeline.processing.batch_state import BatchState


class AgentModes:
    """Gives an event in the modes that it applies to, and shares identity between modes.

    Parameters
    ----------
    agents
        The agents in memory.
    enricher, inventory
        What is known of addresses and of agents beside the events.
    """

    def __init__(
        self, agents: Agents, enricher: Enricher, inventory: Inventory, policy: TrustPolicy
    ) -> None:
        self._agents = agents
        self._enricher = enricher
        self._inventory = inventory
        self._policy = policy

    def events(self, batch: BatchState, position: int) -> Iterator[EventInMode]:
        """Give the event at a position in each mode that it applies to.

        Judge each one before the next: the modes share what the first one establishes.
        """
        decoded = batch.events.event(position)
        event = decoded.event
        first: TrustState | None = None
        origin = self._enricher.origin(event.network)
        declared = self._inventory.declared(event.agent.id)
        for among, in_mode in enumerate(self._in_modes(event)):
            key = (in_mode.agent.id, in_mode.mode)
            batch.change(key, position, among)
            agent_state = self._agents.agent_state(key)
            if may_begin(in_mode, agent_state.trust, declared):
                self._agents.fill(agent_state.trust)
            # A claim refused in the first mode is not refused again in the others.
            one = in_mode if first is None else as_known(in_mode, first)
            yield EventInMode(
                decoded.record, one, origin, decoded.time_us, agent_state, declared, position, among
            )
            first = first or agent_state.trust

    def _in_modes(self, event: Event) -> list[Event]:
        if event.kind == "action":
            return [event]
        states = list(self._agents.in_all_modes(event.agent.id))
        if event.kind == "security_event":
            # Its evidence counts in all modes, so one of them judges it: the latest, if none said.
            states = [one for one in states if one.trust.mode == event.mode] or states
            states = sorted(states, key=_last_active)[-1:]
        # An announced change applies to all modes of the agent.
        known = [one.trust.mode for one in states]
        return [msgspec.structs.replace(event, mode=mode) for mode in known or [event.mode]]

    def share_identity(self, batch: BatchState, step: EventInMode) -> None:
        """Apply the first claimed role and owner to the agent's other modes."""
        trust = step.agent_state.trust
        for other in self._agents.in_all_modes(trust.agent_id):
            if other is not step.agent_state:
                fill(other.trust, [trust])
                batch.change((trust.agent_id, other.trust.mode), step.position, 1)

    def apply_identity_evidence(self, batch: BatchState, step: EventInMode) -> bool:
        """Apply identity evidence to the agent's other modes; return whether a level moved."""
        agent_state, moved = step.agent_state, False
        agent_id, at_us = agent_state.trust.agent_id, agent_state.profile.last_us
        self._agents.note_agent_wide_evidence(agent_id)
        for place, other in enumerate(self._agents.in_all_modes(agent_id), step.among + 1):
            if other is not agent_state:
                moved |= refresh_mode(other, at_us, self._policy)
                batch.change((agent_id, other.trust.mode), step.position, place)
        return moved


def _last_active(agent_state: AgentState) -> tuple[int, str]:
    return agent_state.trust.last_seen_us, agent_state.trust.mode
