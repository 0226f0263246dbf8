"""Apply in the next commit what people did: decisions, comments, gates, suppressions, aliases."""

from __future__ import annotations

from datetime import datetime
from math import log2
from typing import TYPE_CHECKING, Any

from models.alerting.case import Case
from models.event import microseconds
from models.trust.disposition import decide_trust, decide_values
from models.trust.levels import quarantine, release
from models.trust.response import trust_answer
from models.trust.update import refresh_mode
from models.units import DAY_US
from pipeline.casework.gates import is_quarantined
from pipeline.identity.deciding import decided_alias
from pipeline.processing.judging.decided_cases import decided_case, held_in, is_note
from pipeline.publishing.cases import case_message
from pipeline.publishing.outputs import answer_message

if TYPE_CHECKING:
    from models.engine import Engine
    from models.trust.policy import TrustPolicy
    from pipeline.casework.in_force import InForce
    from pipeline.processing.agent_cache import Agents
    from pipeline.processing.batch_state import Key
    from pipeline.store.batch import Commit
    from pipeline.store.protocol import Store
    from pipeline.store.registers.audit import Action, Entry

MAX_DUE = 100
"""Most entries of the log that one commit applies; the next commit applies the rest."""
MAX_RETURNED = 500
"""Most hidden cases that one commit examines after a suppression has ended."""


class Writes:
    """Applies what people did to evidence, baselines, gates and cases.

    Parameters
    ----------
    store
        Holds the log.
    engine, agents
        What the entries change.
    in_force
        The suppressions.
    publish
        Whether messages are queued for a sink.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        agents: Agents,
        in_force: InForce,
        policy: TrustPolicy,
        *,
        publish: bool,
    ) -> None:
        self._store = store
        self._engine = engine
        self._agents = agents
        self._in_force = in_force
        self._policy = policy
        self._publish = publish
        self._hidden_after: str | None = ""

    def apply(self, out: Commit, at_us: int) -> tuple[dict[str, dict[str, Any]], list[Key]]:
        """Apply what is due at a wall time; give the changed cases and agents."""
        if self._in_force.refresh(at_us):
            self._hidden_after = ""
        cases: dict[str, dict[str, Any]] = {}
        keys: dict[Key, None] = {}
        for number, entry in self._store.audit.due(MAX_DUE):
            out.applied_writes.append(number)
            if entry.kind == "gate":
                keys |= dict.fromkeys(
                    self._set_gate(out, entry.action, entry.object, entry.version)
                )
                continue
            if entry.kind == "identity":
                keys |= dict.fromkeys(self._identify(out, entry))
                continue
            case = cases.get(entry.object) or self._store.case(entry.object)
            if case is None:
                continue
            if entry.kind == "comment":
                cases[entry.object] = case | {"comments": case["comments"] + 1}
                continue
            cases[entry.object] = self._decide(out, case, entry)
            for agent_id in self._store.agents_of_case(entry.object):
                keys |= dict.fromkeys(self._update_agent(out, agent_id, entry))
        self._return_hidden(cases)
        return cases, list(keys)

    def _decide(self, out: Commit, case: dict[str, Any], entry: Entry) -> dict[str, Any]:
        """Give a case after a decision; queue its message unless the case is hidden."""
        note = is_note(case, entry)
        made = self._in_force.settled(decided_case(case, entry), case)
        self._update_engine(made, entry, note=note)
        if self._publish and not note and made["suppressed_by"] is None:
            out.outbox.append(case_message(made))
        return made

    def _return_hidden(self, cases: dict[str, dict[str, Any]]) -> None:
        """Return cases to the queue whose suppression is over; that is no message."""
        if self._hidden_after is None:
            return
        found = self._store.audit.hidden_cases(self._hidden_after, MAX_RETURNED)
        self._hidden_after = found[-1]["case_id"] if len(found) == MAX_RETURNED else None
        for stored in found:
            case = cases.get(stored["case_id"], stored)
            settled = self._in_force.settled(case, case)
            if settled != stored:
                cases[case["case_id"]] = settled

    def _update_engine(self, case: dict[str, Any], entry: Entry, *, note: bool) -> None:
        """Close the case in the judge, or let events join it again."""
        cases, name = self._engine.cases, entry.object
        if note:
            cases.number(name, case["version"])
        elif entry.disposition is None:
            agents = self._store.agents_of_case(name)
            cases.reopen(_judged(case, [f"{one}\x1f{case['mode']}" for one in agents]))
        else:
            cases.decide(name, case["version"])

    def _update_agent(self, out: Commit, agent_id: str, entry: Entry) -> list[Key]:
        """Update evidence and held values of an agent; give its modes."""
        held = held_in(self._store.held(agent_id), entry.object)
        keep_shut = is_quarantined(self._store.audit, agent_id)
        for one in self._agents.in_all_modes(agent_id):
            decide_trust(one.trust, entry.object, entry.disposition, keep_shut=keep_shut)
            for mode, time_us, marks in held:
                if mode == one.trust.mode:
                    decide_values(one.profile, time_us, marks, entry.disposition)
        return self._refresh(out, agent_id, f"{entry.object}:{entry.version}")

    def _set_gate(self, out: Commit, action: Action, agent_id: str, version: int) -> list[Key]:
        """Shut or open the gate of an agent in all its modes; give them."""
        move = quarantine if action == "quarantine" else release
        for one in self._agents.in_all_modes(agent_id):
            one.trust.level_state = move(one.trust.level_state)
        return self._refresh(out, agent_id, f"{action}:{version}")

    def _identify(self, out: Commit, entry: Entry) -> list[Key]:
        """Write an alias; a merge shuts the gate of the agent if that of the identifier is shut."""
        agent_id = entry.target or entry.object
        out.aliases.append(decided_alias(entry, self._store.aliases.of_value(entry.object)))
        if entry.action != "merge" or not self._agents.is_shut(entry.object):
            return []
        if self._agents.is_shut(agent_id):
            return []
        return self._set_gate(out, "quarantine", agent_id, entry.version)

    def _refresh(self, out: Commit, agent_id: str, where: str) -> list[Key]:
        """Evaluate an agent again; queue its answer if that changed. Give its modes."""
        states = list(self._agents.in_all_modes(agent_id))
        at_us = max((one.profile.last_us for one in states), default=0)
        moved = [refresh_mode(one, at_us, self._policy) for one in states]
        if self._publish and any(moved):
            trusts = [one.trust for one in states]
            answer = trust_answer(trusts, agent_id, at_us, at_us, self._policy)
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
