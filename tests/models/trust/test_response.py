"""The trust answer: its shape, which mode speaks, how long it holds."""

from __future__ import annotations

import itertools
import json
from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.event import microseconds
from models.trust.ledger import FULL_DAY, Item, Ledger
from models.trust.levels import LEVELS, LevelState, advance, level_of
from models.trust.opinion import opinion
from models.trust.policy import SEVERITIES, TrustPolicy
from models.trust.response import (
    DEFAULT_OBLIGATIONS,
    Answer,
    TrustState,
    encode,
    etag,
    trust_answer,
)
from models.units import DAY_US, SECOND_US

POLICY = TrustPolicy(version="p1")
AT = 20_500 * DAY_US
NOW = AT + 3 * SECOND_US


def days_before(count: int) -> dict[int, int]:
    return dict.fromkeys(range(20_501 - count, 20_501), FULL_DAY)


def an_item(key: str = "k", **changes) -> Item:
    return replace(Item(key, f"a-{key}", AT, "high", "resource.new", "data"), **changes)


def a_state(clean: int = 60, *items: Item, **changes) -> TrustState:
    ledger = Ledger(days=days_before(clean), items={item.key: item for item in items})
    found = opinion(ledger, AT).lower
    state = TrustState(
        agent_id="agent-1",
        mode="delegated",
        state="active",
        ledger=ledger,
        level_state=LevelState(level_of(found)),
        config_version="c1",
    )
    return replace(state, **changes)


def ask(*states: TrustState, **options) -> Answer:
    return trust_answer(list(states), "agent-1", AT, NOW, POLICY, **options)


def valid_for_us(answer: Answer) -> int:
    return microseconds(datetime.fromisoformat(answer.valid_until)) - NOW


def test_the_keys_are_those_of_the_contract_in_its_order():
    body = json.loads(encode(ask(a_state(30, an_item()))))
    assert list(body) == [
        "agent_id", "score", "lower", "belief", "disbelief", "uncertainty", "level", "gate",
        "state", "mode", "facets", "reasons", "obligations", "recovers", "as_of", "computed_at",
        "valid_until", "config_version",
    ]  # fmt: skip
    assert list(body["facets"]) == ["tools", "data", "network", "volume", "identity"]
    assert list(body["reasons"][0]) == ["anomaly", "severity", "effect", "at", "id"]
    assert list(body["obligations"]) == ["max_credential_ttl_s", "step_up"]
    assert list(body["recovers"]) == ["to", "clean_days"]
    assert body["config_version"] == "c1"
    assert body["as_of"] == "2026-02-16T00:00:00.000000Z"
    assert body["computed_at"] == "2026-02-16T00:00:03.000000Z"


def test_an_unknown_agent_is_a_normal_answer():
    answer = ask()
    assert (answer.score, answer.lower, answer.uncertainty) == (50, 13, 1)
    assert (answer.level, answer.gate, answer.state) == ("restricted", "open", "unknown")
    assert (answer.mode, answer.reasons, answer.config_version) == ("unknown", [], "p1")
    assert answer.recovers is not None
    assert answer.recovers.to == "watch"
    assert valid_for_us(answer) == 60 * SECOND_US


@given(
    clean=st.integers(0, 140),
    grades=st.lists(st.tuples(st.sampled_from(SEVERITIES), st.floats(0, 1)), max_size=8),
)
def test_integers_agree_with_the_level_and_the_shares_add_up(clean, grades):
    items = [
        an_item(str(place), severity=severity, confidence=sure, at_us=AT - place * DAY_US)
        for place, (severity, sure) in enumerate(grades)
    ]
    answer = ask(a_state(clean, *items))
    assert 0 <= answer.lower <= answer.score <= 100
    assert level_of(answer.lower) == answer.level
    shares = answer.belief + answer.disbelief + answer.uncertainty
    assert shares == pytest.approx(1, abs=1e-9)
    facets = msgspec.structs.asdict(answer.facets).values()
    assert min(facets) >= answer.score
    assert all(reason.effect < 0 for reason in answer.reasons)
    assert len(answer.reasons) <= 5


