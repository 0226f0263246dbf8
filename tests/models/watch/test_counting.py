"""Counts of windows: bursts show before the window closes, whatever the history."""

from __future__ import annotations

from itertools import pairwise
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.event import Resource
from models.watch import counting
from models.watch.counting import (
    COUNTED,
    DAY,
    HOUR,
    LENGTH_US,
    METRIC_OF,
    MINUTE,
    RATE,
    RATE_DAY,
    REMEMBERED,
    RISE_BITS,
    close,
    count,
    remembers,
    shape_in_bursts,
    shape_of,
    surprise,
)  # fmt: skip
from models.watch.state import Watch

HOUR_US = LENGTH_US[HOUR]


def hours(counts):
    """Give the memory of an agent that acted so often in each hour."""
    watch = Watch()
    for hour, acts in enumerate(counts):
        close(watch, hour * HOUR_US, whole=True)
        watch.counts[RATE] = acts
    close(watch, len(counts) * HOUR_US, whole=True)
    return watch


def test_c6_a_constant_history_does_not_blind_it():
    watch = hours([10] * 400)
    assert surprise(60, watch.rates[RATE], watch.weights[HOUR]) > -log2(1e-6)
    assert surprise(12, watch.rates[RATE], watch.weights[HOUR]) < 3


@given(st.integers(0, 300), st.floats(0, 1e4), st.floats(0, 1e3))
def test_more_is_never_less_surprising(count, rate, weight):
    assert 0 <= surprise(count, rate, weight) <= surprise(count + 1, rate, weight) + 1e-9


def test_empty_hours_are_observations_of_zero():
    busy, idle = hours([10] * 50), hours([10] * 50)
    close(idle, 300 * HOUR_US, whole=True)
    assert idle.weights[HOUR] > busy.weights[HOUR]
    assert idle.rates[RATE] < busy.rates[RATE]


@given(st.integers(2, 40))
def test_empty_hours_at_once_are_as_empty_hours_one_by_one(empty):
    at_once, stepwise = hours([7, 3]), hours([7, 3])
    close(at_once, (2 + empty) * HOUR_US, whole=True)
    for hour in range(3, 3 + empty):
        close(stepwise, hour * HOUR_US, whole=True)
    assert at_once.rates[RATE] == pytest.approx(stepwise.rates[RATE])
    assert at_once.weights[HOUR] == pytest.approx(stepwise.weights[HOUR])


def test_a_burst_is_learned_as_hardly_more_than_expected_behind_the_gate():
    watch = hours([5] * 100)
    before = watch.rates[RATE] / watch.weights[HOUR]
    watch.counts[RATE] = 10_000
    close(watch, 101 * HOUR_US, whole=False)
    assert watch.rates[RATE] / watch.weights[HOUR] < before * 1.1


@given(st.integers(1, 60), st.floats(0, 200), st.floats(20, 1e3))
def test_rare_acts_in_bursts_are_less_surprising_than_one_by_one(count, rate, weight):
    squares = rate * 2
    bursts = shape_in_bursts(rate, squares, weight)
    assert surprise(count, rate, weight, bursts) <= surprise(count, rate, weight) + 1e-9


def test_a_first_few_deletions_and_a_wave_of_them_are_told_apart():
    few, wave = (surprise(n, 0.0, 700.0, shape_in_bursts(0.0, 0.0, 700.0)) for n in (4, 30))
    assert few < 20
    assert wave > 2.5 * few


def test_minutes_are_compared_with_minutes_of_work():
    watch = Watch()
    for hour in range(100):  # eight calls within a minute, once an hour
        close(watch, hour * HOUR_US, whole=True)
        for index, (_, window) in enumerate(COUNTED):
            if window == MINUTE:
                watch.counts[index] = 8
    close(watch, 100 * HOUR_US, whole=True)
    assert surprise(8, watch.rates[0], watch.weights[MINUTE]) < 3
    assert surprise(80, watch.rates[0], watch.weights[MINUTE]) > 20


def test_the_windows_are_a_minute_an_hour_and_a_day():
    assert LENGTH_US[DAY] == 24 * LENGTH_US[HOUR] == 24 * 60 * LENGTH_US[MINUTE]
    assert counting.MAX_BITS == 250


def test_a_busy_hour_is_looked_at_again_only_as_it_rises(an_event):
    watch, seen = hours([5] * 200), []
    for number in range(120):
        found = count(watch, an_event(at=200 * 60 + number / 10), -1)
        seen += [one for one in found if one[0] == METRIC_OF[RATE]]
    looked_at = [bits for _, bits, _, _, risen in seen if risen]
    assert len(seen) > 90
    assert 3 < len(looked_at) <= looked_at[-1] / RISE_BITS
    assert all(later >= earlier + 1 for earlier, later in pairwise(looked_at))


def test_what_was_looked_at_is_forgotten_with_the_window(an_event):
    watch = hours([5] * 200)
    for number in range(120):
        count(watch, an_event(at=200 * 60 + number / 10), -1)
    assert watch.peaks[RATE] > 0
    close(watch, 201 * HOUR_US, whole=True)
    assert watch.peaks[RATE] == 0


def test_an_agents_first_days_are_not_held_against_it(an_event):
    watch = hours([20] * 30)  # a day and a little
    found = [count(watch, an_event(at=30 * 60 + n / 10), -1) for n in range(500)]
    told = {metric for one in found for metric, *_ in one}
    assert METRIC_OF[RATE] in told
    assert METRIC_OF[RATE_DAY] not in told


@given(st.floats(1, 1e4), st.floats(1, 500))
def test_few_windows_never_look_more_even_than_many_of_the_kind(rate, weight):
    assert shape_of(rate, rate * rate / weight, weight) <= shape_of(
        4 * rate, 4 * rate * rate / weight, 4 * weight
    ) * (1 + 1e-9)


def test_changes_of_a_memory_are_counted_and_looks_at_it_are_not(an_event):
    watch = Watch()
    notes = Resource(id="Memory/notes")
    for tool, operation, resource in (
        ("memory.save", "write", None),
        ("notes.put", "write", notes),
        ("memory.recall", "read", None),
        ("notes.put", "write", Resource(id="crm/memory/7")),
    ):
        count(watch, an_event(at=60, tool=tool, operation=operation, resource=resource), -1)
    assert watch.counts[REMEMBERED] == 2
    assert remembers(an_event(tool="memory.recall"))


def test_writing_into_a_memory_again_and_again_is_odd_where_once_is_not(an_event):
    watch = hours([5] * 200)
    bits = [
        one[1]
        for n in range(11)
        for one in count(
            watch, an_event(at=200 * 60 + n, tool="memory.save", operation="write"), -1
        )
        if one[0] == METRIC_OF[REMEMBERED]
    ]
    assert len(bits) >= 9
    assert bits[-1] > 20 > bits[0]
