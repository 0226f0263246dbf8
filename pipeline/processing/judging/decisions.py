"""Apply people's decisions about cases in the next commit."""

from __future__ import annotations

from datetime import datetime
from math import log2
from typing import TYPE_CHECKING, Any

from models.alerting.case import Case
from models.event import microseconds
from models.trust.disposition import decide_trust, decide_values
from models.trust.response import trust_answer
from models.trust.update import refresh_mode
from models.units import DAY_US
from pipeline.processing.judging.decided_cases import decided_case, held_in, is_note
from pipeline.publishing.cases import case_message
from pipeline.publishing.outputs import answer_message

if TYPE_CHECKING:
    from models.engine import Engine
    from models.trust.policy import TrustPolicy
    from pipeline.processing.agent_cache import Agents
    from pipeline.processing.batch_state import Key
    from pipeline.store.batch import Commit
    from pipeline.store.protocol import Store
    from pipeline.store.registers.decisions import Decision

MAX_DUE = 100
"""Most decisions that one commit applies; the next commit applies the rest."""


class DecidedCases:
    """Applies decisions to evidence, baselines and cases.

    Parameters
    ----------
    store
        Holds the log of decisions.
    engine, agents
        What the decisions change.
    publish
        Whether messages are queued for a sink.
    """

    def __init__(
        self, store: Store, engine: Engine, agents: Agents, policy: TrustPolicy, *, publish: bool
    ) -> None:
        self._store = store
        self._engine = engine
        self._agents = agents
        self._policy = policy
        self._publish = publish

    def apply(self, out: Commit) -> tuple[dict[str, dict[str, Any]], list[Key]]:
        """Apply the decisions that are due; give the changed cases and agents."""
        cases: dict[str, dict[str, Any]] = {}
        keys: dict[Key, None] = {}
        for number, decision in self._store.decisions.due(MAX_DUE):
            out.decided.append(number)
            case = cases.get(decision.case_id) or self._store.case(decision.case_id)
            if case is None:
                continue
            made = cases[decision.case_id] = decided_case(case, decision)
            note = is_note(case, decision)
            self._update_engine(made, decision, note=note)
            for agent_id in self._store.agents_of_case(decision.case_id):
                keys |= dict.fromkeys(self._update_agent(out, agent_id, decision))
            if self._publish and not note:
                out.outbox.append(case_message(made))
        return cases, list(keys)

    def _update_engine(self, case: dict[str, Any], decision: Decision, *, note: bool) -> None:
        """Close the case in the judge, or let events join it again."""
        cases, name = self._engine.cases, decision.case_id
        if note:
            cases.number(name, case["version"])
        elif decision.disposition is None:
            agents = self._store.agents_of_case(name)
            cases.reopen(_judged(case, [f"{one}\x1f{case['mode']}" for one in agents]))
        else:
            cases.decide(name, case["version"])

    def _update_agent(self, out: Commit, agent_id: str, decision: Decision) -> list[Key]:
        """Update evidence and held values of an agent; give its modes."""
        held = held_in(self._store.held(agent_id), decision.case_id)
        states = list(self._agents.in_all_modes(agent_id))
        for one in states:
            decide_trust(one.trust, decision.case_id, decision.disposition)
            for mode, time_us, marks in held:
                if mode == one.trust.mode:
                    decide_values(one.profile, time_us, marks, decision.disposition)
        at_us = max((one.profile.last_us for one in states), default=0)
        moved = [refresh_mode(one, at_us, self._policy) for one in states]
        if self._publish and any(moved):
            trusts = [one.trust for one in states]
            answer = trust_answer(trusts, agent_id, at_us, at_us, self._policy)
            where = f"{decision.case_id}:{decision.version}"
            out.outbox.append(answer_message(answer, where))
        return [(agent_id, one.trust.mode) for one in states]


def _judged(case: dict[str, Any], owners: list[str]) -> Case:
    """Give a stored case as the judge has it; events join it by their family."""
    first_us, last_us = (
        microseconds(datetime.fromisoformat(case[name])) for name in ("opened", "last")
    )
    days = case["return_period_days"]
    bits = 0.0 if days is None else log2(days)
    return Case(
        case["case_id"], case["agent_id"], case["mode"], first_us, last_us, bits,
        version=case["version"], leads=[one["detector"] for one in case["signals"]],
        events=case["events"]["count"], message_bits=bits, message_day=last_us // DAY_US,
        agents=owners,
    )  # fmt: skip
