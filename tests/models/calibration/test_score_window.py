"""Windows of scores: the invariants of p-values, by their numbers in the design note."""

from __future__ import annotations

from math import exp
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration.score_window import (
    INFLATED,
    PREDICTIVE,
    STEP,
    TAIL,
    TOP,
    ScoreWindow,
    bin_of,
)
from models.codec.hashing import Hasher

if TYPE_CHECKING:
    from collections.abc import Callable

NOMINAL = (0.05, 0.01, 1e-3)
MAX = 1.2  # observed over nominal
scores = st.floats(0, 60)
uniforms = st.floats(1e-6, 1 - 1e-6)
windows = st.lists(scores, min_size=1, max_size=80)


def a_window(values: list[float], size: int = 4_000) -> ScoreWindow:
    window = ScoreWindow(size=size)
    for value in values:
        window.add(value)
    return window


def exponential(chance: Random) -> float:
    return chance.expovariate(0.5)


def heavy(chance: Random) -> float:
    return min(200.0, 2 * chance.paretovariate(3))


def coarse(chance: Random) -> float:
    return float(chance.randrange(4))


@pytest.mark.parametrize("draw", [exponential, heavy, coarse], ids=lambda draw: draw.__name__)
def test_c1_small_p_values_are_as_rare_as_their_value(draw: Callable[[Random], float]):
    chance = Random(11)  # noqa: S311 - made-up data
    window = ScoreWindow(size=2_000)
    below = dict.fromkeys(NOMINAL, 0)
    events = 40_000
    for number in range(events + 1_000):
        score = draw(chance)
        if number >= 1_000:
            p = window.p_value(score, chance.random())
            for level in NOMINAL:
                below[level] += p <= level
        window.add(score)
    for level in NOMINAL:
        slack = 2 * (level / events) ** 0.5  # of the count itself, by chance
        assert below[level] / events <= MAX * level + slack, level
    assert below[0.05] / events >= 0.5 * 0.05, "and it is not blind either"


@given(past=windows, u=uniforms, pair=st.tuples(scores, scores))
def test_c2_higher_score_never_has_a_higher_p(past, u, pair):
    window = a_window(past)
    low, high = sorted(pair)
    assert window.p_value(high, u) <= window.p_value(low, u)


@given(past=windows, u=uniforms, score=st.floats(0, 1e6))
def test_c2_p_is_a_probability_above_zero(past, u, score):
    assert 0 < a_window(past).p_value(score, u) <= 1


def test_c1_predictive_tail_of_few_scores_is_calibrated():
    chance, level, held = Random(3), 1e-3, {INFLATED: 0.0, PREDICTIVE: 0.0}  # noqa: S311
    draws, rate = 200, 0.25  # so that the mean excess is far above its floor
    for _ in range(draws):
        window = a_window([chance.expovariate(rate) for _ in range(700)])
        u = chance.random()
        for tail in held:
            ps = (window.p_value(cell / STEP, u, tail=tail) for cell in range(TOP))
            alarms = next(cell for cell, p in enumerate(ps) if p <= level)
            held[tail] += exp(-rate * alarms / STEP) / draws / level
    assert 0.85 < held[PREDICTIVE] < 1.15
    assert held[INFLATED] < 0.75


def test_p_falls_further_beyond_the_highest_score():
    window = a_window([number % 40 / 10 for number in range(1_000)])
    ps = [window.p_value(score, 0.5) for score in (5, 10, 20, 40)]
    assert ps == sorted(ps, reverse=True)
    assert ps[-1] < 1 / (window.n + 1) / 1_000


@given(past=windows, score=scores, u=uniforms)
def test_p_within_the_window_is_the_smoothed_rank(past, score, u):
    window = a_window(past)
    cells = [bin_of(value) for value in past]
    above = sum(cell > bin_of(score) for cell in cells)
    ties = cells.count(bin_of(score))
    expected = (above + u * (ties + 1)) / (len(past) + 1)
    if above > TAIL * len(past):  # beyond it the tail goes on
        assert window.p_value(score, u) == expected


@given(st.lists(st.text(max_size=20), unique=True, max_size=50))
def test_c3_u_lies_between_zero_and_one(ids):
    hasher = Hasher(b"0123456789abcdef")
    drawn = [hasher.uniform(name) for name in ids]
    assert all(0 < u < 1 for u in drawn)
    assert len(set(drawn)) == len(ids)


@given(past=windows, more=st.lists(scores, max_size=300))
def test_a_window_forgets_and_stays_within_its_size(past, more):
    window = a_window(past + more, size=64)
    assert window.n <= 64
    assert window.n >= min(len(past + more), 32)


@given(past=windows)
def test_a_window_survives_its_bytes(past):
    window = a_window(past)
    raw = msgspec.msgpack.encode(window)
    back = msgspec.msgpack.decode(raw, type=ScoreWindow)
    assert back.p_value(7.3, 0.4) == window.p_value(7.3, 0.4)
    assert msgspec.msgpack.encode(back) == raw


@given(st.floats(0, 1e9))
def test_scores_are_rounded_to_a_bounded_grid(score):
    assert 0 <= bin_of(score) <= TOP
