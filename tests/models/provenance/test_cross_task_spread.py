"""A value in several tasks that is typical in none is spread."""

from __future__ import annotations

import pytest

from models.provenance.call_scoring import RECURRENCE_BITS
from models.provenance.cross_task_spread import (
    MAX_SPREAD_BITS,
    MIN_OTHER_TASKS,
    is_spread,
    record_spread,
)
from models.provenance.history.bounded_table import MARK_DAYS, mark_of
from models.provenance.history.learning import UNGATED_WAIT_P
from models.provenance.history.request_clusters import YOUNG, RoleTable
from models.provenance.history.vote_retraction import count_votes, novel_votes, retract_if_recurrent
from models.provenance.novelty import SPREAD, TYPICAL_SESSIONS, strata
from models.provenance.novelty_prior import VALUE
from models.provenance.session import Session, SessionVotes, Use, Vote
from models.units import DAY_US
from tests.models.provenance.subjects import subject_for

PAY = "Pay the invoice of Ines"
OTHERS = ("Sort the mail", "Vacuum the tube stock", "Landlord heating letter", "Photo album")
WEB = "result:web.browse"
VALUE_OF = 77
ATTACKER, USUAL = "DE31 9876 5432 1098", "SE77 1234 5678 9012"
CALM, ODD = 0.5, UNGATED_WAIT_P / 2


@pytest.fixture
def desk(an_empty_desk):
    """A role, no longer young, in which five kinds of request pay whom they name."""
    for number in range(2 * YOUNG):
        request(an_empty_desk, (PAY, *OTHERS)[number % 5])
    return an_empty_desk


def request(desk, purpose, value=USUAL, p=CALM):
    desk.play(desk.event(payee=[(value, ["request"])]), purpose=purpose, p=p)


def fetch(desk, purpose, value=ATTACKER, p=CALM, learning=False):
    desk.play(desk.event(payee=[(value, [WEB])]), purpose=purpose, p=p, learning=learning)


def tainted(desk, value=ATTACKER, purpose=PAY):
    return desk.score(desk.event(payee=[(value, [WEB])]), purpose=purpose).tainted


def spread(desk, kinds=MIN_OTHER_TASKS):
    for purpose in OTHERS[:kinds]:
        fetch(desk, purpose)


@pytest.mark.parametrize(("kinds", "wanders"), [(1, False), (2, False), (3, True), (4, True)])
def test_value_in_three_other_tasks_is_spread(desk, kinds, wanders):
    spread(desk, kinds)
    found = tainted(desk)
    assert bool(found.cross_task_bits) is wanders
    assert not found.recurrences, "none of the sessions was odd"


def test_similar_clusters_count_as_one_task(desk):
    for number, purpose in enumerate((*OTHERS[:2], f"{OTHERS[0]}, then the desk")):
        fetch(desk, purpose)
        assert len(desk.detector.role("clerk").clusters) == 5 + number // 2
    assert not tainted(desk).cross_task_bits
    assert not tainted(desk, purpose=OTHERS[2]).cross_task_bits
    fetch(desk, OTHERS[3])
    assert tainted(desk).cross_task_bits


def test_bits_of_spread_have_upper_bound(desk):
    spread(desk)
    assert tainted(desk).cross_task_bits == MAX_SPREAD_BITS


