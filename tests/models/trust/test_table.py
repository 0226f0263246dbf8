"""The table of situations of the design note, to the precision printed there."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from models.trust.ledger import FULL_DAY, Item, Ledger
from models.trust.opinion import forecast, opine, opinion, recovery
from models.trust.policy import DEFAULT_POLICY
from models.units import DAY_US

IMPACT = {"medium": 2.0, "high": 6.0, "critical": 16.0}


def mature(days: int = 120) -> Ledger:
    return Ledger(days=dict.fromkeys(range(days), FULL_DAY))


@pytest.mark.parametrize(
    ("days", "score", "lower"), [(7, 80.1, 57.3), (30, 90.0, 77.4), (120, 91.9, 81.5)]
)
def test_clean_days_build_trust(days, score, lower):
    found = opinion(mature(days), (days - 1) * DAY_US)
    assert (round(found.score, 1), round(found.lower, 1)) == (score, lower)


def test_an_unknown_agent_gets_the_prior():
    found = opinion(Ledger(), 0)
    assert (round(found.score, 1), round(found.lower, 1)) == (50.0, 13.5)
    assert found.uncertainty == 1


@pytest.mark.parametrize(
    ("severity", "score", "lower"),
    [("medium", 85.0, 72.5), ("high", 73.9, 60.2), ("critical", 55.7, 42.9)],
)
def test_one_item_lowers_a_mature_agent(severity, score, lower):
    # Another day's item: the table leaves every one of the 120 days clean.
    ledger, at = mature(), 119 * DAY_US
    positive = opinion(ledger, at).positive
    found = opine(positive, IMPACT[severity])
    assert (round(found.score, 1), round(found.lower, 1)) == (score, lower)
    # Its own day no longer counts, which costs about one more point.
    ledger.add(Item("k", "a-1", at, severity, "x", "data"))
    assert found.score - 1.2 < opinion(ledger, at).score < found.score


def test_ten_items_of_one_cause_weigh_as_one():
    def ten(cause) -> float:
        ledger, at = mature(), 120 * DAY_US - 1
        positive = opinion(ledger, 119 * DAY_US).positive
        ledger.days.clear()
        for place in range(10):
            ledger.add(Item(cause(place), f"a-{place}", at, "medium", "x", "data"))
        return opine(positive, opinion(ledger, at).negative).score

    assert round(ten(lambda _: "one"), 1) == 85.0
    assert round(ten(str), 1) == 50.7


@pytest.mark.parametrize(
    ("severity", "confirmed", "days"),
    [("high", False, 48), ("critical", False, 90), ("high", True, 285), ("critical", True, 540)],
)
def test_trust_recovers_slowly(severity, confirmed, days):
    ledger, at = mature(), 119 * DAY_US
    status = "confirmed" if confirmed else "open"
    ledger.add(Item("k", "a-1", at, severity, "x", "data", status=status))
    assert forecast(ledger, at, clean_days=days - 1).score < 85
    assert forecast(ledger, at, clean_days=days).score >= 85


@pytest.mark.parametrize(("idle", "score", "lower"), [(30, 76.9, 51.4), (120, 50.7, 14.2)])
def test_an_idle_agent_is_forgotten(idle, score, lower):
    found = opinion(mature(), (119 + idle) * DAY_US)
    assert round(found.score, 1) == score
    assert round(found.lower, 1) == lower


@pytest.mark.parametrize("hour", [0, 13])
def test_forecast_equals_the_score_after_such_days(hour):
    at = 119 * DAY_US + hour * DAY_US // 24
    ledger = mature()
    ledger.add(Item("k", "a-1", at, "high", "x", "data"))
    for days in (1, 10, 100):
        run = mature(120 + days)
        run.items = ledger.items
        # The closed form does not forget days at ten half-lives.
        promised, came = forecast(ledger, at, clean_days=days), opinion(run, at + days * DAY_US)
        assert promised.score == pytest.approx(came.score, abs=0.02)
        assert promised.lower == pytest.approx(came.lower, abs=0.02)


@pytest.mark.parametrize("level", ["watch", "normal", "trusted"])
def test_recovery_is_the_first_day_on_which_the_bound_is_reached(level):
    ledger, at = mature(3), 3 * DAY_US
    ledger.add(Item("k", "a-1", at, "critical", "x", "data"))
    bound, days = (
        {"watch": 25, "normal": 50, "trusted": 75}[level],
        recovery(ledger, at, level=level),
    )
    assert forecast(ledger, at, clean_days=days).lower >= bound
    assert forecast(ledger, at, clean_days=days - 1).lower < bound


def test_recovery_of_an_agent_without_evidence_takes_no_days():
    assert recovery(mature(), 119 * DAY_US) == 0


def test_unreachable_bound_has_no_number_of_days():
    policy = replace(DEFAULT_POLICY, bounds={"watch": 25.0, "normal": 50.0, "trusted": 95.0})
    assert recovery(mature(), 119 * DAY_US, policy) is None
