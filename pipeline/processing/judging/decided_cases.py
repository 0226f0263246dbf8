"""What a decision about a case does: computed for a preview, saved, and applied by the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.event import rfc3339
from models.trust.agent_evidence import ledger_in
from models.trust.disposition import decide_trust, decided_severity
from models.trust.opinion import opinion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.trust.policy import TrustPolicy
    from models.trust.state import TrustState
    from pipeline.store.batch import HeldRow
    from pipeline.store.registers.audit import Entry

_LEARNS = ("benign", "expected_change")
_held = msgspec.msgpack.Decoder(tuple[str, list[int]]).decode


def effect_of(
    case: dict[str, Any],
    decision: Entry,
    states: Sequence[TrustState],
    held: Iterable[HeldRow],
    policy: TrustPolicy,
    *,
    keep_shut: bool = False,
) -> dict[str, Any]:
    """Apply a decision to the states of the agent that opened the case; describe the effect.

    Parameters
    ----------
    states
        Its trust states in all modes; they change.
    held
        Its events that are held back from learning.
    keep_shut
        A person has quarantined the agent.
    """
    before = _trust(case, states, policy)
    for state in states:
        decide_trust(state, decision.object, decision.disposition, keep_shut=keep_shut)
    after = _trust(case, states, policy)
    number = len(held_in(held, decision.object))
    closes = decision.disposition not in (None, "unclear")
    shut = keep_shut or any(state.level_state.gate == "quarantined" for state in states)
    return {
        "trust": {"before": before, "after": after},
        "closes": [decision.object] if closes and case["status"] != "closed" else [],
        "events_learned": number if decision.disposition in _LEARNS else 0,
        "events_dropped": number if decision.disposition == "malicious" else 0,
        "gate": "quarantined" if shut else "open",
    }


def held_in(rows: Iterable[HeldRow], case_id: str) -> list[tuple[str, int, list[int]]]:
    """Give mode, time and marks of the events that a case holds back from learning."""
    found = []
    for _, _, mode, time_us, blob in rows:
        name, marks = _held(blob)
        if name == case_id:
            found.append((mode, time_us, marks))
    return found


def is_note(case: dict[str, Any], decision: Entry) -> bool:
    """Return whether a decision changes nothing but the case's note, as ``unclear`` does."""
    before = case["disposition"]
    return decision.disposition == "unclear" or (
        decision.disposition is None and before == "unclear"
    )


def decided_case(case: dict[str, Any], decision: Entry) -> dict[str, Any]:
    """Give the next version of a case after a decision.

    A decision closes the case, except ``unclear``. Taking a decision back opens it.
    """
    out = case | {"version": case["version"] + 1, "disposition": decision.disposition}
    out["decision"] = {
        "by": decision.by,
        "at": rfc3339(decision.at_us),
        "reason": decision.reason,
        "scope": None if decision.scope is None else decision.scope.members(),
        "until": decision.until,
    }
    if is_note(case, decision):
        return out
    confirmed = decision.disposition == "malicious"
    out["severity"] = decided_severity(case["severity"], confirmed=confirmed)
    if decision.disposition is None:
        return out | {"status": "open", "change": "opened"}
    return out | {"status": "closed", "change": "closed"}


def _trust(
    case: dict[str, Any], states: Sequence[TrustState], policy: TrustPolicy
) -> dict[str, int] | None:
    state = next((one for one in states if one.mode == case["mode"]), None)
    if state is None:
        return None
    at_us = max(one.last_seen_us for one in states)
    found = opinion(ledger_in(state, states, policy), at_us, policy)
    return {"score": round(found.score), "lower": int(found.lower)}
