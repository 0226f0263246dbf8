"""Evidence into trust: an opinion in the sense of subjective logic, with forgetting.

Scores run from 0 to 100, more is better. Everything here is a function of (ledger, instant,
policy) and a sum of kernels, so it depends neither on the order of evidence nor on how often it
is asked for. Sums are exactly rounded (`math.fsum`), which makes that true bit for bit.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct
from scipy.special import (  # type: ignore[import-untyped, unused-ignore]  # ships no types
    betaincinv,
)

from models.ledger import FULL_DAY, STRUCK, Facet, Item, Ledger
from models.trust_policy import (
    DAY_HALF_LIVES,
    DAY_US,
    DEFAULT_POLICY,
    ITEM_HALF_LIVES,
    TrustPolicy,
)

if TYPE_CHECKING:
    from models.trust_policy import Level

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
    "recovery",
    "weigh",
]

# Ten years: beyond it nobody is helped by the number of days.
_LONGEST_RECOVERY_DAYS = 3650


class Opinion(Struct, frozen=True):
    """How far the evidence supports trust.

    Attributes
    ----------
    score
        Expected trust, 0..100.
    lower
        What a cautious reader compares: the policy's low quantile, 0..100, never above `score`.
    belief, disbelief, uncertainty
        Shares of the evidence for, against, and of what is not known; they add up to 1.
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
    """What one item does to the score.

    Attributes
    ----------
    item
        The item.
    effect
        Score with the item minus score without it, in points; never above 0.
    age_us, half_life_us
        Microseconds of event time; the age is 0 while the item's latest instant is to come.
    halves_at_us
        Next instant at which the item's weight will have halved again since it was new.
    """

    item: Item
    effect: float
    age_us: int
    half_life_us: int
    halves_at_us: int


class Evidence(Struct, frozen=True):
    """A ledger as it weighs at one instant.

    Attributes
    ----------
    at_us
        The instant, microseconds of event time.
    days
        Day and faded worth of each day with clean events, struck or not.
    items
        Undismissed items and their faded weight.
    struck
        How many undismissed items lie on each day that has any.
    """

    at_us: int
    days: list[tuple[int, float]]
    items: list[tuple[Item, float]]
    struck: Counter[int]

    def positive(self, facet: Facet | None = None) -> float:
        """Sum of clean days; for a facet, only its own items make a day unclean."""
        if facet is None:
            struck: Counter[int] | set[int] = self.struck
        else:
            struck = {d for item, _ in self.items if item.facet == facet for d in item.days}
        return math.fsum([worth for day, worth in self.days if day not in struck])

    def negative(self, facet: Facet | None = None) -> float:
        """Sum of item weights, of one facet or of all."""
        return math.fsum([w for item, w in self.items if facet in (None, item.facet)])


def weigh(ledger: Ledger, at_us: int, policy: TrustPolicy = DEFAULT_POLICY) -> Evidence:
    """Weigh a ledger at an instant.

    A day is dated at its start, an item at its latest instant. Evidence from later than `at_us`
    does not count yet; an item whose key was seen before and again after `at_us` counts in full.
    """
    items, struck = [], Counter[int]()
    for item in ledger.items.values():
        if item.status == "dismissed" or item.since_us > at_us:
            continue
        lives = max(0, at_us - item.at_us) / policy.half_life_us(item.status)
        if lives <= ITEM_HALF_LIVES:
            items.append((item, item.weight(policy) * 2.0**-lives))
            struck.update(item.days)
    half = policy.positive_half_life_days * DAY_US
    today = at_us // DAY_US
    oldest = at_us - DAY_HALF_LIVES * half
    days = [
        (day, count / FULL_DAY * 2.0 ** ((day * DAY_US - at_us) / half))
        for day, count in ledger.days.items()
        if day <= today and day * DAY_US >= oldest and count != STRUCK
    ]
    return Evidence(at_us, days, items, struck)


def expectation(positive: float, negative: float, policy: TrustPolicy = DEFAULT_POLICY) -> float:
    """Give the score, 0..100, of these sums of evidence."""
    prior = policy.prior_weight
    return 100.0 * (positive + policy.base_rate * prior) / (positive + negative + prior)


def caution(positive: float, negative: float, policy: TrustPolicy = DEFAULT_POLICY) -> float:
    """Give the cautious score, 0..100, of these sums of evidence."""
    prior, rate = policy.prior_weight, policy.base_rate
    alpha, beta = positive + rate * prior, negative + (1 - rate) * prior
    return 100.0 * float(betaincinv(alpha, beta, policy.quantile))


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
    return opine(evidence.positive(facet), evidence.negative(facet), policy)


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
    """Say what each item does to the score: exactly what dismissing it would give back.

    Returns
    -------
    list of Effect
        Largest first, at most `limit`; equal ones in the order of their keys.
    """
    return effects_of(weigh(ledger, at_us, policy), policy, limit)


def effects_of(evidence: Evidence, policy: TrustPolicy, limit: int = 5) -> list[Effect]:
    """Do the same for evidence already weighed."""
    worth = dict(evidence.days)
    positive, negative = evidence.positive(), evidence.negative()
    score = expectation(positive, negative, policy)
    found = []
    for item, _ in evidence.items:
        others = math.fsum([w for other, w in evidence.items if other is not item])
        # Days that only this item makes unclean would count again.
        back = [worth[d] for d in item.days if d in worth and evidence.struck[d] == 1]
        without = positive
        if back:
            kept = [w for d, w in evidence.days if d not in evidence.struck]
            without = math.fsum(kept + back)
        found.append(_effect(item, score - expectation(without, others, policy), evidence, policy))
    found.sort(key=lambda effect: (effect.effect, effect.item.key))
    return found[:limit]


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
    """Form the opinion after so many more days, each clean in full, and nothing else new."""
    return opine(*_after(weigh(ledger, at_us, policy), policy, clean_days), policy)


def _after(evidence: Evidence, policy: TrustPolicy, clean_days: int) -> tuple[float, float]:
    """Give the sums of evidence after so many clean days, in closed form."""
    half = policy.positive_half_life_days
    fade = 2.0 ** (-clean_days / half)
    since_midnight = evidence.at_us % DAY_US / DAY_US
    gained = 2.0 ** (-since_midnight / half) * (1 - fade) / (1 - 2.0 ** (-1 / half))
    lives = clean_days * DAY_US
    negative = math.fsum(
        [w * 2.0 ** (-lives / policy.half_life_us(item.status)) for item, w in evidence.items]
    )
    return evidence.positive() * fade + gained, negative


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
        0 if it is there; None if it will not be within ten years.
    """
    return days_until(weigh(ledger, at_us, policy), policy, policy.bound(level))


def days_until(evidence: Evidence, policy: TrustPolicy, lower: float) -> int | None:
    """Count the days of clean running until the cautious score reaches `lower`, 0..100."""

    def there(days: int) -> bool:
        return caution(*_after(evidence, policy, days), policy) >= lower

    # More clean days never lower it, so halving the range finds the first.
    low, high = -1, 1
    while not there(high):
        low, high = high, high * 2
        if low >= _LONGEST_RECOVERY_DAYS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if there(middle) else (middle, high)
    return high
