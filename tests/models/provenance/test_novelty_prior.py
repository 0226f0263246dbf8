"""Rates of new values: they back off to general contexts, are bounded, and fade with event time."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.provenance.novelty_prior import (
    DAY,
    FLOW,
    HALF_LIFE_DAYS,
    MEMORY,
    ROOT_RATE,
    VALUE,
    NoveltyRates,
)

CONTEXTS = (1, 2, 3, 4)


def test_rates_start_at_root_rate_then_rise_or_fall():
    rates, often, never = NoveltyRates(), NoveltyRates(), NoveltyRates()
    for _ in range(50):
        often.vote(CONTEXTS, 1, 0, 1.0, day=0)
        never.vote(CONTEXTS, 0, 0, 1.0, day=0)
    assert rates.bits(CONTEXTS, VALUE, 0) == pytest.approx(-log2(ROOT_RATE))
    assert often.bits(CONTEXTS, VALUE, 0) < 0.1 < 1.7 < 6 < never.bits(CONTEXTS, VALUE, 0)


def test_a_rate_backs_off_to_the_more_general_context():
    rates = NoveltyRates()
    for _ in range(50):
        rates.vote((1, 2), 0, 0, 1.0, day=0)
    assert (
        rates.bits((1, 99), VALUE, 0)
        == rates.bits((1,), VALUE, 0)
        > NoveltyRates().bits((1,), VALUE, 0)
    )


def test_bits_of_frequent_argument_are_bounded():
    few, many = NoveltyRates(), NoveltyRates()
    for rates, votes in ((few, int(MEMORY)), (many, 100 * int(MEMORY))):
        for number in range(votes):
            rates.vote((1,), int(number % 10 == 0), 0, 1.0, day=0)
    assert many.bits((1,), VALUE, 0) == few.bits((1,), VALUE, 0)


def test_rates_forget_by_event_time():
    rates = NoveltyRates()
    for _ in range(20):
        rates.vote((1,), 0, 0, 1.0, day=0)
    bits = [rates.bits((1,), VALUE, int(HALF_LIFE_DAYS * n)) for n in range(6)]
    assert bits == sorted(bits, reverse=True)
    assert bits[-1] == pytest.approx(NoveltyRates().bits((1,), VALUE, 0), abs=0.4)


votes = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 8), st.integers(0, 90)),
    max_size=40,
)


def counted(cast) -> NoveltyRates:
    rates = NoveltyRates()
    for context, x, eighths, day in cast:
        rates.vote((context,), x, 3 - x, eighths / 8, day)
    return rates


@given(votes)
def test_order_of_votes_does_not_matter(cast):
    rates, sorted_rates = counted(cast), counted(sorted(cast, key=lambda vote: vote[3]))
    assert rates.nodes.keys() == sorted_rates.nodes.keys()
    for context, node in sorted_rates.nodes.items():
        assert rates.nodes[context] == pytest.approx(node)


def merged(one: NoveltyRates, other: NoveltyRates, day: int) -> NoveltyRates:
    """Add two tables node by node, both faded to one day."""
    total = NoveltyRates()
    for rates in (one, other):
        for context, node in rates.nodes.items():
            fade = 2.0 ** ((node[DAY] - day) / HALF_LIFE_DAYS)
            row = total.nodes.setdefault(context, [0.0] * DAY + [float(day)])
            for column in range(DAY):
                row[column] += node[column] * fade
    return total


@given(one=votes, other=votes)
def test_the_sum_of_two_tables_is_the_table_of_all_votes(one, other):
    by_day = sorted(one + other, key=lambda vote: vote[3])
    together, apart = counted(by_day), merged(*map(in_order, (one, other)), day=90)
    for context in range(4):
        for column in range(VALUE, FLOW + 3):
            expected = together.bits((context,), column, 90)
            assert apart.bits((context,), column, 90) == pytest.approx(expected)


@given(
    one=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 8))),
    cut=st.floats(0, 1),
)
def test_sum_within_a_day_is_exact(one, cut):
    cast = [(context, x, eighths, 5) for context, x, eighths in one]
    at = int(cut * len(cast))
    apart = merged(counted(cast[:at]), counted(cast[at:]), day=5)
    assert apart.nodes == counted(cast).nodes


def in_order(cast) -> NoveltyRates:
    return counted(sorted(cast, key=lambda vote: vote[3]))
