"""A session is ranked among those of its role, and among all while the role has few."""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import session_calibration as session_pools
from models.calibration.session_calibration import (
    GATE,
    MAX_RARE,
    MAX_ROLES,
    PRIOR_SESSIONS,
    SessionPools,
)
from models.kernel import native_kernel

# Where it has to be there, its absence is an error.
NATIVE = native_kernel("native" if os.environ.get("CI") == "true" else "auto")

scores = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 40)), min_size=1, max_size=80)


def pools_of(given_scores, *, linked_tails=False):
    pools = SessionPools(1000, linked_tails=linked_tails)
    for role, score in given_scores:
        pools.add(role, score)
    return pools


@given(scores, st.floats(0, 40), st.floats(0, 40), st.floats(0.01, 0.99), st.booleans())
def test_c2_p_is_a_probability_and_never_rises_with_the_score(
    given_scores, first, second, u, linked_tails
):
    pools = pools_of(given_scores, linked_tails=linked_tails)
    low, high = sorted((first, second))
    assert 0 < pools.p_value("a", high, u) <= pools.p_value("a", low, u) <= 1


def test_a_role_without_sessions_is_ranked_among_all():
    pools = pools_of([("a", score / 10) for score in range(100)])
    assert pools.p_value("b", 5.0, 0.5) == pools.fleet.p_value(5.0, 0.5)


def test_weight_of_the_fleet_falls_with_sessions_of_the_role():
    few = [("calm", 0.0)] * 10 + [("lively", 10.0)] * 500
    many = [("calm", 0.0)] * 2000 + [("lively", 10.0)] * 500
    pools = [pools_of(few), pools_of(many)]
    assert pools[0].p_value("calm", 5.0, 0.5) > 2 * pools[1].p_value("calm", 5.0, 0.5)
    assert PRIOR_SESSIONS == 130


@pytest.mark.parametrize("of_role", [300, 3_000])
def test_c1_pools_are_calibrated_for_roles_with_few_sessions(of_role):
    draw, ps = Random(7), []  # noqa: S311 - made-up data
    for _ in range(5):
        pools = SessionPools(100_000, linked_tails=True)
        for number in range(20_000):
            pools.add("clerk" if number < of_role else "other", draw.expovariate(0.3))
        ps += [pools.p_value("clerk", draw.expovariate(0.3), draw.random()) for _ in range(10_000)]
    for level in (0.05, 0.01, 0.001):
        assert 0.5 * level < sum(p <= level for p in ps) / len(ps) < 1.2 * level


def test_p_values_adapt_to_calmer_sessions():
    pools = pools_of([("clerk", 20.0 + number / 50) for number in range(500)], linked_tails=True)
    draw = Random(5)  # noqa: S311 - made-up data
    ps = []
    for _ in range(4_000):
        score = draw.expovariate(0.5)
        ps.append(pools.p_value("clerk", score, draw.random()))
        pools.offer("clerk", score, ps[-1])
    late = ps[2_000:]
    assert 0.04 < sum(p <= 0.05 for p in late) / len(late) < 0.06


def test_a_role_is_ranked_among_its_latest_sessions_and_the_fleet_among_many():
    draw = Random(11)  # noqa: S311 - made-up data
    lively = [draw.expovariate(0.2) for _ in range(3_000)]
    calm = [draw.expovariate(0.5) for _ in range(5_000)]
    of_all, latest = (
        SessionPools(100_000, of_role=size, linked_tails=True) for size in (None, 2_000)
    )
    for score in lively + calm[:2_000]:
        of_all.add("clerk", score)
        latest.add("clerk", score)
    latest.load(latest.dump())
    for score in calm[2_000:]:
        of_all.add("clerk", score)
        latest.add("clerk", score)
    assert 1_000 <= latest.roles["clerk"].n <= 2_000
    assert latest.n == of_all.n == of_all.roles["clerk"].n == 8_000
    scores = [draw.expovariate(0.5) for _ in range(4_000)]
    seen, others = (
        sum(pools.p_value("clerk", score, 0.5) <= 0.05 for score in scores) / len(scores)
        for pools in (latest, of_all)
    )
    assert others < 0.02 < 0.03 < seen < 0.06


@pytest.mark.parametrize("made", [kernel for kernel in (session_pools, NATIVE) if kernel])
@pytest.mark.parametrize(("alike", "believed"), [(18, False), (22, True)])
def test_rank_beyond_the_sessions_of_a_role_is_that_of_the_fleet(made, alike, believed):
    draw = Random(3)  # noqa: S311 - made-up data
    pools = made.SessionPools(100_000, of_role=4_000, linked_tails=True)
    for _ in range(40_000):
        pools.add("sales", draw.expovariate(0.5))
    for _ in range(1_800):
        pools.add("clerk", 1.0)
    for _ in range(alike):
        pools.add("clerk", 6.0)
    n, of_fleet = 1_800 + alike, pools.p_value("nobody", 6.0, 0.5)
    by_rank = 0.5 * (alike + 1) / (n + 1)
    begins = (alike + 0.5 * 1_801) / (n + 1)
    as_the_fleet = begins * of_fleet / pools.p_value("nobody", 1.0, 0.5)
    own = by_rank if believed else as_the_fleet
    assert as_the_fleet > 2 * by_rank
    assert pools.p_value("clerk", 6.0, 0.5) == pytest.approx(
        (n * own + PRIOR_SESSIONS * of_fleet) / (n + PRIOR_SESSIONS)
    )


def test_unreported_attacks_stay_rare():
    pools = pools_of([("clerk", number / 100) for number in range(900)], linked_tails=True)
    for number in range(900):
        pools.offer("clerk", number / 100, 0.5)
        pools.offer("clerk", 30.0, pools.p_value("clerk", 30.0, 0.5))
    assert pools.p_value("clerk", 30.0, 0.5) < GATE
    assert pools.p_value("clerk", 8.0, 0.5) < 0.15


def test_calm_year_stores_a_bounded_number_of_spare_sessions():
    pools = pools_of([("clerk", number / 100) for number in range(900)])
    for _ in range(100_000):
        pools.offer("clerk", 1.0, 0.5)
    known = pools.n
    for _ in range(100):
        pools.offer("clerk", 30.0, 0.001)
    assert pools.n == known + MAX_RARE


def test_roles_beyond_the_bound_are_ranked_in_the_fleet():
    pools = pools_of([(f"role-{number}", 1.0) for number in range(MAX_ROLES + 5)])
    assert len(pools.roles) == MAX_ROLES
    assert pools.n == pytest.approx(pools.fleet.n)


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\x92\x90\x80", b"\x92"])
def test_bytes_that_are_not_pools_are_refused(raw):
    with pytest.raises(ValueError, match=r"truncated|malformed|invalid|Expected"):
        SessionPools(1000).load(raw)
