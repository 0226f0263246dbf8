"""A session is ranked among those of its role, and among all while the role has few."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.session_pools import MOST_ROLES, PRIOR_SESSIONS, SessionPools

scores = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 40)), min_size=1, max_size=80)


def pools_of(given_scores):
    pools = SessionPools(1000)
    for role, score in given_scores:
        pools.add(role, score)
    return pools


@given(scores, st.floats(0, 40), st.floats(0, 40), st.floats(0.01, 0.99))
def test_c2_p_is_a_probability_and_never_rises_with_the_score(given_scores, first, second, u):
    pools = pools_of(given_scores)
    low, high = sorted((first, second))
    assert 0 < pools.p_value("a", high, u) <= pools.p_value("a", low, u) <= 1


def test_a_role_without_sessions_is_ranked_among_all():
    pools = pools_of([("a", score / 10) for score in range(100)])
    assert pools.p_value("b", 5.0, 0.5) == pools.fleet.p_value(5.0, 0.5)


def test_the_more_sessions_a_role_has_the_less_the_fleet_counts():
    few = [("calm", 0.0)] * 10 + [("lively", 10.0)] * 500
    many = [("calm", 0.0)] * 2000 + [("lively", 10.0)] * 500
    pools = [pools_of(few), pools_of(many)]
    assert pools[0].p_value("calm", 5.0, 0.5) > 2 * pools[1].p_value("calm", 5.0, 0.5)
    assert PRIOR_SESSIONS == 200


def test_roles_without_end_are_ranked_among_all():
    pools = pools_of([(f"role-{number}", 1.0) for number in range(MOST_ROLES + 5)])
    assert len(pools.roles) == MOST_ROLES
    assert pools.n == pytest.approx(pools.fleet.n)


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\x92\x90\x80", b"\x92"])
def test_bytes_that_are_no_pools_are_an_error(raw):
    with pytest.raises(ValueError, match=r"truncated|malformed|invalid|Expected"):
        SessionPools.load(raw)
