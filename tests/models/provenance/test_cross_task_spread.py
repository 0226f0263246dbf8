"""A value that comes to several kinds of request and is usual in none wanders."""

from __future__ import annotations

import pytest

from models.explain.reasons import content_reasons
from models.provenance.call_scoring import RECURRENCE_BITS
from models.provenance.cross_task_spread import (
    MOST_WANDERING_BITS,
    OTHER_KINDS,
    has_wandered,
    note_wandering,
)
from models.provenance.history.learning import FREE_HOLD
from models.provenance.history.request_clusters import NOTED_DAYS, YOUNG, RoleTable, mark_of
from models.provenance.history.vote_retraction import cast, doubt, news_of
from models.provenance.novelty import OFTEN, WANDERED, strata
from models.provenance.novelty_prior import VALUE
from models.provenance.session import Ballot, Session, Use, Vote
from models.units import DAY_US

PAY = "Pay the invoice of Ines"
OTHERS = ("Sort the mail", "Vacuum the tube stock", "Landlord heating letter", "Photo album")
WEB = "result:web.browse"
VALUE_OF = 77
ATTACKER, USUAL = "DE31 9876 5432 1098", "SE77 1234 5678 9012"
CALM, ODD = 0.5, FREE_HOLD / 2


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


def carrier(desk, value=ATTACKER, purpose=PAY):
    return desk.score(desk.event(payee=[(value, [WEB])]), purpose=purpose).carrier


def wandered(desk, kinds=OTHER_KINDS):
    for purpose in OTHERS[:kinds]:
        fetch(desk, purpose)


@pytest.mark.parametrize(("kinds", "wanders"), [(1, False), (2, False), (3, True), (4, True)])
def test_what_came_to_three_other_kinds_of_request_wanders(desk, kinds, wanders):
    wandered(desk, kinds)
    found = carrier(desk)
    assert bool(found.elsewhere) is wanders
    assert not found.recurrences, "none of the sessions was odd"


def test_kinds_that_are_alike_are_one_of_the_three(desk):
    for number, purpose in enumerate((*OTHERS[:2], f"{OTHERS[0]}, then the desk")):
        fetch(desk, purpose)
        assert len(desk.detector.role("clerk").clusters) == 5 + number // 2
    assert not carrier(desk).elsewhere
    assert not carrier(desk, purpose=OTHERS[2]).elsewhere
    fetch(desk, OTHERS[3])
    assert carrier(desk).elsewhere


def test_it_is_worth_no_more_than_a_bound_however_seldom_it_is(desk):
    wandered(desk)
    assert carrier(desk).elsewhere == MOST_WANDERING_BITS


