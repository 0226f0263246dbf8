"""What a closed session teaches: nothing when it is suspect, slowly when it is doubtful."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.content.learning import GATE, HOLD, QUORUM, SAME_REQUEST
from models.content.rates import HALF_LIFE_DAYS, MEMORY, ROOT, Rates

PAY = "Pay the invoice of Ines"
OTHER = "DE31 9876 5432 1098"
WEB = "result:web.browse"
SUSPECT, DOUBTFUL, SMOOTH = GATE / 2, (GATE + HOLD) / 2, (HOLD + 1) / 2
CONTEXTS = (1, 2, 3, 4)


@pytest.fixture
def desk(an_empty_desk):
    """A role that has paid twenty invoices, the payee named by the request."""
    usual = an_empty_desk.event(payee=[("SE77 1234 5678 9012", ["request"])])
    for _ in range(20):
        an_empty_desk.play(usual)
    return an_empty_desk


def new_payee(desk):
    return desk.event(payee=[(OTHER, [WEB])])


def cluster(desk):
    (only,) = desk.detector.role("clerk").clusters.values()
    return only


def play(desk, p, *events):
    return desk.play(*(events or (new_payee(desk),)), learning=False, p=p)


def test_a_suspect_session_teaches_nothing_and_is_counted_as_skipped(desk):
    before = desk.score(new_payee(desk)).carrier
    sessions = cluster(desk).n
    assert play(desk, SUSPECT) is False
    assert cluster(desk).n == sessions
    assert cluster(desk).skipped == 1
    after = desk.score(new_payee(desk)).carrier
    assert (after.value_level, after.flow_level) == (before.value_level, before.flow_level)


def test_skipped_sessions_make_a_request_less_familiar(desk):
    before = desk.score(new_payee(desk)).known
    for _ in range(5):
        play(desk, SUSPECT)
    assert desk.score(new_payee(desk)).known < before


def test_a_suspect_session_of_another_request_is_no_doubt_about_this_one(desk):
    desk.play(new_payee(desk), purpose="Quarterly vacuum inventory", learning=False, p=SUSPECT)
    assert cluster(desk).skipped == 0


def test_a_new_value_of_doubtful_sessions_waits_for_a_quorum(desk):
    levels = []
    for _ in range(QUORUM):
        levels.append(desk.score(new_payee(desk)).carrier.value_level)
        assert play(desk, DOUBTFUL) is True
    levels.append(desk.score(new_payee(desk)).carrier.value_level)
    assert QUORUM == 3
    assert levels == [3, 3, 3, 1]


def test_sessions_of_different_requests_make_no_quorum_together(desk):
    purposes = ("Vacuum tube inventory", "Landlord heating letter", "Holiday photo album")
    for purpose in purposes:
        desk.play(new_payee(desk), purpose=purpose, learning=False, p=DOUBTFUL)
    assert desk.score(new_payee(desk)).carrier.value_level == 3


def test_a_session_with_waiting_values_makes_nothing_familiar(desk):
    full, sessions = cluster(desk).full, cluster(desk).n
    play(desk, DOUBTFUL)
    assert (cluster(desk).full, cluster(desk).n) == (full, sessions + 1)
    play(desk, DOUBTFUL, desk.event(payee=[("SE77 1234 5678 9012", ["request"])]))
    assert (cluster(desk).full, cluster(desk).n) == (full + 1, sessions + 2)


@pytest.mark.parametrize("p", [SMOOTH, None])
def test_a_smooth_session_is_learned_at_once(desk, p):
    assert play(desk, p) is True
    assert desk.score(new_payee(desk)).carrier.value_level == 1


@pytest.mark.parametrize("free", [{"learning": True}, {"learning": False, "vouched": True}])
def test_a_session_of_the_learning_state_or_vouched_for_is_learned_whatever_its_p(desk, free):
    assert desk.play(new_payee(desk), p=SUSPECT, **free) is True
    assert desk.score(new_payee(desk)).carrier.value_level == 1


def test_a_session_votes_on_rates_only_while_it_is_learned_without_the_gate(desk):
    rates = {node: list(row) for node, row in desk.detector.tables.values.nodes.items()}
    play(desk, SMOOTH)
    assert desk.detector.tables.values.nodes == rates
    desk.play(new_payee(desk))
    assert desk.detector.tables.values.nodes != rates


def test_a_session_votes_once_however_often_it_carries(an_empty_desk, an_event):
    tables = []
    for times in (1, 30):
        desk = type(an_empty_desk)(an_event)
        desk.play(*[new_payee(desk)] * times)
        tables.append(desk.detector.tables)
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("purpose", "clusters"),
    [(PAY, 1), ("paying the invoices of Ines", 1), ("Write to the landlord", 2)],
)
def test_like_requests_share_a_cluster(desk, purpose, clusters):
    desk.play(desk.event(), purpose=purpose)
    assert len(desk.detector.role("clerk").clusters) == clusters
    assert SAME_REQUEST == 0.9


def test_roles_learn_apart(desk):
    judged = desk.detector
    session = desk.open()
    session.role = "auditor"
    judged.open(session)
    assert session.near == []
    assert judged.score(session, new_payee(desk)).known == 0


def test_rates_begin_at_the_root_and_learn_either_way():
    rates, often, never = Rates(), Rates(), Rates()
    for _ in range(50):
        often.vote(CONTEXTS, 1.0, 1.0, day=0)
        never.vote(CONTEXTS, 0.0, 1.0, day=0)
    assert rates.bits(CONTEXTS, 0) == pytest.approx(-log2(ROOT))
    assert often.bits(CONTEXTS, 0) < 0.1 < 1.7 < 6 < never.bits(CONTEXTS, 0)


def test_a_rate_backs_off_to_the_more_general_context():
    rates = Rates()
    for _ in range(50):
        rates.vote((1, 2), 0.0, 1.0, day=0)
    assert rates.bits((1, 99), 0) == rates.bits((1,), 0) > Rates().bits((1,), 0)


def test_a_frequent_place_earns_no_bits_without_end():
    few, many = Rates(), Rates()
    for rates, votes in ((few, int(MEMORY)), (many, 100 * int(MEMORY))):
        for number in range(votes):
            rates.vote((1,), float(number % 10 == 0), 1.0, day=0)
    assert many.bits((1,), 0) == few.bits((1,), 0)


def test_rates_forget_by_event_time():
    rates = Rates()
    for _ in range(20):
        rates.vote((1,), 0.0, 1.0, day=0)
    bits = [rates.bits((1,), int(HALF_LIFE_DAYS * n)) for n in range(6)]
    assert bits == sorted(bits, reverse=True)
    assert bits[-1] == pytest.approx(Rates().bits((1,), 0), abs=0.4)


votes = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from([0.0, 1.0]), st.integers(1, 8), st.integers(0, 90)
    ),
    max_size=40,
)


def counted(cast) -> Rates:
    rates = Rates()
    for context, x, eighths, day in cast:
        rates.vote((context,), x, eighths / 8, day)
    return rates


def merged(one: Rates, other: Rates, day: int) -> Rates:
    """Add two tables node by node, both faded to one day."""
    total = Rates()
    for rates in (one, other):
        for context, (x, n, at) in rates.nodes.items():
            fade = 2.0 ** ((at - day) / HALF_LIFE_DAYS)
            row = total.nodes.setdefault(context, [0.0, 0.0, day])
            row[0] += x * fade
            row[1] += n * fade
    return total


@given(one=votes, other=votes)
def test_the_sum_of_two_tables_is_the_table_of_all_votes(one, other):
    by_day = sorted(one + other, key=lambda vote: vote[3])
    together, apart = counted(by_day), merged(*map(in_order, (one, other)), day=90)
    for context in range(4):
        assert apart.bits((context,), 90) == pytest.approx(together.bits((context,), 90))


@given(
    one=st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(1, 8))),
    cut=st.floats(0, 1),
)
def test_within_a_day_the_sum_is_exact(one, cut):
    cast = [(context, float(x), eighths, 5) for context, x, eighths in one]
    at = int(cut * len(cast))
    apart = merged(counted(cast[:at]), counted(cast[at:]), day=5)
    assert apart == counted(cast)


def in_order(cast) -> Rates:
    return counted(sorted(cast, key=lambda vote: vote[3]))
