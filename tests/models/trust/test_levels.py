"""Levels, their hysteresis, the gate, and when a level changes by itself."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.errors import ConfigError
from models.trust.ledger import FULL_DAY, Item, Ledger
from models.trust.levels import (
    LEVELS,
    LevelState,
    advance,
    guard,
    level_of,
    next_change_us,
    next_level,
    release,
    risk_level,
)
from models.trust.opinion import opinion
from models.trust.policy import DEFAULT_POLICY, SEVERITIES, TrustPolicy
from models.units import DAY_US, SECOND_US

HOUR_US = DAY_US // 24
lowers = st.floats(0, 100)
instants = st.integers(0, 60 * DAY_US)
ledgers = st.builds(
    Ledger,
    days=st.dictionaries(st.integers(0, 60), st.integers(1, FULL_DAY), max_size=60),
    items=st.dictionaries(
        st.text(max_size=2),
        st.builds(
            Item,
            key=st.just("k"),
            id=st.just("a"),
            at_us=instants,
            severity=st.sampled_from(SEVERITIES),
            anomaly=st.just("x"),
            facet=st.just("data"),
            confidence=st.floats(0.25, 1),
            status=st.sampled_from(["open", "confirmed"]),
        ),
        max_size=4,
    ),
)
level_states = st.builds(
    LevelState,
    level=st.sampled_from(LEVELS),
    above_since_us=st.tuples(*[st.none() | instants] * 3),
)


@given(level_state=level_states, lower=lowers, at=instants)
def test_t14_the_level_falls_in_the_evaluation_in_which_the_score_crosses(level_state, lower, at):
    level = advance(level_state, lower, at).level
    assert LEVELS.index(level) <= LEVELS.index(level_of(lower))


@given(
    steps=st.lists(st.tuples(st.integers(0, 9 * HOUR_US), lowers), min_size=1, max_size=30),
)
@example(steps=[(9 * HOUR_US, 57.0)] * 5)  # it rises
def test_t14_the_level_rises_only_after_a_day_above_the_margin(steps):
    at, level_state, seen = 0, LevelState(), []
    for wait, lower in steps:
        at += wait
        seen.append((at, lower))
        before, level_state = level_state, advance(level_state, lower, at)
        if LEVELS.index(level_state.level) <= LEVELS.index(before.level):
            continue
        needed = DEFAULT_POLICY.bound(level_state.level) + DEFAULT_POLICY.margin
        below = [when for when, low in seen if low < needed]
        start = min(when for when, _ in seen if not below or when > below[-1])
        assert at - start >= 24 * HOUR_US


def test_a_steady_score_rises_after_exactly_a_day():
    level_state = advance(LevelState(), 57.0, 0)
    assert advance(level_state, 57.0, DAY_US - 1).level == "restricted"
    assert advance(level_state, 57.0, DAY_US).level == "normal"
    assert advance(level_state, 54.9, DAY_US).level == "watch"


def test_dip_below_the_margin_restarts_the_day():
    level_state = advance(LevelState("watch"), 60.0, 0)
    level_state = advance(level_state, 54.0, 20 * HOUR_US)
    level_state = advance(level_state, 60.0, 21 * HOUR_US)
    assert advance(level_state, 60.0, 30 * HOUR_US).level == "watch"
    assert advance(level_state, 60.0, 45 * HOUR_US).level == "normal"


def test_an_agent_between_bound_and_margin_keeps_the_level_it_has():
    for level in ("watch", "normal"):
        level_state = LevelState(level)
        for hour in range(0, 100, 5):
            level_state = advance(level_state, 52.0, hour * HOUR_US)
        assert level_state.level == level


def test_cleared_agent_rises_after_one_wait():
    level_state = advance(LevelState("restricted"), 81.0, 0)
    assert advance(level_state, 81.0, DAY_US).level == "trusted"


def test_an_evaluation_out_of_order_does_not_shorten_the_wait():
    level_state = advance(advance(LevelState(), 40.0, 10 * HOUR_US), 40.0, 0)
    assert advance(level_state, 40.0, 33 * HOUR_US).level == "restricted"
    assert advance(level_state, 40.0, 34 * HOUR_US).level == "watch"


@given(level_state=level_states, lower=lowers, times=st.tuples(instants, instants))
def test_intermediate_evaluation_does_not_change_the_level(level_state, lower, times):
    first, second = sorted(times)
    twice = advance(advance(level_state, lower, first), lower, second)
    assert advance(twice, lower, second) == twice
    once = advance(level_state, lower, second)
    if None not in level_state.above_since_us:
        assert twice == once


def an_incident(severity: str, status: str) -> Ledger:
    return Ledger(items={"k": Item("k", "a", 0, severity, "x", "data", status=status)})


def test_confirmed_critical_item_closes_the_gate_until_a_person_opens_it():
    for severity in SEVERITIES:
        for status in ("open", "confirmed", "dismissed"):
            shut = guard(LevelState("trusted"), an_incident(severity, status), "k")
            grave = (severity, status) == ("critical", "confirmed")
            assert shut.gate == ("quarantined" if grave else "open")
    shut = guard(LevelState("trusted"), an_incident("critical", "confirmed"), "k")
    for day in range(30):
        shut = advance(shut, 90.0, day * DAY_US)
    assert shut.gate == "quarantined"
    opened = advance(release(shut), 90.0, 30 * DAY_US)
    assert (opened.gate, opened.level) == ("open", "trusted")
    assert guard(opened, Ledger(), "gone").gate == "open"


@pytest.mark.parametrize(
    ("level", "risk"),
    [("trusted", "LOW"), ("normal", "LOW"), ("watch", "MEDIUM"), ("restricted", "HIGH")],
)
def test_a_level_has_a_risk_and_quarantine_is_always_high(level, risk):
    assert risk_level(level, "open") == risk
    assert risk_level(level, "quarantined") == "HIGH"


def test_levels_are_in_order():
    assert [next_level(level) for level in LEVELS] == ["watch", "normal", "trusted", None]
    assert [level_of(x) for x in (0, 25, 49.99, 50, 75, 100)] == [
        "restricted", "watch", "watch", "normal", "trusted", "trusted",
    ]  # fmt: skip


MATURE = Ledger(days=dict.fromkeys(range(60), FULL_DAY))


@given(
    ledger=ledgers,
    level=st.sampled_from(LEVELS),
    since=st.tuples(*[st.none() | st.integers(0, DAY_US)] * 3),
    at=st.integers(20 * DAY_US, 60 * DAY_US),
    horizon=st.sampled_from([60 * SECOND_US, DAY_US, 30 * DAY_US]),
)
@example(MATURE, "trusted", (None, None, None), 59 * DAY_US, 30 * DAY_US)
def test_s1_level_is_constant_before_the_next_change(ledger, level, since, at, horizon):
    def levels(*times: int) -> set[str]:
        return {advance(level_state, opinion(ledger, t).lower, t).level for t in times}

    started = tuple(None if back is None else at - back for back in since)
    level_state = advance(LevelState(level, started), opinion(ledger, at).lower, at)
    change = next_change_us(ledger, level_state, at, horizon_us=horizon)
    until = at + horizon if change is None else change
    assert at <= until <= at + horizon
    span = until - at
    # A rise takes effect at the instant given, so that instant itself is left out.
    assert levels(*(at + span * step // 97 for step in range(97)), max(at, until - 1)) == {
        level_state.level
    }


@given(ledger=ledgers, at=st.integers(20 * DAY_US, 60 * DAY_US))
@example(MATURE, 59 * DAY_US)
def test_s1_next_change_is_the_instant_at_which_the_score_reaches_the_bound(ledger, at):
    level = level_of(opinion(ledger, at).lower)
    change = next_change_us(ledger, LevelState(level), at, horizon_us=60 * DAY_US)
    if change is not None:
        # An item dated ahead brings the fall within a second, from any height.
        lowers = [opinion(ledger, change + wait).lower for wait in (0, SECOND_US)]
        assert min(lowers) < DEFAULT_POLICY.bound(level) + 1e-4


def test_a_mature_agent_falls_within_a_week_of_silence():
    at, level_state = 59 * DAY_US, LevelState("trusted")
    change = next_change_us(MATURE, level_state, at, horizon_us=30 * DAY_US)
    assert 6 * DAY_US < change - at < 7 * DAY_US
    assert next_change_us(MATURE, level_state, at, horizon_us=DAY_US) is None
    # However far one looks, within a second or two it is the same instant.
    close = next_change_us(MATURE, level_state, at, horizon_us=change - at + HOUR_US)
    assert abs(close - change) <= 2 * SECOND_US


def test_future_clean_days_do_not_hide_an_earlier_fall():
    days = dict.fromkeys([*range(60), *range(68, 80)], FULL_DAY)
    change = next_change_us(
        Ledger(days=days), LevelState("trusted"), 59 * DAY_US, horizon_us=20 * DAY_US
    )
    assert 6 * DAY_US < change - 59 * DAY_US < 7 * DAY_US


def test_dip_that_ends_by_itself_is_a_change():
    # With a trustful prior the clean days fade first, and the item later.
    policy = TrustPolicy(
        prior_weight=10.0, base_rate=0.9, positive_half_life_days=3.0, negative_half_life_days=60.0
    )
    policy.validate()
    ledger = Ledger(days=dict.fromkeys(range(60), FULL_DAY))
    ledger.add(Item("k", "a", 60 * DAY_US, "high", "x", "data"))
    lowers = [opinion(ledger, day * DAY_US, policy).lower for day in range(60, 400)]
    assert min(lowers) < lowers[0] - 1 < lowers[-1]
    policy = replace(policy, bounds={"watch": 1.0, "normal": 2.0, "trusted": lowers[0] - 1})
    horizon = 339 * DAY_US
    change = next_change_us(ledger, LevelState("trusted"), 60 * DAY_US, policy, horizon)
    assert change is not None
    assert opinion(ledger, change + SECOND_US, policy).lower < lowers[0] - 1


def test_pending_rise_is_a_change():
    level_state = LevelState("normal", (0, 0, 59 * DAY_US - 20 * HOUR_US))
    assert next_change_us(MATURE, level_state, 59 * DAY_US) == 59 * DAY_US + 4 * HOUR_US
    assert next_change_us(MATURE, level_state, 59 * DAY_US, horizon_us=3 * HOUR_US) is None


def test_item_dated_ahead_is_a_change_at_its_date():
    at = 59 * DAY_US
    ledger = replace(MATURE, items={"k": Item("k", "a", at + HOUR_US, "critical", "x", "data")})
    # Not a microsecond earlier is known: the answer is the last second that still holds.
    change = next_change_us(ledger, LevelState("trusted"), at)
    assert at + HOUR_US - SECOND_US <= change <= at + HOUR_US


def test_the_default_policy_is_valid():
    TrustPolicy().validate()


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("base_rate", 0.0, "base_rate must be above 0"),
        ("base_rate", 0.1, "must be at least 1"),
        ("prior_weight", float("nan"), "must be at least 1"),
        ("quantile", 0.6, "quantile must be above 0"),
        ("positive_half_life_days", 31.0, "positive <= negative <= confirmed"),
        ("confirmed_half_life_days", 20.0, "positive <= negative <= confirmed"),
        ("impact", {"low": 1.0, "medium": 0.5, "high": 6.0, "critical": 16.0}, "not fall"),
        ("impact", {"low": 1.0}, "not fall"),
        ("bounds", {"watch": 25.0, "normal": 20.0, "trusted": 75.0}, "must rise"),
        ("margin", -1.0, "margin must be"),
        ("rise_hours", -1.0, "rise_hours must be"),
        ("ttl_s", {"read": 5}, "must name 'unknown'"),
        ("stale_after_s", 0, "stale_after_s must be"),
    ],
)
def test_a_policy_that_breaks_an_invariant_is_refused(setting, value, says):
    with pytest.raises(ConfigError, match=says):
        replace(TrustPolicy(), **{setting: value}).validate()


def test_all_faults_of_a_policy_are_reported_together():
    wrong = replace(TrustPolicy(), margin=-1.0, stale_after_s=0)
    with pytest.raises(ConfigError, match=r"margin .*; stale_after_s"):
        wrong.validate()
