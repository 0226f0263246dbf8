"""From judgements to trust: evidence, level, and whether the answer moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.trust.ledger import Item
from models.trust.levels import advance
from models.trust.opinion import caution, expectation, weigh
from models.units import HOUR_US

if TYPE_CHECKING:
    from models.baseline.agent_state import Subject
    from models.result import Assessment
    from models.trust.policy import TrustPolicy

Shown = tuple[int, int, str, str, str]
"""What is published of trust: score, lower, level, gate and state."""


def stand(subject: Subject, at_us: int, policy: TrustPolicy) -> Shown:
    """Bring an agent's level to an instant; give what there is to publish."""
    trust = subject.trust
    sums = weigh(subject.ledger(policy), at_us, policy).sums(None)
    lower = caution(*sums, policy)
    standing = trust.standing = advance(trust.standing, lower, at_us, policy)
    score = round(expectation(*sums, policy))
    return score, int(lower), standing.level, standing.gate, trust.state


def move_trust(
    out: Assessment, subject: Subject, anomaly_id: str, policy: TrustPolicy, *, vouched: bool
) -> None:
    """Let an event's judgement move its agent's trust.

    The level is looked at when evidence came in and once an hour of event time, so that it does
    not depend on how events were batched.
    """
    time_us = out.time_us
    trust, facts = subject.trust, subject.profile.facts
    trust.state = subject.profile.state()  # type: ignore[assignment]
    moved = False
    if out.anomaly is not None and not vouched:
        item = Item(
            out.key, anomaly_id, time_us, out.severity, out.anomaly,  # type: ignore[arg-type]
            out.facet, out.confidence,  # type: ignore[arg-type]
        )  # fmt: skip
        out.trust_before = _score(subject, facts.last_us, policy)
        moved = trust.ledger.add(item, policy)
        out.trust_after = _score(subject, facts.last_us, policy)
    if not out.alert and out.learned:
        trust.ledger.clean(time_us)
    hour = time_us // HOUR_US
    if moved or hour > facts.utc_hour:
        if hour > facts.utc_hour:
            trust.ledger.prune(time_us, policy)
        facts.utc_hour = max(facts.utc_hour, hour)
        shown = stand(subject, facts.last_us, policy)
        out.trust_changed = shown != facts.published
        facts.published = shown


def stand_with(other: Subject, at_us: int, policy: TrustPolicy) -> bool:
    """Bring another mode's level to the instant of an identity item; whether its answer moved.

    A fall is kept, so that the mode rises again with the patience of any other fall.
    """
    facts = other.profile.facts
    shown = stand(other, max(at_us, facts.last_us), policy)
    moved = bool(shown != facts.published)
    facts.published = shown
    return moved


def _score(subject: Subject, at_us: int, policy: TrustPolicy) -> float:
    return expectation(*weigh(subject.ledger(policy), at_us, policy).sums(None), policy)
