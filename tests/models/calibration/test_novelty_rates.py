"""Rates of novelty: rarer levels have more bits, and a busy agent makes nothing of another rare."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration.fading import FadingCounts
from models.calibration.novelty_rates import LEVELS, NoveltyRates
from models.codec.hashing import Hasher

SECRET = b"0123456789abcdef"
sessions = st.lists(
    st.tuples(st.integers(0, 90), st.sampled_from(["clerk", "buyer"]), st.integers(0, LEVELS)),
    max_size=40,
)


def rates_of(past: list) -> tuple[NoveltyRates, FadingCounts]:
    rates, own = NoveltyRates(Hasher(SECRET)), FadingCounts(1 + LEVELS)
    for day, role, level in past:
        rates.count(day, rates.path("value", "to", role), own, level)
    rates.counts.merge(rates.pending)
    return rates, own


def bits_of(rates: NoveltyRates, own: FadingCounts, role: str = "clerk") -> list[float]:
    path = rates.path("value", "to", role)
    return [rates.bits(path, own, level) for level in range(LEVELS + 1)]


@given(sessions)
def test_a_higher_level_never_has_fewer_bits(past: list) -> None:
    for role in ("clerk", "buyer", "nobody"):
        found = bits_of(*rates_of(past), role)
        assert found[0] == 0.0
        assert all(low <= high + 1e-9 for low, high in pairwise(found))


@given(sessions, st.integers(1, LEVELS))
def test_a_session_that_reaches_a_level_later_counts_as_one_that_began_there(
    past: list, level: int
) -> None:
    (at_once, own), (later, other) = rates_of(past), rates_of(past)
    path = at_once.path("value", "to", "clerk")
    at_once.count(90, path, own, level)
    later.count(90, path, other, 0)
    for before in range(level):
        later.raise_level(90, path, other, before, before + 1)
    assert at_once.pending == later.pending
    assert own == other


def test_m3_new_values_of_one_agent_cost_it_its_own_bits_more_than_those_of_others() -> None:
    calm = [(day, "clerk", 0) for day in range(50)] * 4
    rates, own = rates_of(calm)
    lively = FadingCounts(1 + LEVELS)
    path = rates.path("value", "to", "clerk")
    before = rates.bits(path, own, 3)
    for _ in range(40):
        rates.count(50, path, lively, 3)
    rates.counts.merge(rates.pending)
    assert rates.bits(path, lively, 3) < 1.0
    assert rates.bits(path, own, 3) > before - 4.0
    assert rates.bits(path, own, 3) > rates.bits(path, lively, 3) + 3.0


@pytest.mark.parametrize(("context", "lively"), [("to", True), ("cc", False)])
def test_a_context_with_new_values_all_day_earns_no_bits(context: str, *, lively: bool) -> None:
    rates, own = NoveltyRates(Hasher(SECRET)), FadingCounts(1 + LEVELS)
    for day in range(200):
        rates.count(day // 4, rates.path("value", "to", "clerk"), own, 3)
        rates.count(day // 4, rates.path("value", "cc", "clerk"), own, 0)
    rates.counts.merge(rates.pending)
    bits = rates.bits(rates.path("value", context, "clerk"), FadingCounts(1 + LEVELS), 3)
    assert (bits < 1.0) is lively
    assert lively or bits > 4.0