def test_reasons_come_largest_first_and_name_the_anomaly():
    answer = ask(
        a_state(60, an_item("m", severity="medium"), an_item("c", severity="critical"))
    )  # fmt: skip
    assert [reason.id for reason in answer.reasons] == ["a-c", "a-m"]
    assert answer.reasons[0].severity == "critical"
    assert answer.reasons[0].at == "2026-02-16T00:00:00.000000Z"


def test_an_item_lowers_its_own_facet_only():
    answer = ask(a_state(60, an_item()))
    assert answer.facets.data == answer.score
    assert answer.facets.tools == answer.facets.network == answer.facets.volume == 92
    assert ask(a_state(60, an_item(facet="identity"))).facets.data == 92


def test_default_answer_is_that_of_the_mode_with_the_lowest_score():
    good = a_state(60, mode="delegated")
    bad = a_state(60, an_item(severity="critical"), mode="autonomous")
    for states in ((good, bad), (bad, good)):
        assert ask(*states).mode == "autonomous"
        assert ask(*states, mode="delegated").level == "trusted"
    missing = ask(good, mode="autonomous")
    assert (missing.state, missing.mode, missing.score) == ("unknown", "autonomous", 50)


def test_closed_gate_of_one_mode_closes_all_modes():
    calm = a_state(10, mode="autonomous")
    shut = a_state(60, mode="delegated", level_state=LevelState("trusted", gate="quarantined"))
    answer = ask(calm, shut)
    assert (answer.mode, answer.gate) == ("autonomous", "quarantined")
    assert answer.obligations == DEFAULT_OBLIGATIONS["quarantined"]
    for mode in ("autonomous", "unknown"):
        assert ask(calm, shut, mode=mode).gate == "quarantined"


@pytest.mark.parametrize("level", LEVELS)
def test_obligations_follow_the_level(level):
    clean = {"restricted": 0, "watch": 3, "normal": 10, "trusted": 60}[level]
    answer = ask(a_state(clean))
    assert answer.level == level
    assert answer.obligations == DEFAULT_OBLIGATIONS[level]


def test_stale_answer_is_marked_and_not_cacheable():
    for states in ([a_state()], []):
        answer = ask(*states, stale=True)
        assert answer.state == "stale"
        assert valid_for_us(answer) == 0


def test_lag_shortens_the_validity_of_an_answer():
    assert valid_for_us(ask(a_state(), lag_us=270 * SECOND_US)) == 30 * SECOND_US
    assert valid_for_us(ask(a_state(), lag_us=400 * SECOND_US)) == 0


def test_answer_for_an_irreversible_action_has_shorter_validity_than_for_a_read():
    kept = {
        operation: valid_for_us(ask(a_state(), operation=operation)) // SECOND_US
        for operation in (None, "read", "write", "delete", "pay", "made-up")
    }
    assert kept == {None: 60, "read": 300, "write": 60, "delete": 30, "pay": 30, "made-up": 60}


def test_s1_an_answer_is_not_valid_beyond_the_next_change_by_decay():
    # 70 clean days, then silence: step to within a minute of the fall from trusted.
    ledger = Ledger(days=days_before(70))
    low, high = AT, AT + 30 * DAY_US
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if opinion(ledger, middle).lower >= 75 else (low, middle)
    state = a_state(70)
    at = high - 10 * SECOND_US
    answer = trust_answer([state], "agent-1", at, NOW, POLICY, operation="read")
    assert answer.level == "trusted"
    assert 8 * SECOND_US <= valid_for_us(answer) < 10 * SECOND_US
    assert trust_answer([state], "agent-1", high, NOW, POLICY).level == "normal"


def test_s1_an_answer_is_not_valid_beyond_a_rise_that_is_due():
    since = AT - DAY_US + 5 * SECOND_US
    state = a_state(60, level_state=LevelState("normal", (since, since, since)))
    answer = ask(state)
    assert (answer.level, valid_for_us(answer)) == ("normal", 5 * SECOND_US)
    later = trust_answer([state], "agent-1", AT + 5 * SECOND_US, NOW, POLICY)
    assert later.level == "trusted"


