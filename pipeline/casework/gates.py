"""Quarantine and release of an agent, each in two steps: what it would do, then doing it.

A person may quarantine an agent that has no event yet. The log has the quarantine until the agent
begins, which then begins with a shut gate.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from models.event import rfc3339
from models.trust.levels import quarantine, release
from models.trust.response import trust_answer
from models.units import MINUTE_US
from pipeline.casework.comments import LONGEST
from pipeline.casework.refusal import Refusal
from pipeline.casework.roots import root_of
from pipeline.identity.alias import is_name
from pipeline.store.registers.audit import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.trust.levels import Gate
    from models.trust.response import Answer
    from models.trust.state import TrustState
    from pipeline.casework.desk import Desk
    from pipeline.store.registers.audit import AuditLog

GateAction = Literal["quarantine", "release"]

VALID_US = 5 * MINUTE_US
"""How long a confirmation holds."""
_RESULT: dict[GateAction, Gate] = {"quarantine": "quarantined", "release": "open"}
_EFFECT: dict[GateAction, str] = {
    "quarantine": "policy decision points deny every call of the agent until a person releases it, "
    "whatever its score; nothing is learned from it meanwhile",
    "release": "the level of trust decides again about calls of the agent; the evidence against it "
    "stays, and its events are learned again",
}


def is_quarantined(log: AuditLog, agent_id: str) -> bool:
    """Tell whether a person has quarantined an agent and nobody has released it since."""
    found = log.latest("gate", agent_id)
    return found is not None and found[1].action == "quarantine"


def gate_of(desk: Desk, agent_id: str) -> Gate | None:
    """Give the gate of an agent, with an action that waits; None for one that nobody knows."""
    found = desk.store.audit.latest("gate", agent_id)
    states = desk.store.states(agent_id)
    gate = _gate_now(desk, states, found)
    return gate if states or gate == "quarantined" else None


def shutting(desk: Desk, agent_id: str, reason: str) -> Entry:
    """Give the entry that quarantines an agent because of another one."""
    found = desk.store.audit.latest("gate", agent_id)
    return Entry(
        action="quarantine", object=agent_id, version=0 if found is None else found[1].version + 1,
        by=desk.by, at_us=desk.at_us, reason=reason[:LONGEST], agent_id=agent_id,
    )  # fmt: skip


def set_gate(
    desk: Desk, agent_id: str, action: GateAction, reason: str, confirm: str | None = None
) -> dict[str, Any]:
    """Say what an action would do; with the confirmation of that answer, do it.

    Parameters
    ----------
    confirm
        Confirmation of the first step: it holds for this agent, action, person and state of the
        gate, for five minutes.

    The gate of an alias is that of its agent.

    Raises
    ------
    Refusal
        The gate is so already, the confirmation does not hold, or the id is none of an agent.
    """
    root = root_of(desk.store, agent_id)
    agent_id = root if desk.store.states(root) else agent_id
    states = desk.store.states(agent_id)
    found = desk.store.audit.latest("gate", agent_id)
    if not states and found is None:
        _check_new(agent_id, action)
    before, wanted = _gate_now(desk, states, found), _RESULT[action]
    by_person = found is not None and found[1].action == "quarantine"
    if before == wanted and (action == "release" or by_person):
        raise Refusal("conflict", f"the gate of the agent is {before} already")
    version = 0 if found is None else found[1].version + 1
    parts = (agent_id, action, str(version), before, desk.by)
    if confirm is not None:
        _check(desk, confirm, parts)
        entry = Entry(
            action=action, object=agent_id, version=version, by=desk.by, at_us=desk.at_us,
            reason=reason, agent_id=agent_id,
        )  # fmt: skip
        if not desk.store.audit.add(entry):
            raise Refusal("conflict", "somebody else has set the gate meanwhile; ask again")
    end_us = desk.at_us + VALID_US
    return {
        "agent_id": agent_id,
        "action": action,
        "known": bool(states),
        "done": confirm is not None,
        "effect": _EFFECT[action],
        "before": _state(desk, states, agent_id, before),
        "after": _state(desk, states, agent_id, wanted),
        "confirm": None if confirm is not None else _confirmation(desk, end_us, parts),
        "confirm_until": None if confirm is not None else rfc3339(end_us),
    }


def _check_new(agent_id: str, action: GateAction) -> None:
    """Refuse an id that no agent can have, and a release of an agent that nobody knows."""
    if action == "release":
        raise Refusal("missing", "no such agent")
    if not is_name(agent_id):
        raise Refusal("wrong", "an agent's id has 1 to 256 characters, and no NUL")


def _gate_now(desk: Desk, states: Sequence[TrustState], found: tuple[int, Entry] | None) -> Gate:
    """Give the gate, with an action that no worker has applied yet, or none can."""
    if found is not None and (not states or desk.store.audit.is_due(found[0])):
        return "quarantined" if found[1].action == "quarantine" else "open"
    shut = any(one.level_state.gate == "quarantined" for one in states)
    return "quarantined" if shut else "open"


def _state(desk: Desk, states: Sequence[TrustState], agent_id: str, gate: Gate) -> dict[str, Any]:
    """Give what policy decision points get with a gate."""
    move = quarantine if gate == "quarantined" else release
    answer: Answer = trust_answer(
        [replace(one, level_state=move(one.level_state)) for one in states],
        agent_id,
        max((one.last_seen_us for one in states), default=desk.at_us),
        desk.at_us,
        desk.policy,
        desk.obligations,
        shut=gate == "quarantined",
    )
    asked = answer.obligations
    return {
        "gate": answer.gate,
        "level": answer.level,
        "score": answer.score,
        "lower": answer.lower,
        "obligations": {
            "max_credential_ttl_s": asked.max_credential_ttl_s,
            "step_up": asked.step_up,
        },
    }


def _confirmation(desk: Desk, end_us: int, parts: tuple[str, ...]) -> str:
    return f"{end_us:x}.{desk.store.audit.confirmation(f'{end_us:x}', *parts)}"


def _check(desk: Desk, confirm: str, parts: tuple[str, ...]) -> None:
    """Refuse a confirmation of something else, or one that is over."""
    end, _, word = confirm.partition(".")
    mine = desk.store.audit.confirmation(end, *parts)
    if not compare_digest(word.encode(), mine.encode()):
        raise Refusal(
            "conflict",
            "the confirmation is of another agent, action, person or state of the gate; ask again",
        )
    if int(end, 16) < desk.at_us:
        raise Refusal("conflict", "the confirmation is over, it holds for five minutes; ask again")
