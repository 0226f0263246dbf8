"""The trust answer about an agent whom nothing speaks against, out of what the kernel made of it.

The reference is `models.answer.trust_answer`; both give the same answer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from models.answer import DEFAULT_OBLIGATIONS, DIGITS, Answer, Facets, Recovery, State, nearest
from models.event import rfc3339
from models.levels import LEVELS, next_level
from models.reaching import expectation

if TYPE_CHECKING:
    from models.subject import Subject
    from models.trust_policy import TrustPolicy

Parts = tuple[int, bool, float, float, int, int | None, int]
"""Place of the mode that speaks for the agent, whether it has news, its clean days, cautious score
and level, the days to the next level, and for how long that holds, in microseconds."""


def usual_answer(modes: list[Subject], parts: Parts, at_us: int, policy: TrustPolicy) -> Answer:
    """Give the answer about an agent in all its modes, as of an instant and computed then."""
    place, news, positive, lower, number, days, ttl_us = parts
    subject, level = modes[place], LEVELS[number]
    trust, total = subject.trust, positive + policy.prior_weight
    score = nearest(expectation(positive, 0.0, policy))
    believed = round(positive / total, DIGITS)
    state = cast("State", subject.profile.state()) if news else trust.state
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
        facets=Facets(tools=score, data=score, network=score, volume=score),
        reasons=[],
        obligations=DEFAULT_OBLIGATIONS[level],
        recovers=None if above is None or days is None else Recovery(to=above, clean_days=days),
        as_of=as_of,
        computed_at=as_of,
        valid_until=rfc3339(at_us + ttl_us),
        config_version=trust.config_version,
    )
