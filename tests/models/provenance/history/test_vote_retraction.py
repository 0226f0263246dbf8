"""Votes for novelty are retracted when a value recurs across tasks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.provenance.backend import PythonDetector
from models.provenance.history.bounded_table import MARK_DAYS
from models.provenance.history.learning import GATE, QUORUM
from models.provenance.history.request_clusters import RARE, YOUNG
from models.provenance.history.session_votes import (
    MAX_RETAINED_VALUES,
    MAX_VOTES_OF_VALUE,
    RetainedVotes,
)
from models.provenance.novelty import NEW_AT_ARGUMENT
from models.provenance.novelty_prior import DAY, FLOW, VALUE, VOTES, NoveltyRates
from models.provenance.session import SessionVotes

PAY, FILE, CLEAN = "Pay the invoice of Ines", "Sort the mail", "Vacuum the tube stock"
ALSO = f"{PAY}, then phone home"  # a kind of request of its own that is like another
WEB, CRM = "result:web.browse", "result:crm.lookup"
ATTACKER = "DE31 9876 5432 1098"
SUSPECT = GATE / 2


@pytest.fixture
def desk(an_empty_desk):
    """A role, no longer young, in which nobody is paid whom a result alone names."""
    for number in range(YOUNG + 1):
        usual(an_empty_desk, (PAY, FILE, CLEAN)[number % 3])
    return an_empty_desk


def usual(desk, purpose):
    desk.play(desk.event(payee=[("SE77 1234 5678 9012", ["request"])]), purpose=purpose)


def attacked(desk, purpose, value=ATTACKER, p=SUSPECT, **more):
    desk.play(desk.event(payee=[(value, [WEB])]), purpose=purpose, p=p, **more)


def gated(desk, purpose, value=ATTACKER):
    attacked(desk, purpose, value, learning=False)


def bits(desk):
    """Give what somebody new to the role and out of a new source is worth."""
    return desk.score(desk.event(payee=[("FR76 3000 6000", [CRM])])).tainted.bits


def test_anomalous_session_votes_like_any_other(desk):
    before = bits(desk)
    attacked(desk, PAY)
    assert bits(desk) < before - 1


def test_votes_are_retracted_when_value_is_suspicious_in_another_task(desk):
    before = bits(desk)
    attacked(desk, PAY)
    gated(desk, FILE)
    assert bits(desk) == pytest.approx(before, abs=0.1)
    assert not desk.detector.role("clerk").retained_votes


def test_votes_count_without_session_of_another_task(desk):
    attacked(desk, PAY)
    before = bits(desk)
    gated(desk, PAY)
    gated(desk, FILE, "FI21 1234 5600 0007")
    assert bits(desk) == pytest.approx(before, abs=0.1)


def test_sessions_of_recurrent_value_do_not_vote(desk):
    for purpose in (PAY, FILE):
        gated(desk, purpose)
    before = bits(desk)
    attacked(desk, CLEAN)
    assert bits(desk) == pytest.approx(before, abs=0.1)
    assert not desk.detector.role("clerk").retained_votes


def test_recurrent_value_is_never_learned(desk):
    attacked(desk, PAY)
    for _ in range(QUORUM + 1):
        attacked(desk, FILE)
    assert desk.score(desk.event(payee=[(ATTACKER, [WEB])])).tainted.value_level == 3


def test_similar_clusters_are_one_task(desk):
    attacked(desk, PAY)
    before = bits(desk)
    gated(desk, ALSO)
    assert bits(desk) == pytest.approx(before, abs=0.1)
    assert len(desk.detector.role("clerk").clusters) == len({PAY, FILE, CLEAN, ALSO})
    assert desk.detector.role("clerk").retained_votes
    assert again(desk, ALSO) == again(desk, PAY) == 0
    assert again(desk, FILE) == 1
    gated(desk, FILE)
    assert again(desk, ALSO) == again(desk, PAY) == again(desk, FILE) == 1
    assert again(desk, CLEAN) == 2
    assert not desk.detector.role("clerk").retained_votes


def again(desk, purpose):
    """Give in how many other kinds of request the value is said to have raised suspicion."""
    call = desk.event(payee=[(ATTACKER, [WEB])])
    return desk.score(call, purpose=purpose).tainted.recurrences


def test_value_of_many_sessions_is_typical(desk):
    for number in range(RARE):
        attacked(desk, (PAY, FILE)[number % 2])
    assert not known(desk)
    attacked(desk, FILE)
    assert known(desk)
    assert not again(desk, CLEAN)


def test_larger_role_needs_more_sessions_for_typical_value(desk):
    for number in range(2 * YOUNG):
        usual(desk, (PAY, FILE, CLEAN)[number % 3])
    for number in range(2 * RARE):
        attacked(desk, (PAY, FILE)[number % 2])
    assert not known(desk)


def test_gated_sessions_do_not_make_value_typical(desk):
    for number in range(4 * RARE):
        gated(desk, (PAY, FILE)[number % 2])
    assert not known(desk)


def test_early_sessions_count_for_typical_value(an_empty_desk):
    for number in range(YOUNG):
        purpose = (PAY, FILE, CLEAN)[number % 3]
        if number in range(30, 34):
            attacked(an_empty_desk, purpose, p=None)
        else:
            usual(an_empty_desk, purpose)
    assert not known(an_empty_desk)
    for number in range(RARE - 3):
        attacked(an_empty_desk, (PAY, FILE)[number % 2])
    assert known(an_empty_desk)


def known(desk):
    tainted = desk.score(desk.event(payee=[(ATTACKER, [WEB])])).tainted
    return tainted is None or tainted.value_level < NEW_AT_ARGUMENT + 1


def test_expired_suspicion_retracts_no_votes(desk):
    attacked(desk, PAY)
    for _ in range(MARK_DAYS + 1):
        desk.skip_a_day()
    gated(desk, FILE)
    assert len(desk.detector.role("clerk").retained_votes) == 1


def test_votes_of_session_without_peak_value_are_not_retracted(desk):
    desk.play(desk.event("rm"), purpose=PAY, p=SUSPECT)
    attacked(desk, PAY, p=GATE)
    assert not desk.detector.role("clerk").retained_votes


def test_requested_value_does_not_recur_across_tasks(desk):
    for purpose in ("Pay Zephyrine", "Sort the mail of Zephyrine"):
        attacked(desk, purpose, "zephyrine@a.example")
    role = desk.detector.role("clerk")
    assert role.suspicions
    assert not role.retained_votes


def test_value_with_typical_flow_does_not_recur_across_tasks(desk):
    for purpose in (PAY, FILE, CLEAN):
        attacked(desk, purpose, f"AT{len(purpose)} 1904 3002", p=None)
    attacked(desk, PAY)
    role = desk.detector.role("clerk")
    assert role.suspicions
    assert not role.retained_votes


def test_value_known_to_role_does_not_recur_across_tasks(desk):
    desk.play(desk.event("crm.add", who=[(ATTACKER, ["request"])]))
    attacked(desk, PAY)
    assert desk.detector.role("clerk").suspicions
    assert not desk.detector.role("clerk").retained_votes


def test_gated_session_retracts_votes_of_others(desk):
    gated(desk, PAY)
    assert not desk.detector.role("clerk").retained_votes


def test_votes_of_anomalous_early_sessions_are_retracted(an_empty_desk):
    honest, once, twice = (first(an_empty_desk, attacks) for attacks in ((), (30,), (30, 61)))
    assert once < honest - 1
    assert twice == pytest.approx(honest, abs=0.3)


def first(desk, attacks):
    """Play a role's first sessions, some of them attacked; give what somebody new is worth."""
    desk = type(desk)(desk._an_event)
    for number in range(YOUNG):
        purpose = (PAY, FILE, CLEAN)[number % 3]
        attacked(desk, purpose, p=None) if number in attacks else usual(desk, purpose)
    return bits(desk)


