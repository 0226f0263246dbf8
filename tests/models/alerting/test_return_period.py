"""Return period, severity and confidence: rarer is never less, and the budget is the bar."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alerting.return_period import confidence_of, is_case, return_period_bits, severity_of
from models.event import Agent, Event, Resource
from models.trust.policy import SEVERITIES
from tests.models.conftest import MONDAY

rarities, fleets, budgets = st.floats(0, 200), st.floats(0, 1e6), st.floats(1e-6, 1e6)


def an_event(**more) -> Event:
    return Event(id="1", time=MONDAY, agent=Agent(id="a"), tool="t", **more)


@given(rarities, rarities, fleets)
def test_k1_a_return_period_never_falls_with_the_rarity(first, second, agents):
    low, high = sorted((first, second))
    assert return_period_bits(low, agents) <= return_period_bits(high, agents)


@given(rarities, st.integers(1, 10_000), st.integers(1, 10))
def test_twice_as_many_agents_see_it_twice_as_often(rarity, agents, doublings):
    more = return_period_bits(rarity, agents * 2.0**doublings)
    assert more == pytest.approx(return_period_bits(rarity, agents) - doublings)


@given(st.floats(-60, 60), budgets)
def test_a_case_comes_at_most_as_often_as_the_budget_says(bits, budget):
    assert is_case(bits, budget) is (2.0**bits >= 1.0 / budget or bits == -log2(budget))


@given(st.floats(-60, 60), st.floats(-60, 60), budgets)
def test_confidence_never_falls_with_the_return_period(first, second, budget):
    low, high = sorted((first, second))
    assert 0.0 <= confidence_of(low, budget) <= confidence_of(high, budget) <= 1.0


@given(st.sampled_from(SEVERITIES), st.floats(-60, 60), st.floats(-60, 60))
def test_severity_never_falls_with_the_return_period(kind, first, second):
    low, high = (severity_of(kind, bits, an_event()) for bits in sorted((first, second)))
    assert SEVERITIES.index(low) <= SEVERITIES.index(high)


@pytest.mark.parametrize(
    ("more", "bits", "severity"),
    [
        ({}, 1.0, "medium"),
        ({}, -1.0, "low"),
        ({}, log2(366.0), "high"),
        ({"operation": "delete"}, 1.0, "high"),
        ({"resource": Resource(id="r", sensitivity="restricted")}, 1.0, "high"),
        ({"operation": "pay"}, -1.0, "medium"),
        ({"operation": "pay"}, 20.0, "high"),
        ({"operation": "read"}, 1.0, "medium"),
    ],
)
def test_severity_is_what_it_could_cost_and_how_rare_it_is(more, bits, severity):
    assert severity_of("medium", bits, an_event(**more)) == severity


@given(st.sampled_from(SEVERITIES), st.floats(-60, 60))
def test_only_a_person_makes_a_case_critical(kind, bits):
    event = an_event(operation="pay", resource=Resource(id="r", sensitivity="restricted"))
    assert severity_of(kind, bits, event) != "critical"
