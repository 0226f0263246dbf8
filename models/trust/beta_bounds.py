"""Score and cautious score of two sums of evidence, and tests of the cautious one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from models.trust.policy import DEFAULT_POLICY, TrustPolicy

# Relative distance far above the errors of the distribution and its inverse.
_TOO_CLOSE = 1e-6

# More clean days than any agent has, and halvings down to a share of 1e-12.
_MAX_NEEDED = 2.0**32
_HALVINGS = 60


@lru_cache(maxsize=1)
def _of_one_number() -> Any:
    """Give the functions that make no array; importing them takes 0.3 s, when trust is computed."""
    from scipy.special import cython_special

    return cython_special


def expectation(positive: float, negative: float, policy: TrustPolicy = DEFAULT_POLICY) -> float:
    """Give the score, 0..100, of these sums of evidence."""
    prior = policy.prior_weight
    return 100.0 * (positive + policy.base_rate * prior) / (positive + negative + prior)


def caution(positive: float, negative: float, policy: TrustPolicy = DEFAULT_POLICY) -> float:
    """Give the cautious score, 0..100, of these sums of evidence."""
    prior, rate = policy.prior_weight, policy.base_rate
    alpha, beta = positive + rate * prior, negative + (1 - rate) * prior
    return 100.0 * float(_of_one_number().betaincinv(alpha, beta, policy.quantile))


def reaches(
    positive: float, negative: float, lower: float, policy: TrustPolicy = DEFAULT_POLICY
) -> bool:
    """Tell whether the cautious score of these sums of evidence is at least `lower`, 0..100.

    Without negative evidence, the needed sum decides. Otherwise the distribution at `lower`
    decides, at half the cost of its inverse. The score itself is computed only where the two are
    too close.

    >>> reaches(0, 0, 13.5), reaches(0, 0, 13.6)
    (True, False)
    """
    if negative == 0:
        enough = needed(lower, policy)
        if abs(positive - enough) > _TOO_CLOSE * (1 + enough):
            return positive > enough
    return _reaches(positive, negative, lower, policy)


def needed(lower: float, policy: TrustPolicy) -> float:
    """Give the least sum of clean days by which the cautious score is at least `lower`.

    >>> reaches(needed(75.0, DEFAULT_POLICY) + 1e-3, 0, 75.0)
    True
    """
    return _needed(lower, policy.prior_weight, policy.base_rate, policy.quantile)


@lru_cache(maxsize=64)
def _needed(lower: float, prior_weight: float, base_rate: float, quantile: float) -> float:
    policy = TrustPolicy(prior_weight=prior_weight, base_rate=base_rate, quantile=quantile)
    low, high = 0.0, 1.0
    while high < _MAX_NEEDED and not _reaches(high, 0.0, lower, policy):
        low, high = high, 2 * high
    if _reaches(low, 0.0, lower, policy):
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _reaches(middle, 0.0, lower, policy) else (middle, high)
    return high


def _reaches(positive: float, negative: float, lower: float, policy: TrustPolicy) -> bool:
    prior, rate, quantile = policy.prior_weight, policy.base_rate, policy.quantile
    alpha, beta = positive + rate * prior, negative + (1 - rate) * prior
    share = _of_one_number().betainc(alpha, beta, lower / 100.0)
    if share < quantile * (1 - _TOO_CLOSE):
        return True
    if share > quantile * (1 + _TOO_CLOSE):
        return False
    return caution(positive, negative, policy) >= lower
