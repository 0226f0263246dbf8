"""Whether a cautious score reaches a bound, told without the score: the same as the score says."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaincinv

from models.trust.beta_bounds import caution, needed, reaches
from models.trust.policy import DEFAULT_POLICY, TrustPolicy

sums = st.floats(0, 200)


@given(sums, sums, st.floats(0.001, 0.499))
def test_the_quantile_of_one_number_is_that_of_arrays(positive, negative, quantile):
    policy = TrustPolicy(quantile=quantile)
    alpha, beta = positive + 2.0, negative + 2.0
    assert caution(positive, negative, policy) == 100.0 * float(betaincinv(alpha, beta, quantile))


@given(sums, sums, st.floats(0, 105), st.integers(-3, 3))
def test_bound_is_reached_if_the_cautious_score_is_at_least_as_high(
    positive, negative, bound, ulps
):
    score = caution(positive, negative)
    near = score + ulps * math.ulp(score)
    for lower in (bound, score, near, score * (1 + 1e-7), score * (1 - 1e-7)):
        assert reaches(positive, negative, lower) == (score >= lower)


@given(sums, st.sampled_from([25.0, 30.0, 50.0, 55.0, 75.0, 80.0, 99.5]), st.integers(-3, 3))
def test_needed_evidence_agrees_with_the_cautious_score_without_negative_evidence(
    positive, lower, ulps
):
    enough = needed(lower, DEFAULT_POLICY)
    near = enough + ulps * math.ulp(enough)
    for worth in (positive, near, enough * (1 + 1e-7), enough * (1 - 1e-7), enough * (1 + 1e-5)):
        assert reaches(worth, 0.0, lower) == (caution(worth, 0.0) >= lower)
