"""Make encoded trust answers, with the time until which each holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from models.event import microseconds
from models.trust.opinion import TrustPolicy
from models.trust.response import Answer, Obligation, trust_answer
from models.trust.state import TrustState
from models.units import SECOND_US
from scoring_api.trust_cache.cached_agent import Entry, Known, Question
from scoring_api.trust_cache.staleness import Staleness


class AnswerMaker:
    """Makes the answers of agents, known or not.

    Parameters
    ----------
    staleness
        The age of what the cache knows.
    policy, obligations
        Parameters of answers.
    longest_us
        Longest life of an answer over a recording; None for a stream.

    Attributes
    ----------
    announced
        Agents whose gate a person has shut; it counts for those without a state.
    """

    def __init__(
        self,
        staleness: Staleness,
        policy: TrustPolicy,
        obligations: Mapping[str, Obligation],
        longest_us: int | None,
    ) -> None:
        self._staleness = staleness
        self._policy = policy
        self._obligations = obligations
        self._longest_us = longest_us
        self.announced: frozenset[str] = frozenset()
        self._unknown_question: tuple[object, ...] = ()
        self._unknown_answer: Answer

    def make(self, known: Known, question: Question, now_us: int) -> Entry:
        """Make the answer of an agent."""
        answer = self._answer(known.states(), known.agent_id, question, now_us)
        return self._entry(answer, now_us)

    def nobody(self, agent_id: str, question: Question, now_us: int) -> Entry:
        """Make the answer of an unknown agent; in a batch only the first one is computed.

        Only the last answer is cached, so that invented ids cannot fill the memory.
        """
        age = self._staleness
        shut = agent_id in self.announced
        asked = (question, now_us, age.at_us(now_us), age.late_us(now_us), age.stale, shut)
        if self._unknown_question != asked:
            self._unknown_question = asked
            self._unknown_answer = self._answer([], agent_id, question, now_us)
        answer = msgspec.structs.replace(self._unknown_answer, agent_id=agent_id)
        return self._entry(answer, now_us)

    def _answer(
        self, states: list[TrustState], agent_id: str, question: Question, now_us: int
    ) -> Answer:
        age = self._staleness
        return trust_answer(
            states,
            agent_id,
            age.at_us(now_us),
            now_us,
            self._policy,
            self._obligations,
            shut=not states and agent_id in self.announced,
            stale=age.stale,
            lag_us=age.late_us(now_us) or 0,
            mode=question[0],
            operation=question[1],
        )

    def _entry(self, answer: Answer, now_us: int) -> Entry:
        expires = microseconds(datetime.fromisoformat(answer.valid_until))
        if self._longest_us is not None:
            # A second of wall time is minutes of a recording, so answers expire early.
            expires = min(expires, now_us + self._longest_us)
        stale = self._staleness.stale
        # A stale answer expires at once for its reader, but is computed once a second only.
        holds = now_us + SECOND_US if stale else expires
        return Entry(answer, expires, holds, stale=stale)