@pytest.mark.parametrize("whole", [False, True])
def test_retained_votes_survive_restart(desk, whole):
    shared = dict(desk.detector.dump())
    before = bits(desk)
    attacked(desk, PAY)
    attacked(desk, FILE, "FI21 1234 5600 0007")
    shared.update(desk.detector.dump(whole=whole))
    gated(desk, CLEAN, "FI21 1234 5600 0007")
    shared.update(desk.detector.dump(whole=whole))
    desk.detector = PythonDetector(b"0123456789abcdef")
    desk.detector.load(shared)
    assert len(desk.detector.role("clerk").retained_votes) == 1
    gated(desk, FILE)
    assert bits(desk) == pytest.approx(before, abs=0.1)


def test_number_of_values_with_retained_votes_is_bounded():
    retained_votes = RetainedVotes()
    for value in range(MAX_RETAINED_VALUES + 1):
        retained_votes.keep(value, SessionVotes(MAX_RETAINED_VALUES - value, 1.0, []))
    oldest = range(MAX_RETAINED_VALUES + 1 - MAX_RETAINED_VALUES // 4, MAX_RETAINED_VALUES + 1)
    assert set(oldest).isdisjoint(retained_votes)
    assert len(retained_votes) == MAX_RETAINED_VALUES + 1 - len(oldest)
    assert len(retained_votes.changed) == MAX_RETAINED_VALUES + 1


def test_number_of_retained_votes_per_value_is_bounded():
    retained_votes = RetainedVotes()
    for day in range(MAX_VOTES_OF_VALUE + 3):
        retained_votes.keep(7, SessionVotes(day, 1.0, []))
    assert [session_votes.day for session_votes in retained_votes[7]] == list(
        range(3, MAX_VOTES_OF_VALUE + 3)
    )


votes = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(1, 8), st.integers(0, 90)),
    max_size=12,
)


@given(votes, votes)
def test_retracted_votes_leave_no_trace(others, taken):
    rates, without = NoveltyRates(), NoveltyRates()
    cast = [(vote, False) for vote in others] + [(vote, True) for vote in taken]
    for (value, flow, eighths, day), back in cast:
        rates.vote((1, 2), value, flow, eighths / 8, day)
        if not back:
            without.vote((1, 2), value, flow, eighths / 8, day)
    for value, flow, eighths, day in taken:
        rates.retract((1, 2, 3), value, flow, eighths / 8, day)
    for column in (VALUE, VALUE + 3, FLOW, FLOW + 2):
        expected = without.bits((1, 2), column, 90)
        assert rates.bits((1, 2), column, 90) == pytest.approx(expected, abs=1e-9)
    assert 3 not in rates.nodes


def test_counts_stay_at_zero_or_above():
    rates = NoveltyRates()
    rates.vote((1,), 2, 1, 0.25, day=5)
    rates.retract((1,), 4, 3, 1.0, vote_day=9)
    assert rates.nodes[1] == [0.0] * (VOTES + 1) + [5.0]
    assert len(rates.nodes[1]) == DAY + 1
