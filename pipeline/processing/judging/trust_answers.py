"""Queue trust answers of agents to publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.trust.response import trust_answer
from pipeline.publishing.outputs import answer_message

if TYPE_CHECKING:
    from models.baseline.agent_state import AgentState
    from models.trust.policy import TrustPolicy
    from models.trust.response import Answer
    from models.trust.state import TrustState
    from pipeline.processing.agent_cache import Agents
    from pipeline.processing.batch_state import BatchState


class TrustAnswers:
    """Makes trust answers over all modes of an agent, and queues them.

    Parameters
    ----------
    agents
        The agents in memory.
    publish
        Whether there is a sink; without one nothing is made.
    """

    def __init__(self, agents: Agents, policy: TrustPolicy, *, publish: bool) -> None:
        self.policy = policy
        self._agents = agents
        self._publish = publish

    def make(self, batch: BatchState, agent_state: AgentState, time_us: int, where: str) -> None:
        """Make and queue the answer of an agent at an event, located in its stream."""
        if not self._publish:
            return
        states, agent_id = self._states(agent_state), agent_state.trust.agent_id
        self.queue(batch, trust_answer(states, agent_id, time_us, time_us, self.policy), where)

    def queue(self, batch: BatchState, answer: Answer, where: str) -> None:
        """Queue an answer that is already made."""
        batch.out.outbox.append(answer_message(answer, where))

    def _states(self, agent_state: AgentState) -> list[TrustState]:
        """Give the current states of the agent in all its modes, including unsaved ones."""
        return [one.trust for one in self._agents.in_all_modes(agent_state.trust.agent_id)]