def test_bits_of_spread_are_its_surprise_at_argument(desk):
    spread(desk)
    for _ in range(30):
        session = desk.open(PAY)
        desk.detector.record_call(
            session, desk.judge(session, desk.event(payee=[(ATTACKER, [WEB])]))
        )
        (vote,) = session.votes.values()
        assert vote.spread
        count_votes(
            desk.detector.tables.rates, SessionVotes(session.last_us // DAY_US, 1.0, [vote])
        )
    seldom = desk.detector.tables.rates.bits(
        strata(vote.contexts, SPREAD), VALUE, session.last_us // DAY_US
    )
    assert tainted(desk).cross_task_bits == pytest.approx(seldom)
    assert 1.0 < seldom < MAX_SPREAD_BITS / 2


def test_votes_for_spread_are_retracted_with_the_others(desk):
    rates, contexts = desk.detector.tables.rates, (1, 2, 3)
    before = rates.bits(strata(contexts, SPREAD), VALUE, 0)
    role, session_votes = (
        RoleTable(),
        SessionVotes(0, 1.0, [Vote(contexts, 0, 0, 1.0, 0, spread=True)]),
    )
    count_votes(rates, session_votes)
    assert rates.bits(strata(contexts, SPREAD), VALUE, 0) < before
    role.retained_votes.keep(7, novel_votes(session_votes))
    for number in (1, 2):
        role.suspicions.add_mark(7, number, 0)
    assert retract_if_recurrent(rates, role, 7, 0)
    assert rates.nodes[strata(contexts, SPREAD)[-1]][VALUE] == 0


def test_value_requested_once_is_ordinary(desk):
    spread(desk)
    request(desk, OTHERS[3], ATTACKER, p=ODD)
    assert not tainted(desk).cross_task_bits


@pytest.mark.parametrize(
    ("times", "calm", "ordinary"), [(2, True, False), (3, True, True), (9, False, False)]
)
def test_value_typical_in_several_calm_sessions_is_ordinary(times, calm, ordinary):
    role = RoleTable()
    for number in (1, 2, 3):
        record_spread(role, carrying(level=1), number, frozenset(), calm=True)
    for _ in range(times):
        record_spread(role, carrying(level=0), 4, frozenset(), calm=calm)
    assert is_spread(role, VALUE_OF, 0, {mark_of(5)}) is not ordinary


@pytest.mark.parametrize(("p", "counted"), [(ODD, 0), (UNGATED_WAIT_P, 1), (None, 1)])
def test_anomalous_session_does_not_make_values_ordinary(desk, p, counted):
    for _ in range(int(TYPICAL_SESSIONS)):
        fetch(desk, OTHERS[0], learning=True)
    assert not tainted(desk, purpose=OTHERS[0]), "usual for such requests"
    value, ordinary = tainted(desk).value, desk.detector.role("clerk").ordinary
    before = ordinary[value] & 3
    assert before < 3, "one more can be counted"
    fetch(desk, OTHERS[0], p=p)
    assert ordinary[value] & 3 == before + counted


def test_ordinary_count_is_stored_with_last_day():
    role = RoleTable()
    for day in (4, 3, 9):
        record_spread(role, carrying(level=0, day=day), 1, frozenset(), calm=True)
    assert role.ordinary == {VALUE_OF: 9 << 2 | 3}
    role.ordinary.changed.clear()
    record_spread(role, carrying(level=0, day=9), 1, frozenset(), calm=True)
    assert not role.ordinary.changed, "nothing new, nothing to store"


def carrying(*, level, day=0):
    session = Session("billing-7", "unknown", "clerk", PAY, 0, day * DAY_US, 0, 1, learning=False)
    session.uses[1] = Use(1, VALUE_OF, 0, 5, 6, level, False, 0)
    return session


def test_spread_expires(desk):
    spread(desk)
    for _ in range(MARK_DAYS + 1):
        desk.skip_a_day()
    assert not tainted(desk).cross_task_bits


@pytest.mark.parametrize(
    ("value", "wanders"),
    [("1,250.00", False), ("2026-05-04", False), ("9041 2233 7741", True), ("ac-7741", True)],
)
def test_amounts_and_dates_match_by_chance(desk, value, wanders):
    for purpose in OTHERS[:3]:
        fetch(desk, purpose, value)
    assert bool(tainted(desk, value).cross_task_bits) is wanders


def test_value_recurring_in_one_task_is_not_spread(desk):
    for _ in range(5):
        fetch(desk, OTHERS[0], p=ODD)
    assert not tainted(desk).cross_task_bits


def test_suspicious_and_spread_value_has_sum_of_bits(desk):
    for purpose in OTHERS[:3]:
        fetch(desk, purpose, p=0.02)
    found = tainted(desk)
    assert found.recurrences == 2
    assert found.cross_task_bits > 2 * RECURRENCE_BITS + 4


def test_sessions_with_the_same_words_count_as_one_task(desk):
    """Whatever was odd about them."""
    for p in (CALM, ODD, ODD, CALM, ODD, 0.001, 0.001):
        fetch(desk, PAY, p=p)
    found = tainted(desk)
    assert (found.recurrences, found.cross_task_bits) == (0, 0.0)
    event = desk.event(payee=[(ATTACKER, [WEB])])
    assert "other tasks" not in subject_for(desk.score(event, purpose=PAY), event).text


def test_explanation_names_spread(desk):
    event = desk.event(payee=[(ATTACKER, [WEB])])
    spread(desk)
    text = subject_for(desk.score(event, purpose=PAY), event).text
    assert text.endswith("At least 3 requests unlike this one led to the same value.")
