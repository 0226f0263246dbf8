"""The trust answer, for policy decision points, caches and the compacted topic.

Numbers of the answer that policies compare are integers, because policy languages lack floats:
`lower` is rounded down and agrees with the level's bounds, `score` to the nearest.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from models.event import rfc3339
from models.trust.agent_evidence import ledger_in
from models.trust.levels import Gate, Level, LevelState, advance, next_change_us, next_level
from models.trust.opinion import (
    Evidence,
    Opinion,
    TrustPolicy,
    days_until,
    effects_of,
    expectation,
    opine,
    weigh,
)
from models.trust.state import TrustState
from models.units import DAY_US, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.trust.ledger import Ledger

__all__ = [
    "DEFAULT_OBLIGATIONS",
    "DIGITS",
    "Answer",
    "Facets",
    "Obligation",
    "Reason",
    "Recovery",
    "State",
    "TrustState",
    "encode",
    "etag",
    "nearest",
    "trust_answer",
]

State = Literal["active", "learning", "relearning", "stale", "unknown"]

# The decimal type of policy languages has as many digits.
DIGITS = 4


class Obligation(Struct, frozen=True):
    """Requirements of a policy at a level.

    Attributes
    ----------
    max_credential_ttl_s
        Longest life of a credential issued now, in seconds. 0 forbids one.
    step_up
        Whether a person has to agree.
    """

    max_credential_ttl_s: int
    step_up: bool


DEFAULT_OBLIGATIONS: dict[str, Obligation] = {
    "trusted": Obligation(3600, step_up=False),
    "normal": Obligation(900, step_up=False),
    "watch": Obligation(300, step_up=True),
    "restricted": Obligation(60, step_up=True),
    "quarantined": Obligation(0, step_up=True),
}
"""By level. ``quarantined`` takes precedence over all levels."""


class Facets(Struct, frozen=True):
    """Score, 0..100, of each side of the agent, from that side's items alone."""

    tools: int
    data: int
    network: int
    volume: int
    identity: int


class Reason(Struct, frozen=True):
    """One item that lowers the score, by how many points (`effect`, below 0)."""

    anomaly: str
    severity: str
    effect: int
    at: str
    id: str


class Recovery(Struct, frozen=True):
    """The next level, and the number of clean days until it.

    Attributes
    ----------
    clean_days
        Whole, fully clean days from `as_of` until the agent has that level at the latest. They
        include the margin above the bound and the waiting time of a rise.
    """

    to: Level
    clean_days: int


class Answer(Struct, frozen=True):
    """The answer, with its keys in the order of the contract."""

    agent_id: str
    score: int
    lower: int
    belief: float
    disbelief: float
    uncertainty: float
    level: Level
    gate: Gate
    state: State
    mode: str
    facets: Facets
    reasons: list[Reason]
    obligations: Obligation
    recovers: Recovery | None
    as_of: str
    computed_at: str
    valid_until: str
    config_version: str


class _View(Struct, frozen=True):
    """One mode's state at the instant of the answer, and the ledger it is judged by."""

    trust: TrustState
    ledger: Ledger
    evidence: Evidence
    opinion: Opinion
    level_state: LevelState


