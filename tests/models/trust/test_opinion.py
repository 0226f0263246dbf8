"""The invariants of the trust arithmetic, by their numbers in the design note."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.trust.evidence import weigh
from models.trust.ledger import FULL_DAY, Item, Ledger
from models.trust.opinion import confidence, days_until, effects, forecast, opine, opinion
from models.trust.policy import DEFAULT_POLICY, SEVERITIES, TrustPolicy
from models.units import DAY_US
from tests.models.trust.histories import (
    LAST_DAY,
    a_ledger,
    evidence,
    give,
    histories,
    instants,
    later,
    open_items,
)

sums = st.floats(0, 200)


def a_policy(half_lives: list[float], prior: float, rate: float) -> TrustPolicy:
    positive, negative, confirmed = sorted(half_lives)
    policy = TrustPolicy(
        prior_weight=prior / min(rate, 1 - rate),
        base_rate=rate,
        positive_half_life_days=positive,
        negative_half_life_days=negative,
        confirmed_half_life_days=confirmed,
    )
    policy.validate()
    return policy


policies = st.builds(
    a_policy,
    st.lists(st.floats(0.5, 400), min_size=3, max_size=3),
    st.floats(1.01, 10),
    st.floats(0.1, 0.9),
)


@given(history=histories, at=later, policy=policies)
def test_t1_lower_is_at_most_the_score_and_the_shares_add_up(history, at, policy):
    found = opinion(a_ledger(history), at, policy)
    assert 0 <= found.lower <= found.score <= 100
    assert found.belief + found.disbelief + found.uncertainty == pytest.approx(1, abs=1e-12)
    assert found.uncertainty > 0
    assert found.score == pytest.approx(
        100 * (found.belief + policy.base_rate * found.uncertainty), abs=1e-9
    )


@given(data=st.data(), pieces=evidence, at=later)
def test_t2_order_and_repetition_change_no_bit(data, pieces, at):
    repeated = pieces + [piece for piece in pieces if isinstance(piece, Item)]
    shuffled = data.draw(st.permutations(repeated))
    once, again = give(Ledger(), *pieces), give(Ledger(), *shuffled)
    assert again == once
    assert opinion(again, at) == opinion(once, at)
    assert opinion(again, at, facet="data") == opinion(once, at, facet="data")


@given(order=st.permutations(range(40)), hour=st.integers(0, 23))
def test_t2_order_of_days_changes_no_bit(order, hour):
    at = 40 * DAY_US + hour * DAY_US // 24
    met = Ledger(days={day: 1 + day % FULL_DAY for day in order})
    sorted_days = Ledger(days={day: 1 + day % FULL_DAY for day in range(40)})
    assert weigh(met, at).positive == weigh(sorted_days, at).positive


@given(history=histories, item=open_items, at=later)
def test_t4_a_further_item_never_raises_trust(history, item, at):
    ledger = a_ledger(history)
    before = opinion(ledger, at)
    ledger.add(item)
    after = opinion(ledger, at)
    assert after.score <= before.score + 1e-9
    assert after.lower <= before.lower + 1e-9


@given(history=histories, event=instants, at=later)
def test_t4_a_further_clean_event_never_lowers_trust(history, event, at):
    ledger = a_ledger(history)
    before = opinion(ledger, at)
    ledger.clean(event)
    after = opinion(ledger, at)
    assert after.score >= before.score - 1e-9
    assert after.lower >= before.lower - 1e-9


@given(history=histories, item=open_items, p=st.floats(1e-12, 0.01), factor=st.floats(1, 1000))
def test_t5_worse_or_less_likely_never_means_more_trust(history, item, p, factor):
    alpha, at, item = 0.01, LAST_DAY * DAY_US, replace(item, key="fresh")

    def score(severity, p):
        ledger = a_ledger(history)
        ledger.add(replace(item, severity=severity, confidence=confidence(p, alpha)))
        return opinion(ledger, at).score

    for mild, bad in itertools.pairwise(SEVERITIES):
        assert score(bad, p) <= score(mild, p)
    assert score(item.severity, p) <= score(item.severity, min(alpha, p * factor)) + 1e-9


@given(history=histories, asked=st.lists(later, min_size=1, max_size=4), at=later)
def test_t6_earlier_evaluations_change_no_bit(history, asked, at):
    quiet, busy = a_ledger(history), a_ledger(history)
    for earlier in sorted(asked):
        if earlier <= at:
            opinion(busy, earlier)
            busy.prune(earlier)
    assert opinion(busy, at) == opinion(quiet, at)


@given(history=histories, times=st.tuples(later, later))
def test_t7_silence_never_earns_trust(history, times):
    ledger, (before, after) = a_ledger(history), sorted(times)
    start, end = opinion(ledger, before).score, opinion(ledger, after).score
    # An item is forgotten at a fixed age, at 2^-16 of its weight: six of them at most here.
    visible = 100 * 6 * 16 * 2**-16 / DEFAULT_POLICY.prior_weight
    assert end <= max(start, 50.0) + visible
    if start <= 50.0:
        assert end <= 50.0


@given(positive=sums, others=sums, weight=st.floats(0.01, 16))
def test_t8_half_of_the_drop_remains_after_a_half_life(positive, others, weight):
    before = opine(positive, others).score
    fresh, aged = opine(positive, others + weight).score, opine(positive, others + weight / 2).score
    assert before - aged >= (before - fresh) / 2 - 1e-9


@given(history=histories, facet=st.sampled_from(["tools", "identity"]))
def test_t9_a_critical_item_takes_its_exact_share_at_once(history, facet):
    ledger = a_ledger(history)
    at = LAST_DAY * DAY_US  # a day without clean events, so that only the item counts
    ledger.days.pop(LAST_DAY, None)
    before = opinion(ledger, at)
    ledger.add(Item("fresh", "a-9", at, "critical", "rule.hit", facet))
    total = before.positive + before.negative + DEFAULT_POLICY.prior_weight
    expected = before.score * (1 - 16 / (total + 16))
    assert opinion(ledger, at).score == pytest.approx(expected, abs=1e-9)


@given(times=st.lists(instants, min_size=1, max_size=20), grades=st.data(), at=later)
def test_t10_many_items_of_one_cause_weigh_no_more_than_the_largest(times, grades, at):
    batch = [replace(grades.draw(open_items), key="one cause", at_us=when) for when in times]
    weight = max(item.weight() for item in batch)
    faded = weight * 2 ** (-(at - max(times)) / (30 * DAY_US))
    assert weigh(give(Ledger(), *batch), at).negative <= faded * (1 + 1e-12)


@given(history=histories, item=open_items, at=later)
def test_t11_dismissed_item_has_no_effect(history, item, at):
    item = replace(item, key="mistake")
    without, dismissed = a_ledger(history), a_ledger(history)
    dismissed.add(replace(item, status="dismissed"))
    assert opinion(dismissed, at) == opinion(without, at)
    for facet in ("tools", "data", "network", "volume", "identity"):
        assert opinion(dismissed, at, facet=facet) == opinion(without, at, facet=facet)


@given(burst=st.lists(st.integers(0, 3 * DAY_US), max_size=200), at=st.integers(0, 10 * DAY_US))
def test_t12_clean_sum_is_bounded_at_any_rate_of_events(burst, at):
    ledger = Ledger(days=dict.fromkeys(range(-LAST_DAY, 0), FULL_DAY))
    give(ledger, *burst)
    assert opinion(ledger, at).positive <= 1 / (1 - 2 ** (-1 / 14))
    assert max(ledger.days.values()) <= FULL_DAY


@given(history=histories, at=later)
def test_effect_of_an_item_is_the_gain_of_its_dismissal(history, at):
    ledger = a_ledger(history)
    now = opinion(ledger, at).score
    found = effects(ledger, at, limit=10)
    assert [e.effect for e in found] == sorted(e.effect for e in found)
    for effect in found:
        less = a_ledger(history)
        less.items[effect.item.key] = replace(effect.item, status="dismissed")
        assert now - opinion(less, at).score == pytest.approx(effect.effect, abs=1e-9)
        assert effect.halves_at_us > at
        assert (effect.halves_at_us - effect.item.at_us) % effect.half_life_us == 0


def test_dismissal_of_one_of_two_items_does_not_restore_their_day():
    ledger = Ledger(days=dict.fromkeys(range(10), FULL_DAY))
    now = 9 * DAY_US
    for key in ("k", "l"):
        ledger.add(Item(key, f"a-{key}", now, "low", "x", "data"))
    score, first = opinion(ledger, now).score, effects(ledger, now)[0]
    ledger.add(replace(first.item, status="dismissed"))
    assert first.effect == pytest.approx(score - opinion(ledger, now).score)


@given(history=histories, at=later)
def test_overall_score_is_at_most_that_of_every_facet(history, at):
    ledger = a_ledger(history)
    whole = opinion(ledger, at).score
    for facet in ("tools", "data", "network", "volume", "identity"):
        assert opinion(ledger, at, facet=facet).score >= whole - 1e-9


def test_evidence_counts_from_its_own_instant():
    ledger = give(Ledger(), 5 * DAY_US, Item("k", "a-1", 7 * DAY_US, "high", "x", "data"))
    assert opinion(ledger, 5 * DAY_US - 1) == opine(0, 0)
    assert opinion(ledger, 7 * DAY_US - 1).negative == 0
    assert opinion(ledger, 7 * DAY_US).negative == 6
    # Seen again on day 9: it counts in full until then, and fades only from there.
    ledger.add(Item("k", "a-2", 9 * DAY_US, "high", "x", "data"))
    assert opinion(ledger, 8 * DAY_US).negative == 6
    assert opinion(ledger, 39 * DAY_US).negative == 3


def test_a_confirmed_item_fades_six_times_slower():
    ledger = give(Ledger(), Item("k", "a-1", 0, "high", "x", "data"))
    assert opinion(ledger, 180 * DAY_US).negative == 6 / 64
    ledger.add(replace(ledger.items["k"], status="confirmed"))
    assert opinion(ledger, 180 * DAY_US).negative == 3


def test_confidence_is_zero_at_the_threshold_and_at_most_one():
    assert confidence(0.02, 0.01) == 0
    assert confidence(0.01, 0.01) == 0.25
    assert confidence(0.0001, 0.01) == pytest.approx(0.75)
    assert confidence(0, 0.01) == confidence(1e-300, 0.01) == 1


@given(st.lists(st.integers(0, LAST_DAY * DAY_US), max_size=300), st.floats(5, 95))
def test_computed_day_is_the_first_at_the_bound(events, lower):
    found = weigh(give(Ledger(), *events), LAST_DAY * DAY_US)
    days = days_until(found, DEFAULT_POLICY, lower)
    after = [forecast(give(Ledger(), *events), LAST_DAY * DAY_US, clean_days=n) for n in range(99)]
    first = next((n for n, one in enumerate(after) if one.lower >= lower), None)
    assert days == first or (first is None and (days is None or days >= 99))
