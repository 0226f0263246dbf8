"""Rows, evidence and history of agents, for the inventory routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import to_builtins

from models.event import rfc3339
from models.trust.agent_evidence import ledger_in
from models.trust.ledger import Item
from models.trust.levels import risk_level
from models.trust.opinion import Effect, TrustPolicy, effects, opinion
from models.trust.response import Answer
from models.trust.state import TrustState, registered_of, seen_of
from models.units import DAY_US
from pipeline.inventory.registered import Registered


def row(
    states: Sequence[TrustState],
    answer: Answer,
    silent: dict[str, Any] | None,
    entry: dict[str, Any],
) -> dict[str, Any]:
    """Describe one agent; its facts are those of its most recent mode.

    Parameters
    ----------
    entry
        What the inventory says of it.
    """
    latest = max(states, key=lambda state: state.last_seen_us)
    reasons = answer.reasons
    return {
        "agent_id": answer.agent_id,
        "role": latest.role,
        "owner": latest.owner,
        "version": latest.version,
        "registered": registered_of(states),
        "claims": latest.claims,
        "state": answer.state,
        "level": answer.level,
        "gate": answer.gate,
        "score": answer.score,
        "lower": answer.lower,
        "modes": sorted(state.mode for state in states),
        "events": sum(state.events for state in states),
        **seen_of(states),
        "silent": silent,
        "recovers": to_builtins(answer.recovers),
        "top_reason": to_builtins(reasons[0]) if reasons else None,
        **entry,
    }


def unseen_row(
    agent_id: str, registered: Registered | None, answer: Answer, entry: dict[str, Any]
) -> dict[str, Any]:
    """Describe an agent without events.

    Parameters
    ----------
    registered, entry
        Its entry in the inventory, and what of it every row has.
    """
    return {
        "agent_id": agent_id,
        "role": registered.role if registered else None,
        "owner": registered.owner if registered else None,
        "version": None,
        "registered": registered is not None,
        "claims": {},
        "state": answer.state,
        "level": answer.level,
        "gate": answer.gate,
        "score": answer.score,
        "lower": answer.lower,
        "modes": [],
        "events": 0,
        "first_seen": None,
        "last_seen": None,
        "silent": None,
        "recovers": to_builtins(answer.recovers),
        "top_reason": None,
        **entry,
    }


def detail(
    states: Sequence[TrustState],
    answer: Answer,
    by_mode: Sequence[Answer],
    silent: dict[str, Any] | None,
    entry: dict[str, Any],
) -> dict[str, Any]:
    """Describe one agent with its trust, overall and by mode."""
    return {
        **row(states, answer, silent, entry),
        "risk_level": risk_level(answer.level, answer.gate),
        "trust": to_builtins(answer),
        "by_mode": to_builtins(list(by_mode)),
    }


def evidence(states: Sequence[TrustState], at_us: int, policy: TrustPolicy) -> dict[str, Any]:
    """List the evidence of the score, the largest effect first.

    Each item is listed once, with its mode. A dismissed, expired or future item has an effect of 0.
    """
    items: list[dict[str, Any]] = []
    for state in states:
        ledger = ledger_in(state, states, policy)
        found = effects(ledger, at_us, policy, limit=len(ledger.items))
        by_key = {effect.item.key: effect for effect in found}
        items += [
            _item(state.mode, item, by_key.get(item.key), policy)
            for item in state.ledger.items.values()
        ]
    items.sort(key=lambda item: (item["effect"], item["at"], item["id"]))
    return {
        "agent_id": states[0].agent_id,
        "as_of": rfc3339(at_us),
        "days_worked_clean": len({day for state in states for day in state.ledger.days}),
        "items": items,
    }


def _item(mode: str, item: Item, effect: Effect | None, policy: TrustPolicy) -> dict[str, Any]:
    return {
        "mode": mode,
        "id": item.id,
        "anomaly": item.anomaly,
        "severity": item.severity,
        "facet": item.facet,
        "status": item.status,
        "confidence": round(item.confidence, 3),
        "weight": round(item.weight(policy), 3),
        "effect": min(0.0, round(effect.effect, 2)) if effect else 0.0,
        "since": rfc3339(item.since_us),
        "at": rfc3339(item.at_us),
        "half_life_days": round(effect.half_life_us / DAY_US, 1) if effect else None,
        "halves_at": rfc3339(effect.halves_at_us) if effect else None,
    }


def history(
    state: TrustState, states: Sequence[TrustState], at_us: int, days: int, policy: TrustPolicy
) -> list[dict[str, Any]]:
    """Compute trust in a mode at `at_us`, and at the same time on each of the previous `days`.

    Trust has a closed form, so past scores are not stored. The result uses the current evidence,
    without items dismissed since.
    """
    points, ledger = [], ledger_in(state, states, policy)
    for back in range(days, -1, -1):
        then = at_us - back * DAY_US
        if then < state.first_seen_us and back:
            continue
        view = opinion(ledger, then, policy)
        points.append(
            {"at": rfc3339(then), "score": round(view.score, 1), "lower": round(view.lower, 1)}
        )
    return points