def trust_answer(
    states: Sequence[TrustState],
    agent_id: str,
    at_us: int,
    computed_us: int,
    policy: TrustPolicy,
    obligations: Mapping[str, Obligation] = DEFAULT_OBLIGATIONS,
    *,
    shut: bool = False,
    stale: bool = False,
    lag_us: int = 0,
    mode: str | None = None,
    operation: str | None = None,
) -> Answer:
    """Answer for an agent at an instant.

    Without a requested mode, the mode with the lowest cautious score gives the answer. Identity
    items of all modes count in every mode. A closed gate of one mode closes all. An agent without a
    state gets the prior as a normal answer.

    Parameters
    ----------
    states
        All modes of the agent; empty for an unknown one.
    at_us
        Instant of evaluation, microseconds of event time.
    computed_us
        The caller's clock. `valid_until` is on this clock, like the reader's cache. The answer
        assumes that this clock is not slower than the stream.
    shut
        Whether a person has quarantined an agent without a state.
    stale, lag_us
        Whether the stream is late beyond its bound, and how late it is.
    operation
        Intended operation of the reader. It decides how long the answer may be cached.

    Examples
    --------
    >>> answer = trust_answer([], "agent-1", 0, 0, TrustPolicy())
    >>> answer.score, answer.lower, answer.state, answer.level, answer.valid_until
    (50, 13, 'unknown', 'restricted', '1970-01-01T00:01:00.000000Z')
    """
    asked = [state for state in states if mode in (None, state.mode)]
    views = [_view(state, states, at_us, policy) for state in asked]
    if views:
        view = min(views, key=lambda v: (v.opinion.lower, v.trust.mode))
        state: State = view.trust.state
    else:
        nobody = TrustState(
            agent_id=agent_id, mode=mode or "unknown", config_version=policy.version
        )
        view, state = _view(nobody, states, at_us, policy), "unknown"
    shut = shut or any(one.level_state.gate == "quarantined" for one in states)
    gate: Gate = "quarantined" if shut else "open"
    level = view.level_state.level
    believed, disbelieved = (
        round(share, DIGITS) for share in (view.opinion.belief, view.opinion.disbelief)
    )
    ttl_us = 0 if stale else _ttl_us(view, at_us, policy, lag_us, operation)
    as_of = rfc3339(at_us)
    return Answer(
        agent_id=agent_id,
        score=nearest(view.opinion.score),
        lower=math.floor(view.opinion.lower),
        belief=believed,
        disbelief=disbelieved,
        uncertainty=round(1 - believed - disbelieved, DIGITS),
        level=level,
        gate=gate,
        state="stale" if stale else state,
        mode=view.trust.mode,
        facets=_facets(view.evidence, policy),
        reasons=_reasons(view.evidence, policy),
        obligations=obligations["quarantined" if gate == "quarantined" else level],
        recovers=_recovers(view, policy),
        as_of=as_of,
        computed_at=as_of if computed_us == at_us else rfc3339(computed_us),
        valid_until=rfc3339(computed_us + ttl_us),
        config_version=view.trust.config_version,
    )


def _view(
    trust: TrustState, states: Sequence[TrustState], at_us: int, policy: TrustPolicy
) -> _View:
    ledger = ledger_in(trust, states, policy)
    evidence = weigh(ledger, at_us, policy)
    opinion = opine(*evidence.sums(None), policy)
    level_state = advance(trust.level_state, opinion.lower, at_us, policy)
    return _View(trust, ledger, evidence, opinion, level_state)


def nearest(points: float) -> int:
    """Round to the nearest integer, halves down."""
    return math.ceil(points - 0.5)


def _facets(evidence: Evidence, policy: TrustPolicy) -> Facets:
    # A facet without items, like most, has every clean day and no negative weight.
    blank = nearest(expectation(math.fsum(evidence.days.values()), 0.0, policy))
    if not evidence.items:
        return Facets(tools=blank, data=blank, network=blank, volume=blank, identity=blank)
    touched = {item.facet for item, _ in evidence.items}
    scores = {name: nearest(expectation(*evidence.sums(name), policy)) for name in touched}
    return Facets(
        tools=scores.get("tools", blank),
        data=scores.get("data", blank),
        network=scores.get("network", blank),
        volume=scores.get("volume", blank),
        identity=scores.get("identity", blank),
    )


def _reasons(evidence: Evidence, policy: TrustPolicy) -> list[Reason]:
    return [
        Reason(
            anomaly=found.item.anomaly,
            severity=found.item.severity,
            effect=points,
            at=rfc3339(found.item.at_us),
            id=found.item.id,
        )
        for found in effects_of(evidence, policy)
        if (points := -nearest(-found.effect)) < 0
    ]


def _recovers(view: _View, policy: TrustPolicy) -> Recovery | None:
    """Count the days to the next level of `advance`, with margin and waiting time."""
    level = next_level(view.level_state.level)
    if level is None:
        return None
    steady = policy.bound(level) + policy.margin
    days = days_until(view.evidence, policy, steady, all_day=True)
    if days is None:
        return None
    return Recovery(to=level, clean_days=days + math.ceil(policy.rise_us / DAY_US))


def _ttl_us(
    view: _View, at_us: int, policy: TrustPolicy, lag_us: int, operation: str | None
) -> int:
    """Give the validity of the answer: until it may be stale, too old, or wrong by decay alone."""
    horizon = min(policy.ttl_us(operation), policy.stale_after_s * SECOND_US - lag_us)
    if horizon <= 0:
        return 0
    change = next_change_us(view.ledger, view.level_state, at_us, policy, horizon, view.evidence)
    return horizon if change is None else min(horizon, change - at_us)


def encode(answer: Answer) -> bytes:
    """Write the answer as JSON; equal answers give equal bytes."""
    return msgspec.json.encode(answer)


def etag(body: bytes) -> str:
    """Give the strong entity tag, quotes included, of an encoded answer.

    >>> etag(b"{}")
    '"44136fa355b3678a1146ad16f7e8649e"'
    """
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
