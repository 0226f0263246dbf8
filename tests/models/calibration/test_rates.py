"""Rates: rarer bits are rarer days, silence makes nothing ordinary, and the budget holds."""

from __future__ import annotations

import itertools
from math import e, log2
from operator import le
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alerting.combination import combine
from models.alerting.return_period import is_case, return_period_bits
from models.calibration.day_maxima import BIN_BITS, BINS, DayMaxima
from models.calibration.rates import Rates
from models.calibration.series import COMBINATION, Series
from models.constants import COMBINED_DAYS, NOISE_BITS, RARE_BITS
from models.features.family import Family

AGENTS = 6
CALLS = Series("calls", "breadth")
NUMBER = CALLS.id
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
    rates, own = Rates([CALLS]), [DayMaxima() for _ in range(AGENTS)]
    for day, agent, state, bits in past:
        rates.close(day, f"role {agent % 2}", state, own[agent], {NUMBER: bits})
    rates.publish(200)
    return rates, own


@given(past_days, st.integers(0, AGENTS - 1), st.sampled_from([None, "new"]))
def test_k1_rarity_never_falls_with_bits(past: list, agent: int, state: str | None) -> None:
    rates, own = rates_of(past)
    found = [
        rates.rarity(own[agent], f"role {agent % 2}", state, NUMBER, place * BIN_BITS)
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
    before = rates.rarity(own[agent], role, None, NUMBER, bits)
    rates.close(200, role, None, own[agent], {})
    rates.publish(200)
    assert rates.rarity(own[agent], role, None, NUMBER, bits) >= before - 1e-9


def test_days_of_new_agents_judge_new_agents_alone() -> None:
    rates, own = Rates([CALLS]), DayMaxima()
    for day in range(300):
        rates.close(day, "clerk", "new", None, {NUMBER: 9.0})
        rates.close(day, "clerk", None, own, {NUMBER: 1.0})
    rates.publish(300)
    assert rates.rarity(None, "clerk", "new", NUMBER, 9.0) < 1.0
    assert rates.rarity(None, "clerk", None, NUMBER, 9.0) > 3.0


@given(past_days, st.integers(0, AGENTS - 1), st.floats(0, 79), st.floats(0, 79))
def test_k1_rarity_never_falls_between_bins_either(
    past: list, agent: int, first: float, second: float
) -> None:
    rates, own = rates_of(past)
    low, high = (
        rates.rarity(own[agent], f"role {agent % 2}", None, NUMBER, bits)
        for bits in sorted((first, second))
    )
    assert 0.0 <= low <= high + 1e-9


@given(past_days, st.integers(0, BINS - 2), st.floats(0, 1))
def test_between_two_bins_rarity_is_interpolated(past: list, place: int, share: float) -> None:
    rates, own = rates_of(past)
    low, middle, high = (
        rates.rarity(own[0], "role 0", None, NUMBER, (place + part) * BIN_BITS)
        for part in (0.0, share, 1.0)
    )
    assert middle == pytest.approx(low + share * (high - low), abs=1e-6)


def test_the_tail_of_a_series_slows_down_and_never_ends() -> None:
    """Beyond the highest days a bit is worth at most a bit of rarity, and less and less."""
    rates, draw = Rates([CALLS]), Random(4)  # noqa: S311 - a simulation
    for day in range(4_000):
        rates.close(day // 100, "clerk", None, None, {NUMBER: draw.expovariate(0.7)})
    rates.publish(40)
    found = [rates.rarity(None, "clerk", None, NUMBER, bits) for bits in range(8, 78)]
    steps = [later - earlier for earlier, later in itertools.pairwise(found)]
    tail = steps[6:]
    assert all(0.0 < step <= 1.0 + 1e-9 for step in tail)
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(tail))
    assert tail[-1] < tail[0] / 4


def test_a_thin_history_leans_on_the_role_and_the_role_on_the_fleet() -> None:
    """Clerks come to nine bits on each tenth day, buyers never; nobody knows the new ones yet."""
    rates = Rates([CALLS])
    for day in range(600):
        for role, bits in (("clerk", 9.0 if day % 10 == 0 else 1.0), ("buyer", 1.0)):
            rates.close(day // 10, role, None, None, {NUMBER: bits})
    rates.publish(60)
    clerk, buyer, other = (
        rates.rarity(DayMaxima(), role, None, NUMBER, 9.0) for role in ("clerk", "buyer", "cook")
    )
    assert clerk < other < buyer
    own = DayMaxima()
    for day in range(20):
        rates.close(60 + day, "buyer", None, own, {NUMBER: 9.0})
    assert rates.rarity(own, "buyer", None, NUMBER, 9.0) < buyer - 3.0


def test_days_of_new_agents_leave_their_role_unchanged() -> None:
    rates, untouched = Rates([CALLS]), Rates([CALLS])
    for day in range(300):
        for one in (rates, untouched):
            one.close(day, "clerk", None, None, {NUMBER: 1.0})
        rates.close(day, "clerk", "new", None, {NUMBER: 9.0})
    for one in (rates, untouched):
        one.publish(300)
    for bits in (1.0, 5.0, 9.0, 30.0):
        assert rates.rarity(None, "clerk", None, NUMBER, bits) == untouched.rarity(
            None, "clerk", None, NUMBER, bits
        )


@pytest.mark.parametrize("cases", [0, 4, 600])
def test_cases_count_for_the_fleet_but_never_as_more_than_rare_days(cases: int) -> None:
    bits = 30.0
    rates, untouched = Rates([CALLS]), Rates([CALLS])
    for day in range(1200):
        for one in (rates, untouched):
            one.close(day // 20, "clerk", None, None, {NUMBER: 1.0})
        if day < cases:
            rates.count_case(day // 20, {NUMBER: bits})
    for one in (rates, untouched):
        one.publish(60)
    found, before = (one.rarity(None, "clerk", None, NUMBER, bits) for one in (rates, untouched))
    assert found < before if cases else found == before
    assert found > RARE_BITS - 0.2
    assert all(map(le, for_others(rates), for_others(untouched)))


def fleet_of(agents: int, days: int) -> Rates:
    """Give the rates of a fleet whose days come to some bits, published each day."""
    rates, draw = Rates([CALLS]), Random(9)  # noqa: S311 - a simulation
    own = [DayMaxima() for _ in range(agents)]
    for day in range(days):
        for one in own:
            rates.close(day, "clerk", None, one, {NUMBER: draw.expovariate(0.7)})
        rates.publish(day)
    return rates


def for_others(rates: Rates) -> list[float]:
    """Give the rarity of every bin, for an agent without a past."""
    return [rates.rarity(None, "clerk", None, NUMBER, place * BIN_BITS) for place in range(BINS)]


@pytest.mark.parametrize("rare", [20.0, 40.0, 79.0])
def test_a_rare_day_of_one_agent_is_for_others_a_day_at_the_bar(rare: float) -> None:
    before = for_others(fleet_of(20, 50))
    bar = next(at for at, rarity in enumerate(before) if rarity >= RARE_BITS)
    assert rare > (bar + 1) * BIN_BITS
    after = []
    for bits in (rare, bar * BIN_BITS):
        rates = fleet_of(20, 50)
        rates.close(50, "clerk", None, DayMaxima(), {NUMBER: bits})
        rates.publish(50)
        after.append(for_others(rates))
    assert after[0] == after[1]
    assert min(one - other for one, other in zip(after[0], before, strict=True)) > -0.2
    assert after[0][-1] >= before[-1] - 0.2


def test_ten_rare_days_of_one_agent_make_them_ordinary_for_that_agent_alone() -> None:
    rates = Rates([CALLS])
    attacked, other = DayMaxima(), DayMaxima()
    for day in range(300):
        rates.close(day, "clerk", None, other, {NUMBER: 1.0})
        rates.close(day, "clerk", None, attacked, {NUMBER: 1.0})
        rates.publish(day)
    before = rates.rarity(other, "clerk", None, NUMBER, 40.0)
    for day in range(300, 310):
        rates.close(day, "clerk", None, attacked, {NUMBER: 40.0})
    rates.publish(310)
    assert rates.rarity(other, "clerk", None, NUMBER, 40.0) >= before - 0.3
    assert rates.rarity(attacked, "clerk", None, NUMBER, 40.0) < before - 3.0


def cases_a_day(agents: int, detectors: int, days: int, *, uneven: bool) -> float:
    """Give the share of the budget that random scores of one distribution use after 30 days."""
    random, budget = Random(1), 5.0  # noqa: S311 - a simulation
    series = [Series(f"detector {number}", f"detector {number}") for number in range(detectors)]
    families = {one.family: Family(one.family, one.family, "", "") for one in series}
    rates, combined = Rates(series), Rates([COMBINATION], COMBINED_DAYS)
    own = [DayMaxima() for _ in range(agents)]
    active = [min(1.0, random.paretovariate(1) / 10) if uneven else 1.0 for _ in range(agents)]
    raised = 0
    for day in range(days):
        rates.publish(day)
        combined.publish(day, max(RARE_BITS, log2(sum(active))))
        for agent in range(agents):
            if random.random() > active[agent]:
                continue
            bits = {one.id: random.expovariate(0.35) for one in series if random.random() < 0.5}
            rarities = {
                one.family: rates.rarity(own[agent], "", None, one.id, bits[one.id])
                for one in series
                if one.id in bits
            }
            total = combine(families, rarities).bits
            rarity = combined.rarity(None, "", None, COMBINATION.id, total)
            raised += day >= 30 and is_case(return_period_bits(rarity, sum(active)), budget)
            rates.close(day, "", None, own[agent], bits)
            combined.close(day, "", None, None, {COMBINATION.id: total})
    return raised / (days - 30) / budget


@pytest.mark.parametrize(
    ("agents", "detectors", "uneven"),
    [
        (10, 1, False),
        (10, 30, True),
        (100, 1, True),
        (100, 1, False),
        pytest.param(10, 30, False, marks=pytest.mark.nightly),
        pytest.param(100, 30, False, marks=pytest.mark.nightly),
        pytest.param(100, 30, True, marks=pytest.mark.nightly),
        pytest.param(1_000, 1, False, marks=pytest.mark.nightly),
        pytest.param(1_000, 1, True, marks=pytest.mark.nightly),
        pytest.param(1_000, 30, False, marks=[pytest.mark.nightly, pytest.mark.timeout(1_800)]),
        pytest.param(1_000, 30, True, marks=[pytest.mark.nightly, pytest.mark.timeout(1_800)]),
    ],
)
def test_k4_false_cases_a_day_are_what_the_budget_says(
    agents: int, detectors: int, uneven: bool
) -> None:
    assert 0.5 <= cases_a_day(agents, detectors, 200, uneven=uneven) <= 1.2


def rarities_beside_noise(noise: int) -> list[float]:
    """Give what one series is worth after a past in which so many noisy ones spoke as well."""
    noisy = [Series(f"noise {number}", f"noise {number}") for number in range(noise)]
    rates = Rates([CALLS, *noisy])
    draw, other = Random(5), Random(6)  # noqa: S311 - a simulation
    for day in range(200):
        bits = {NUMBER: draw.expovariate(0.5)}
        bits |= {one.id: other.expovariate(0.2) for one in noisy}
        rates.close(day // 4, "clerk", None, None, bits)
    rates.publish(50)
    return for_others(rates)


def test_k6_noise_changes_no_rarity_of_another_series() -> None:
    assert rarities_beside_noise(0) == rarities_beside_noise(7)


@given(
    st.dictionaries(st.sampled_from("abc"), st.floats(NOISE_BITS, 20), min_size=1),
    st.floats(0, NOISE_BITS),
)
def test_k6_ordinary_noise_changes_no_combination(found: dict[str, float], noise: float) -> None:
    """A detector whose rarity is below one day in eight adds nothing to a session."""
    families = {name: Family(name, name, "", "") for name in "abcz"}
    beside = combine(families, found | {"z": noise})
    assert beside == combine(families, found)


def test_a_state_continues_above_what_is_counted_as_ordinary_days_do() -> None:
    """After a deployment, days bring three bits more than ordinary ones."""
    rates, draw = Rates([CALLS]), Random(5)  # noqa: S311 - a simulation
    for day in range(60):
        for _ in range(100):
            bits = draw.expovariate(0.7)
            rates.close(day, "clerk", None, None, {NUMBER: bits})
            rates.close(day, "clerk", "deployed", None, {NUMBER: bits + 3.0})
        rates.publish(day)
    found = {
        bits: [rates.rarity(None, "clerk", state, NUMBER, bits) for state in (None, "deployed")]
        for bits in range(1, 40)
    }
    for bits in range(5, 13):
        assert found[bits][1] == pytest.approx(0.7 * (bits - 3) * log2(e), abs=2.0)
    assert all(deployed <= ordinary for ordinary, deployed in found.values())
    for low, high in itertools.pairwise(range(15, 40)):
        ordinary, deployed = (found[high][at] - found[low][at] for at in (0, 1))
        assert 0.0 <= deployed <= ordinary + 1e-9
