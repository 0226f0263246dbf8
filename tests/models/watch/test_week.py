"""Hours of the week: much at an hour that is usually quiet is odd, though not at another."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.watch.counting import HOUR, LENGTH_US, RATE, close, expected, surprise
from models.watch.state import Watch
from models.watch.week import PARTS, cell, due, pass_by, spread, workday_hours

WEEK_HOURS = 168
MONDAY = 4 * 24  # hours since 1970


def worked(acts_at, hours=10 * WEEK_HOURS):
    """Give the memory of an agent, by what it does in each hour from a Monday on; one begins."""
    watch = Watch()
    for hour in range(MONDAY, MONDAY + hours):
        close(watch, hour * LENGTH_US[HOUR], whole=True)
        watch.counts[RATE] = acts_at(hour)
    close(watch, (MONDAY + hours) * LENGTH_US[HOUR], whole=True)
    return watch


def bits_at(acts_at, hour, count):
    """Give the bits of so many acts in an hour of the eleventh week."""
    return surprise(count, *expected(worked(acts_at, 10 * WEEK_HOURS + hour)))


def by_day(hour):
    """Give a hundred acts in each hour of office work, two in any other."""
    return 100 if 9 <= hour % 24 < 17 and cell(hour) < 24 else 2


def test_much_at_an_hour_that_is_usually_quiet_is_odd():
    assert bits_at(by_day, 10, 110) < 6.0
    assert bits_at(by_day, 3, 40) > 20.0
    assert bits_at(by_day, 5 * 24 + 10, 60) > 20.0  # on a Saturday


def test_hours_that_are_alike_are_told_as_before():
    watch = worked(lambda _: 10)
    acts, windows, _ = expected(watch)
    rate, weight = watch.rates[RATE], watch.weights[HOUR]
    assert (acts + 1) / (windows + 1) == pytest.approx((rate + 1) / (weight + 1), rel=0.1)
    assert bits_at(lambda _: 10, 3, 60) > 20.0  # C6


def test_in_a_busy_hour_all_hours_are_what_is_expected():
    watch = worked(by_day, 10 * WEEK_HOURS + 10)
    assert expected(watch)[:2] == (watch.rates[RATE], watch.weights[HOUR])


def test_in_the_first_days_hours_are_not_told_apart():
    watch = Watch()
    for hour in range(MONDAY, MONDAY + 40):
        close(watch, hour * LENGTH_US[HOUR], whole=True)
        assert expected(watch)[:2] == (watch.rates[RATE], watch.weights[HOUR])
        watch.counts[RATE] = by_day(hour)


def test_what_is_learned_behind_the_gate_is_held_to_what_is_usual_at_that_hour():
    watch = worked(by_day)
    night = MONDAY + 10 * WEEK_HOURS + 3
    close(watch, night * LENGTH_US[HOUR], whole=False)
    before, usual = watch.week[cell(night)], expected(watch)
    watch.counts[RATE] = 10_000
    close(watch, (night + 1) * LENGTH_US[HOUR], whole=False)
    most = 4 * (usual[0] + 1) / (usual[1] + 1) + 4
    assert before < watch.week[cell(night)] <= before + 16 * most


def test_half_is_left_after_thirty_days():
    week = pass_by(dict.fromkeys(range(PARTS), 16_000_000), MONDAY, 0.0, MONDAY + 30 * WEEK_HOURS)
    assert week[0] / 16_000_000 == pytest.approx(0.5**7, rel=0.02)


@given(st.integers(-(10**6), 10**6), st.integers(1, 3 * WEEK_HOURS), st.integers(1, 3 * WEEK_HOURS))
def test_hours_pass_at_once_as_they_pass_one_by_one(start, first, second):
    at_once = pass_by({}, start, 5.0, start + first + second)
    stepwise = pass_by(
        pass_by({}, start, 5.0, start + first), start + first, 0.0, start + first + second
    )
    assert list(at_once.items()) == list(stepwise.items()) == sorted(at_once.items())


def test_after_years_of_silence_next_to_nothing_is_left_of_acts():
    week = pass_by(dict.fromkeys(range(PARTS), 16_000), MONDAY, 5.0, MONDAY + 10_000 * WEEK_HOURS)
    assert list(week) == [PARTS - 2, PARTS - 1]
    acts, windows = due(week, MONDAY, 0.0)
    assert acts == 0
    assert windows == pytest.approx(5 / (1 - 871 / 1024), rel=0.3)


def test_counts_of_one_mean_are_spread_as_they_are():
    generator = random.Random(7)  # noqa: S311
    week, pairs = {}, 0
    for hour in range(MONDAY, MONDAY + 3 * WEEK_HOURS):
        count = sum(4 for _ in range(20) if generator.random() < 0.1)  # two times four
        pairs += count * (count - 1)
        week = pass_by(week, hour, float(count), hour + 1)
    assert spread(week, 8.0, pairs / (3 * WEEK_HOURS)) == pytest.approx(2.6, abs=1.0)


@given(st.integers(-(10**6), 10**6), st.integers(0, 2_000))
def test_workday_hours_are_counted_one_by_one(start, length):
    one_by_one = sum(cell(hour) < 24 for hour in range(start, start + length))
    assert workday_hours(start + length) - workday_hours(start) == one_by_one


@given(st.integers(0, 100 * 366 * 24), st.integers(1, 100_000))
@example(750_000, 50)  # what is left is next to 0
def test_after_any_silence_an_hour_is_told(silence, count):
    watch = worked(by_day, 3 * WEEK_HOURS)
    close(watch, (MONDAY + 3 * WEEK_HOURS + silence) * LENGTH_US[HOUR], whole=True)
    assert 0 <= surprise(count, *expected(watch)) < math.inf