@given(
    clean=st.integers(0, 140),
    severity=st.sampled_from(SEVERITIES),
    sure=st.floats(0.25, 1),
    facet=st.sampled_from(["tools", "data", "network", "volume", "identity"]),
)
def test_s2_new_evidence_changes_the_tag_and_the_same_body_does_not(clean, severity, sure, facet):
    body = encode(ask(a_state(clean)))
    assert encode(ask(a_state(clean))) == body
    news = an_item(severity=severity, confidence=sure, facet=facet)
    changed = encode(ask(a_state(clean, news)))
    assert etag(changed) != etag(body) == etag(bytes(body))
    # Less well known, yet another tag: evidence on a day that was unclean already.
    assert etag(encode(ask(a_state(clean, news, replace(news, key="again"))))) != etag(changed)


def test_the_tag_is_a_strong_one_in_quotes():
    assert etag(b"a").startswith('"')
    assert etag(b"a").endswith('"')
    assert etag(b"a") != etag(b"b")


@pytest.mark.parametrize(("clean", "severity"), [(0, None), (60, "high"), (60, "critical")])
def test_the_promised_clean_days_lead_to_the_promised_level(clean, severity):
    state = a_state(clean, *([an_item(severity=severity)] if severity else []))
    promised = ask(state).recovers
    assert promised is not None
    ledger, level_state, reached = state.ledger, state.level_state, None
    for day, hour in itertools.product(range(promised.clean_days + 2), (0, 12, 24)):
        at = AT + day * DAY_US + hour * DAY_US // 24 - (hour == 24)
        if day:
            ledger.days[at // DAY_US] = FULL_DAY
        level_state = advance(level_state, opinion(ledger, at).lower, at)
        if level_state.level == promised.to:
            reached = day
            break
    assert reached == promised.clean_days


@pytest.mark.parametrize("severity", [None, "low", "high", "critical"])
@pytest.mark.parametrize("hour", [0, 1, 9, 15, 23])
def test_promised_level_is_reached_within_the_promised_days(hour, severity):
    """Whatever the time of day, and hardly earlier: at most three days before."""
    at = AT + hour * DAY_US // 24
    state = a_state(10, *([an_item(severity=severity)] if severity else []))
    promised = trust_answer([state], "agent-1", at, at, POLICY).recovers
    assert promised is not None
    ledger, level_state, reached = state.ledger, state.level_state, None
    for hours in range(24 * promised.clean_days + 1):
        now = at + hours * DAY_US // 24
        if now // DAY_US > at // DAY_US:
            ledger.days[now // DAY_US] = FULL_DAY
        level_state = advance(level_state, opinion(ledger, now).lower, now)
        if level_state.level == promised.to:
            reached = hours / 24
            break
    assert reached is not None
    assert promised.clean_days - 3 < reached <= promised.clean_days


def test_trusted_agent_needs_no_recovery():
    assert ask(a_state(60)).recovers is None


def test_unreachable_level_is_not_promised():
    policy = replace(POLICY, bounds={"watch": 25.0, "normal": 50.0, "trusted": 95.0})
    answer = trust_answer([a_state(60)], "agent-1", AT, NOW, policy)
    assert (answer.level, answer.recovers) == ("normal", None)


def test_reading_does_not_change_the_state():
    state = a_state(60, an_item())
    before = msgspec.msgpack.encode(state)
    ask(state)
    assert msgspec.msgpack.encode(state) == before


def test_a_state_survives_its_bytes():
    state = a_state(60, an_item(), an_item("b", status="dismissed", first_us=AT - 1))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=TrustState) == state


def test_stored_confidence_out_of_range_is_refused():
    raw = msgspec.msgpack.encode(a_state(1, an_item(confidence=7.0)))
    with pytest.raises(msgspec.ValidationError, match="confidence"):
        msgspec.msgpack.decode(raw, type=TrustState)