def test_it_is_worth_as_much_as_it_is_seldom_where_it_stands(desk):
    wandered(desk)
    for _ in range(30):
        session = desk.open(PAY)
        desk.detector.note(session, desk.judge(session, desk.event(payee=[(ATTACKER, [WEB])])))
        (vote,) = session.votes.values()
        assert vote.wandered
        cast(desk.detector.tables.rates, Ballot(session.last_us // DAY_US, 1.0, [vote]))
    seldom = desk.detector.tables.rates.bits(
        strata(vote.contexts, WANDERED), VALUE, session.last_us // DAY_US
    )
    assert carrier(desk).elsewhere == pytest.approx(seldom)
    assert 1.0 < seldom < MOST_WANDERING_BITS / 2


def test_what_was_said_of_it_is_taken_back_with_the_rest(desk):
    rates, contexts = desk.detector.tables.rates, (1, 2, 3)
    before = rates.bits(strata(contexts, WANDERED), VALUE, 0)
    role, ballot = RoleTable(), Ballot(0, 1.0, [Vote(contexts, 0, 0, 1.0, 0, wandered=True)])
    cast(rates, ballot)
    assert rates.bits(strata(contexts, WANDERED), VALUE, 0) < before
    role.ballots.keep(7, news_of(ballot))
    for number in (1, 2):
        role.sightings.note(7, number, 0)
    assert doubt(rates, role, 7, 0)
    assert rates.nodes[strata(contexts, WANDERED)[-1]][VALUE] == 0


def test_what_somebody_asked_for_once_is_ordinary(desk):
    wandered(desk)
    request(desk, OTHERS[3], ATTACKER, p=ODD)
    assert not carrier(desk).elsewhere


@pytest.mark.parametrize(
    ("times", "calm", "ordinary"), [(2, True, False), (3, True, True), (9, False, False)]
)
def test_what_is_usual_in_several_calm_sessions_is_ordinary(times, calm, ordinary):
    role = RoleTable()
    for number in (1, 2, 3):
        note_wandering(role, carrying(level=1), number, frozenset(), calm=True)
    for _ in range(times):
        note_wandering(role, carrying(level=0), 4, frozenset(), calm=calm)
    assert has_wandered(role, VALUE_OF, 0, {mark_of(5)}) is not ordinary


@pytest.mark.parametrize(("p", "counted"), [(ODD, 0), (FREE_HOLD, 1), (None, 1)])
def test_a_session_that_stands_out_says_nothing_of_what_is_usual(desk, p, counted):
    for _ in range(int(OFTEN)):
        fetch(desk, OTHERS[0], learning=True)
    assert not carrier(desk, purpose=OTHERS[0]), "usual for such requests"
    value, ordinary = carrier(desk).value, desk.detector.role("clerk").ordinary
    before = ordinary[value] & 3
    assert before < 3, "one more can be counted"
    fetch(desk, OTHERS[0], p=p)
    assert ordinary[value] & 3 == before + counted


def test_how_often_it_was_usual_is_kept_with_the_day_it_was_last():
    role = RoleTable()
    for day in (4, 3, 9):
        note_wandering(role, carrying(level=0, day=day), 1, frozenset(), calm=True)
    assert role.ordinary == {VALUE_OF: 9 << 2 | 3}
    role.ordinary.changed.clear()
    note_wandering(role, carrying(level=0, day=9), 1, frozenset(), calm=True)
    assert not role.ordinary.changed, "nothing new, nothing to store"


def carrying(*, level, day=0):
    session = Session("billing-7", "unknown", "clerk", PAY, 0, day * DAY_US, 0, 1, learning=False)
    session.uses[1] = Use(1, VALUE_OF, 0, 5, 6, level, False, 0)
    return session


def test_what_wandered_long_ago_is_forgotten(desk):
    wandered(desk)
    for _ in range(NOTED_DAYS + 1):
        desk.skip_a_day()
    assert not carrier(desk).elsewhere


@pytest.mark.parametrize(
    ("value", "wanders"),
    [("1,250.00", False), ("2026-05-04", False), ("9041 2233 7741", True), ("ac-7741", True)],
)
def test_amounts_and_dates_are_alike_by_chance(desk, value, wanders):
    for purpose in OTHERS[:3]:
        fetch(desk, purpose, value)
    assert bool(carrier(desk, value).elsewhere) is wanders


def test_what_comes_again_to_one_kind_of_request_does_not_wander(desk):
    for _ in range(5):
        fetch(desk, OTHERS[0], p=ODD)
    assert not carrier(desk).elsewhere


def test_what_both_stood_out_and_wandered_is_worth_the_sum(desk):
    for purpose in OTHERS[:3]:
        fetch(desk, purpose, p=0.02)
    found = carrier(desk)
    assert found.recurrences == 2
    assert found.elsewhere > 2 * RECURRENCE_BITS + 4


def test_the_explanation_says_so(desk):
    event = desk.event(payee=[(ATTACKER, [WEB])])
    wandered(desk)
    reason, *_ = content_reasons(desk.score(event, purpose=PAY), 1.0, event)
    assert reason.why.endswith("came to other kinds of request, and is usual in none.")
