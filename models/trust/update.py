"""From judgements to trust: evidence, level, and whether the answer changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.trust.ledger import Item
from models.trust.levels import advance
from models.trust.opinion import caution, expectation, weigh
from models.units import HOUR_US

if TYPE_CHECKING:
    from models.baseline.agent_state import AgentState
    from models.baseline.profile import PublishedTrust
    from models.result import Result
    from models.trust.policy import TrustPolicy
    from models.trust.state import TrustState


def blocks_learning(trust: TrustState, key: str) -> bool:
    """Tell whether an agent teaches nothing: its gate is shut, or a person has confirmed its case.

    Parameters
    ----------
    key
        Correlation key of the event's evidence; empty without any.
    """
    if trust.level_state.gate == "quarantined":
        return True
    item = trust.ledger.items.get(key)
    return item is not None and item.status == "confirmed"


def refresh_level(agent_state: AgentState, at_us: int, policy: TrustPolicy) -> PublishedTrust:
    """Update an agent's level to an instant. Give the published values."""
    trust = agent_state.trust
    sums = weigh(agent_state.ledger(policy), at_us, policy).sums(None)
    lower = caution(*sums, policy)
    level_state = trust.level_state = advance(trust.level_state, lower, at_us, policy)
    score = round(expectation(*sums, policy))
    return score, int(lower), level_state.level, level_state.gate, trust.state


def update_trust(
    out: Result,
    agent_state: AgentState,
    anomaly_id: str,
    policy: TrustPolicy,
    *,
    trusted_history: bool,
) -> None:
    """Update an agent's trust after the judgement of an event.

    The level is evaluated after new evidence and once an hour of event time. So it does not depend
    on the batches.
    """
    time_us = out.time_us
    trust, profile = agent_state.trust, agent_state.profile
    trust.state = agent_state.profile.state()  # type: ignore[assignment]
    changed = False
    if out.anomaly is not None and not trusted_history:
        item = Item(
            out.key, anomaly_id, time_us, out.severity, out.anomaly,  # type: ignore[arg-type]
            out.facet, out.confidence,  # type: ignore[arg-type]
        )  # fmt: skip
        out.trust_before = _score(agent_state, profile.last_us, policy)
        changed = trust.ledger.add(item, policy)
        out.trust_after = out.trust_before
        if changed:
            out.trust_after = _score(agent_state, profile.last_us, policy)
    if out.case_id is None and not out.alert and out.learned:
        trust.ledger.clean(time_us)
    if changed or time_us // HOUR_US > profile.utc_hour:
        out.trust_changed = refresh_trust(agent_state, time_us, policy)


def refresh_trust(agent_state: AgentState, time_us: int, policy: TrustPolicy) -> bool:
    """Update an agent's level after new evidence or an hour. True if its answer changed."""
    profile, hour = agent_state.profile, time_us // HOUR_US
    if hour > profile.utc_hour:
        agent_state.trust.ledger.prune(time_us, policy)
    profile.utc_hour = max(profile.utc_hour, hour)
    published = refresh_level(agent_state, profile.last_us, policy)
    changed = bool(published != profile.published)
    profile.published = published
    return changed


def refresh_mode(other: AgentState, at_us: int, policy: TrustPolicy) -> bool:
    """Update another mode's level to the instant of an identity item. True if its answer changed.

    A fall is stored, so the mode rises again after the same time as after any fall.
    """
    profile = other.profile
    published = refresh_level(other, max(at_us, profile.last_us), policy)
    changed = bool(published != profile.published)
    profile.published = published
    return changed


def _score(agent_state: AgentState, at_us: int, policy: TrustPolicy) -> float:
    return expectation(*weigh(agent_state.ledger(policy), at_us, policy).sums(None), policy)
