"""Trust answer about an agent without negative evidence, from the numbers of the kernel.

The reference is `models.trust.response.trust_answer`; both give the same answer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from models.event import rfc3339
from models.trust.beta_bounds import expectation
from models.trust.levels import LEVELS, next_level
from models.trust.response import (
    DEFAULT_OBLIGATIONS,
    DIGITS,
    Answer,
    Facets,
    Recovery,
    State,
    nearest,
)

if TYPE_CHECKING:
    from models.trust.policy import TrustPolicy
    from models.trust.state import TrustState

Parts = tuple[str | None, float, float, int, int | None, int]
"""Numbers of the mode with the lowest cautious score.

They are: its state where it changed, clean days, cautious score, level, days to the next level, and
validity in microseconds."""


def fast_response(trust: TrustState, parts: Parts, at_us: int, policy: TrustPolicy) -> Answer:
    """Give the answer about an agent, as of an instant and computed then.

    Parameters
    ----------
    trust
        Trust state of the mode with the lowest cautious score.
    """
    new_state, positive, lower, number, days, ttl_us = parts
    level, total = LEVELS[number], positive + policy.prior_weight
    score = nearest(expectation(positive, 0.0, policy))
    believed = round(positive / total, DIGITS)
    state = cast("State", new_state or trust.state)
    above = next_level(level)
    as_of = rfc3339(at_us)
    return Answer(
        agent_id=trust.agent_id,
        score=score,
        lower=math.floor(lower),
        belief=believed,
        disbelief=0.0,
        uncertainty=round(1 - believed, DIGITS),
        level=level,
        gate="open",
        state=state,
        mode=trust.mode,
        facets=Facets(tools=score, data=score, network=score, volume=score, identity=score),
        reasons=[],
        obligations=DEFAULT_OBLIGATIONS[level],
        recovers=None if above is None or days is None else Recovery(to=above, clean_days=days),
        as_of=as_of,
        computed_at=as_of,
        valid_until=rfc3339(at_us + ttl_us),
        config_version=trust.config_version,
    )
