"""Rates: rarer bits are rarer days, silence makes nothing ordinary, and the budget holds."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alerting.combination import combine
from models.alerting.return_period import is_case, return_period_bits
from models.calibration.day_maxima import BIN_BITS, BINS, DayMaxima
from models.calibration.rates import Rates, Series
from models.features.family import Family

AGENTS = 6
past_days = st.lists(
    st.tuples(
        st.integers(0, 200),
        st.integers(0, AGENTS - 1),
        st.sampled_from([None, "new"]),
        st.floats(0, 60),
    ),
    max_size=60,
)


def rates_of(past: list[tuple[int, int, str | None, float]]) -> tuple[Rates, list[DayMaxima]]:
    rates, own = Rates([Series("calls")]), [DayMaxima() for _ in range(AGENTS)]
    for day, agent, state, bits in past:
        rates.close(day, f"role {agent % 2}", state, own[agent], {0: bits})
    rates.publish(200)
    return rates, own


@given(past_days, st.integers(0, AGENTS - 1), st.sampled_from([None, "new"]))
def test_k1_rarity_never_falls_with_bits(past: list, agent: int, state: str | None) -> None:
    rates, own = rates_of(past)
    found = [
        rates.rarity(own[agent], f"role {agent % 2}", state, 0, place * BIN_BITS)
        for place in range(BINS)
    ]
    assert all(later >= earlier - 1e-9 for earlier, later in itertools.pairwise(found))
    assert found[0] == 0.0


@given(past_days, st.integers(0, AGENTS - 1), st.floats(0.5, 60))
def test_k2_a_silent_day_never_makes_bits_more_ordinary(
    past: list, agent: int, bits: float
) -> None:
    rates, own = rates_of(past)
    role = f"role {agent % 2}"
    before = rates.rarity(own[agent], role, None, 0, bits)
    rates.close(200, role, None, own[agent], {})
    rates.publish(200)
    assert rates.rarity(own[agent], role, None, 0, bits) >= before - 1e-9


def test_days_of_new_agents_judge_new_agents_alone() -> None:
    rates, own = Rates([Series("calls")]), DayMaxima()
    for day in range(300):
        rates.close(day, "clerk", "new", None, {0: 9.0})
        rates.close(day, "clerk", None, own, {0: 1.0})
    rates.publish(300)
    assert rates.rarity(None, "clerk", "new", 0, 9.0) < 1.0
    assert rates.rarity(None, "clerk", None, 0, 9.0) > 3.0


def test_a_rare_day_raises_the_bar_for_one_agent_alone() -> None:
    rates = Rates([Series("calls")])
    attacked, other = DayMaxima(), DayMaxima()
    for day in range(300):
        rates.close(day, "clerk", None, other, {0: 1.0})
        rates.close(day, "clerk", None, attacked, {0: 1.0})
        rates.publish(day)
    before = rates.rarity(other, "clerk", None, 0, 40.0)
    for day in range(300, 310):
        rates.close(day, "clerk", None, attacked, {0: 40.0})
    rates.publish(310)
    assert rates.rarity(other, "clerk", None, 0, 40.0) == pytest.approx(before, abs=0.3)
    assert rates.rarity(attacked, "clerk", None, 0, 40.0) < before - 3.0


def cases_a_day(agents: int, detectors: int, days: int, *, uneven: bool) -> float:
    """Give the share of the budget that random scores of one distribution use after 30 days."""
    random, budget = Random(1), 5.0  # noqa: S311 - a simulation
    names = [f"detector {number}" for number in range(detectors)]
    families = {name: Family(name, name) for name in names}
    rates = Rates([Series(name) for name in names])
    combined = Rates([Series("combination", declared=1.0, tail_bits=6.0)], 14)
    own = [DayMaxima() for _ in range(agents)]
    active = [min(1.0, random.paretovariate(1) / 10) if uneven else 1.0 for _ in range(agents)]
    raised = 0
    for day in range(days):
        rates.publish(day)
        combined.publish(day)
        for agent in range(agents):
            if random.random() > active[agent]:
                continue
            bits = {
                number: random.expovariate(0.35)
                for number in range(detectors)
                if random.random() < 0.5
            }
            rarities = {
                names[number]: rates.rarity(own[agent], "", None, number, found)
                for number, found in bits.items()
            }
            total = combine(families, rarities).bits
            rarity = combined.rarity(None, "", None, 0, total)
            raised += day >= 30 and is_case(return_period_bits(rarity, sum(active)), budget)
            rates.close(day, "", None, own[agent], bits)
            combined.close(day, "", None, None, {0: total})
    return raised / (days - 30) / budget


@pytest.mark.parametrize(
    ("agents", "detectors", "uneven"),
    [
        (10, 1, False),
        (10, 30, True),
        (100, 1, True),
        pytest.param(100, 30, False, marks=pytest.mark.nightly),
        pytest.param(100, 30, True, marks=pytest.mark.nightly),
        pytest.param(1_000, 1, False, marks=pytest.mark.nightly),
        pytest.param(1_000, 30, True, marks=[pytest.mark.nightly, pytest.mark.timeout(1_800)]),
    ],
)
def test_k4_false_cases_a_day_are_what_the_budget_says(
    agents: int, detectors: int, uneven: bool
) -> None:
    assert 0.5 <= cases_a_day(agents, detectors, 200, uneven=uneven) <= 1.2
