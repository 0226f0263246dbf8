"""Day maxima are sums: neither order nor shards matter, and a day can be taken out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from models.calibration.day_maxima import BINS, UNIT, DayMaxima, bin_of
from models.calibration.fading import FadingCounts
from models.constants import HALF_LIFE_DAYS

if TYPE_CHECKING:
    from random import Random

days = st.lists(
    st.tuples(
        st.integers(0, 15 * HALF_LIFE_DAYS),
        st.dictionaries(st.integers(0, 5), st.floats(0, 90), max_size=4),
    ),
    max_size=20,
)


def table_of(past: list[tuple[int, dict[int, float]]]) -> DayMaxima:
    table = DayMaxima()
    for day, maxima in past:
        table.add(day, maxima)
    return table


def same(one: DayMaxima, other: DayMaxima) -> bool:
    """Compare two tables as of the later of their blocks."""
    block = max(one.block, other.block)
    for table in (one, other):
        table.merge(DayMaxima(block))
    return one == other


@given(days, st.randoms(use_true_random=False))
def test_k3_order_of_days_does_not_matter(past: list, random: Random) -> None:
    shuffled = list(past)
    random.shuffle(shuffled)
    assert same(table_of(past), table_of(shuffled))


@given(days, days)
def test_k3_shards_merge_to_the_table_of_all_days(one: list, other: list) -> None:
    merged = table_of(one)
    merged.merge(table_of(other))
    assert same(merged, table_of(one + other))


@given(days, days)
def test_k7_days_that_are_taken_out_leave_no_trace(kept: list, dismissed: list) -> None:
    table = table_of(kept + dismissed)
    for day, maxima in dismissed:
        table.add(day, maxima, sign=-1)
    assert same(table, table_of(kept))


@given(days)
def test_days_at_or_above_a_bin_never_grow_with_the_bin(past: list) -> None:
    table = table_of(past)
    for series in range(6):
        found = table.at_least(series)
        places = [place for place, _ in found]
        weights = [weight for _, weight in found]
        assert places == sorted(places, reverse=True)
        assert weights == sorted(weights)
        assert all(weight <= table.days for weight in weights)


def test_a_day_weighs_half_after_each_half_life() -> None:
    table = table_of([(0, {0: 7.0})])
    table.add(3 * HALF_LIFE_DAYS, {})
    assert table.at_least(0) == [(bin_of(7.0), UNIT >> 3)]
    assert table.days == UNIT + (UNIT >> 3)


def test_bits_beyond_the_last_bin_count_in_it() -> None:
    assert bin_of(1e300) == BINS - 1
    assert bin_of(-3.0) == 0


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 3), st.integers(0, 5)), max_size=30))
def test_fading_counts_do_not_depend_on_order_or_shards(past: list) -> None:
    forward, backward, shards = FadingCounts(1), FadingCounts(1), [FadingCounts(1), FadingCounts(1)]
    for day, key, number in past:
        forward.add(day, key, (number,))
        shards[key % 2].add(day, key, (number,))
    for day, key, number in reversed(past):
        backward.add(day, key, (number,))
    shards[0].merge(shards[1])
    last = FadingCounts(1, max((table.block for table in (forward, backward, *shards)), default=0))
    for table in (forward, backward, shards[0]):
        table.merge(last)
    for key in range(4):
        assert forward.get(key) == backward.get(key) == shards[0].get(key)
