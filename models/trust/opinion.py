"""Evidence into trust: an opinion in the sense of subjective logic, with forgetting.

Scores run from 0 to 100, more is better. All results are functions of (ledger, instant,
policy). They do not depend on the order of evidence or on earlier evaluations. Sums are exactly
rounded (`math.fsum`), so results are equal bit for bit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

from models.trust.beta_bounds import caution, expectation, needed, reaches
from models.trust.evidence import Evidence, weigh
from models.trust.policy import DEFAULT_POLICY, TrustPolicy
from models.units import DAY_US

if TYPE_CHECKING:
    from models.trust.ledger import Facet, Item, Ledger
    from models.trust.policy import Level

__all__ = [
    "DEFAULT_POLICY",
    "Effect",
    "Evidence",
    "Opinion",
    "TrustPolicy",
    "caution",
    "confidence",
    "days_until",
    "effects",
    "effects_of",
    "expectation",
    "forecast",
    "opine",
    "opinion",
    "reaches",
    "recovery",
    "weigh",
]

# Ten years. A longer recovery is reported as none.
_LONGEST_RECOVERY_DAYS = 3650


class Opinion(Struct, frozen=True):
    """How far the evidence supports trust.

    Attributes
    ----------
    score
        Expected trust, 0..100.
    lower
        Cautious score: the policy's low quantile, 0..100, never above `score`.
    belief, disbelief, uncertainty
        Shares of evidence for, of evidence against, and of missing evidence. Their sum is 1.
    positive, negative
        The faded sums behind them, in clean days.
    """

    score: float
    lower: float
    belief: float
    disbelief: float
    uncertainty: float
    positive: float
    negative: float


class Effect(Struct, frozen=True):
    """Effect of one item on the score.

    Attributes
    ----------
    item
        The item.
    effect
        Score with the item minus score without it, in points; never above 0.
    age_us, half_life_us
        Microseconds of event time. The age is 0 before the item's latest instant.
    halves_at_us
        Next instant at which the item's weight has halved again.
    """

    item: Item
    effect: float
    age_us: int
    half_life_us: int
    halves_at_us: int


def opine(positive: float, negative: float, policy: TrustPolicy = DEFAULT_POLICY) -> Opinion:
    """Form the opinion that these sums of evidence support.

    Parameters
    ----------
    positive, negative
        Faded sums, in clean days, at least 0.

    Examples
    --------
    >>> unknown = opine(0, 0)
    >>> unknown.score, round(unknown.lower, 1), unknown.uncertainty
    (50.0, 13.5, 1.0)
    """
    total = positive + negative + policy.prior_weight
    return Opinion(
        score=expectation(positive, negative, policy),
        lower=caution(positive, negative, policy),
        belief=positive / total,
        disbelief=negative / total,
        uncertainty=policy.prior_weight / total,
        positive=positive,
        negative=negative,
    )


def opinion(
    ledger: Ledger,
    at_us: int,
    policy: TrustPolicy = DEFAULT_POLICY,
    facet: Facet | None = None,
) -> Opinion:
    """Form the opinion about an agent at an instant, or about one facet of it.

    Examples
    --------
    >>> from models.trust.ledger import Item, Ledger
    >>> ledger = Ledger()
    >>> for event in range(140):
    ...     changed = ledger.clean(event % 7 * DAY_US)
    >>> round(opinion(ledger, 6 * DAY_US).score, 1)
    80.1
    >>> changed = ledger.add(Item("k", "a-1", 6 * DAY_US, "high", "tool.new", "tools"))
    >>> round(opinion(ledger, 6 * DAY_US).score, 1)
    46.9
    >>> round(opinion(ledger, 6 * DAY_US, facet="network").score, 1)
    80.1
    """
    evidence = weigh(ledger, at_us, policy)
    return opine(*evidence.sums(facet), policy)


def confidence(p: float, alpha: float) -> float:
    """Give the confidence, 0..1, of an anomaly with this p-value.

    A p at the alert threshold `alpha` gives a quarter, one a thousand times smaller gives 1, one
    above it 0.

    >>> confidence(0.001, 0.001), confidence(1e-9, 0.001), confidence(0.01, 0.001)
    (0.25, 1.0, 0.0)
    """
    if p > alpha:
        return 0.0
    if p <= 0:
        return 1.0
    return min(1.0, (1.0 + math.log10(alpha) - math.log10(p)) / 4.0)


def effects(
    ledger: Ledger,
    at_us: int,
    policy: TrustPolicy = DEFAULT_POLICY,
    limit: int = 5,
) -> list[Effect]:
    """Give the effect of each item on the score: the gain of its dismissal.

    Returns
    -------
    list of Effect
        Largest first, at most `limit`; equal ones in the order of their keys.
    """
    return effects_of(weigh(ledger, at_us, policy), policy, limit)


def effects_of(evidence: Evidence, policy: TrustPolicy, limit: int = 5) -> list[Effect]:
    """Give the same for weighed evidence."""
    if not evidence.items:
        return []
    score = expectation(evidence.positive, evidence.negative, policy)
    worth, found = evidence.days, []
    for item, weight in evidence.items:
        # Days that only this item makes unclean would count again.
        back = sum([worth.get(day, 0.0) for day in item.days if evidence.struck[day] == 1])
        others = max(0.0, evidence.negative - weight)
        without = expectation(evidence.positive + back, others, policy)
        found.append((score - without, item.key, item))
    found.sort(key=lambda entry: entry[:2])
    return [_effect(item, effect, evidence, policy) for effect, _, item in found[:limit]]


def _effect(item: Item, effect: float, evidence: Evidence, policy: TrustPolicy) -> Effect:
    half = round(policy.half_life_us(item.status))
    age = max(0, evidence.at_us - item.at_us)
    return Effect(item, effect, age, half, item.at_us + (age // half + 1) * half)


def forecast(
    ledger: Ledger,
    at_us: int,
    policy: TrustPolicy = DEFAULT_POLICY,
    *,
    clean_days: int,
) -> Opinion:
    """Form the opinion after more days, each fully clean, without new items."""
    run = _CleanRun(weigh(ledger, at_us, policy), policy)
    return opine(*run.after(clean_days), policy)


def recovery(
    ledger: Ledger,
    at_us: int,
    policy: TrustPolicy = DEFAULT_POLICY,
    level: Level = "trusted",
) -> int | None:
    """Count the days of clean running until `lower` reaches the bound of a level.

    Returns
    -------
    int or None
        0 if it is reached. None if it is not reached within ten years.
    """
    return days_until(weigh(ledger, at_us, policy), policy, policy.bound(level))


def days_until(
    evidence: Evidence, policy: TrustPolicy, lower: float, *, all_day: bool = False
) -> int | None:
    """Count the days of clean running until the cautious score reaches `lower`, 0..100.

    The count refers to the hour of the day at which the evidence was weighed. With `all_day`, the
    score must be that high throughout a day. It is lowest at the end of a day.
    """
    to_midnight = 1.0 - evidence.at_us % DAY_US / DAY_US
    run = _CleanRun(evidence, policy, wait=to_midnight if all_day else 0.0)

    def there(days: int) -> bool:
        return reaches(*run.after(days), lower, policy)

    # Without items the day has a closed form, exact except for rounding.
    about = run.about(needed(lower, policy))
    if about is not None and there(about) and (not about or not there(about - 1)):
        return about
    # More clean days never lower it, so bisection finds the first. Most agents need two to four
    # weeks.
    low, high = -1, 16
    while not there(high):
        low, high = high, high * 2
        if low >= _LONGEST_RECOVERY_DAYS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if there(middle) else (middle, high)
    return high


class _CleanRun:
    """The sums of evidence after a number of clean days, in closed form."""

    def __init__(self, evidence: Evidence, policy: TrustPolicy, wait: float = 0.0) -> None:
        half = policy.positive_half_life_days
        self._half, self._wait = half, wait
        self._positive = evidence.positive * 2.0 ** (-wait / half)
        halves = (
            ("open", policy.negative_half_life_days),
            ("confirmed", policy.confirmed_half_life_days),
        )
        # Most agents have no items at all.
        self._negative = [
            (math.fsum([w for item, w in evidence.items if item.status == status]), half_of_it)
            for status, half_of_it in (halves if evidence.items else ())
        ]
        # Limit of the positive sum after endless clean days, at this hour of the day.
        hour = evidence.at_us % DAY_US / DAY_US + wait
        self._limit = 2.0 ** (-hour / half) / (1 - 2.0 ** (-1 / half))

    def after(self, days: int) -> tuple[float, float]:
        age, fade = days + self._wait, 2.0 ** (-days / self._half)
        positive = self._positive * fade + self._limit * (1 - fade)
        negative = 0.0
        for weight, half in self._negative:
            negative += weight * 2.0 ** (-age / half)
        return positive, negative

    def about(self, positive: float) -> int | None:
        """Give the first day on which the positive sum is as high. None if items fade as well."""
        left, maximum = self._limit - positive, self._limit - self._positive
        if self._negative or not 0 < left < maximum:
            return None
        return math.ceil(self._half * math.log2(maximum / left))
