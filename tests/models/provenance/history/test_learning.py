"""What a closed session teaches: nothing when it is suspect, slowly when it is doubtful."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.provenance.call_scoring import MAX_RECURRENCES, RECURRENCE_BITS
from models.provenance.cross_task_spread import MIN_OTHER_TASKS
from models.provenance.history.learning import (
    GATE,
    QUORUM,
    SETTLED,
    STRICT_GATE,
    UNGATED_WAIT_P,
    WAIT_P,
)
from models.provenance.novelty import SAME_REQUEST
from models.provenance.novelty_prior import (
    DAY,
    FLOW,
    HALF_LIFE_DAYS,
    MEMORY,
    ROOT_RATE,
    VALUE,
    NoveltyRates,
)

PAY = "Pay the invoice of Ines"
OTHER_ENTITY = "DE31 9876 5432 1098"
WEB = "result:web.browse"
SUSPECT, DOUBTFUL, SMOOTH = (GATE + STRICT_GATE) / 2, (GATE + WAIT_P) / 2, (WAIT_P + 1) / 2
CONTEXTS = (1, 2, 3, 4)


@pytest.fixture
def desk(an_empty_desk):
    """A role that has paid twenty invoices, the payee named by the request."""
    usual = an_empty_desk.event(payee=[("SE77 1234 5678 9012", ["request"])])
    for _ in range(20):
        an_empty_desk.play(usual)
    return an_empty_desk


def new_payee(desk):
    return desk.event(payee=[(OTHER_ENTITY, [WEB])])


def cluster(desk):
    (only,) = desk.detector.role("clerk").clusters.values()
    return only


def play(desk, p, *events):
    return desk.play(*(events or (new_payee(desk),)), learning=False, p=p)


def test_a_suspect_session_teaches_nothing_and_is_counted_as_skipped(desk):
    before = desk.score(new_payee(desk)).tainted
    sessions = cluster(desk).n
    assert play(desk, SUSPECT) is False
    assert cluster(desk).n == sessions
    assert cluster(desk).skipped == 1
    after = desk.score(new_payee(desk)).tainted
    assert (after.value_level, after.flow_level) == (before.value_level, before.flow_level)


def test_skipped_sessions_make_a_request_less_familiar(desk):
    before = desk.score(new_payee(desk)).familiarity
    for _ in range(5):
        play(desk, SUSPECT)
    assert desk.score(new_payee(desk)).familiarity < before


def test_a_suspect_session_of_another_request_is_no_doubt_about_this_one(desk):
    desk.play(new_payee(desk), purpose="Quarterly vacuum inventory", learning=False, p=SUSPECT)
    skipped = [one.skipped for one in desk.detector.role("clerk").clusters.values()]
    assert skipped == [0, 1]


@pytest.mark.parametrize("p", [DOUBTFUL, None], ids=["doubtful", "not ranked yet"])
def test_a_new_value_waits_for_a_quorum_where_its_session_is(desk, p):
    levels = []
    for _ in range(QUORUM):
        levels.append(desk.score(new_payee(desk)).tainted.value_level)
        desk.skip_a_day()
        assert play(desk, p) is True
    levels.append(desk.score(new_payee(desk)).tainted.value_level)
    assert QUORUM == 3
    assert levels == [3, 3, 3, 1]


@pytest.mark.parametrize("p", [DOUBTFUL, None], ids=["doubtful", "not ranked yet"])
def test_what_makes_sessions_odd_is_not_known_on_the_day_however_many_carry_it(desk, p):
    for _ in range(2 * QUORUM):
        play(desk, p)
    assert desk.score(new_payee(desk)).tainted.value_level == 3
    desk.skip_a_day()
    play(desk, p)
    assert desk.score(new_payee(desk)).tainted.value_level == 1


def test_what_they_carry_beside_it_is(desk):
    beside = desk.event("mail.send", to=[("FI21 1234 5600 0007", ["result:crm.lookup"])])
    for number in range(QUORUM):
        play(desk, DOUBTFUL, beside, desk.event(payee=[(f"DE{number}1 9876 5432", [WEB])]))
    assert desk.score(beside).tainted.value_level == 1


def test_sessions_of_different_requests_make_no_quorum_together(desk):
    purposes = ("Vacuum tube inventory", "Landlord heating letter", "Holiday photo album")
    for purpose in purposes:
        desk.play(new_payee(desk), purpose=purpose, learning=False, p=DOUBTFUL)
    assert desk.score(new_payee(desk)).tainted.value_level == 3


def test_only_sessions_learned_without_the_gate_make_anything_familiar(desk):
    usual = desk.event(payee=[("SE77 1234 5678 9012", ["request"])])
    full, sessions = cluster(desk).familiar, cluster(desk).n
    play(desk, SMOOTH, usual)
    assert (cluster(desk).familiar, cluster(desk).n) == (full, sessions + 1)
    desk.play(new_payee(desk), p=SUSPECT)  # its value waits
    assert (cluster(desk).familiar, cluster(desk).n) == (full, sessions + 2)
    desk.play(usual, p=SMOOTH)
    assert (cluster(desk).familiar, cluster(desk).n) == (full + 1, sessions + 3)


def test_a_smooth_session_is_learned_at_once(desk):
    assert play(desk, SMOOTH) is True
    assert desk.score(new_payee(desk)).tainted.value_level == 1


@pytest.mark.parametrize("free", [{"learning": True}, {"learning": False, "vouched": True}])
def test_a_session_of_the_learning_state_or_vouched_for_is_learned_whatever_its_p(desk, free):
    assert desk.play(new_payee(desk), p=DOUBTFUL, **free) is True
    assert desk.score(new_payee(desk)).tainted.value_level == 1


def test_a_past_with_attacks_in_it_does_not_teach_their_values(desk):
    for _ in range(QUORUM - 1):
        assert desk.play(new_payee(desk), p=UNGATED_WAIT_P / 2) is True
        assert desk.score(new_payee(desk)).tainted.value_level == 3
    desk.play(new_payee(desk), p=UNGATED_WAIT_P / 2)
    assert desk.score(new_payee(desk)).tainted.value_level == 1


@pytest.mark.parametrize("others", [1, 2, 3])
def test_a_value_that_stood_out_in_other_kinds_of_request_is_worth_more_bits(desk, others):
    before = desk.score(new_payee(desk)).tainted
    for purpose in ("Vacuum tube inventory", "Landlord heating letter", "Photo album")[:others]:
        desk.play(new_payee(desk), purpose=purpose, learning=False, p=SUSPECT)
    after = desk.score(new_payee(desk)).tainted
    counted = min(others, MAX_RECURRENCES)
    assert (before.recurrences, after.recurrences) == (0, counted)
    wanders = after.cross_task_bits - counted * RECURRENCE_BITS
    assert wanders > 6 if others >= MIN_OTHER_TASKS else wanders == 0
    assert after.value_bits == pytest.approx(before.value_bits + after.cross_task_bits)


def test_a_value_that_the_role_knows_from_elsewhere_is_worth_no_more(desk):
    for purpose in ("Vacuum tube inventory", "Landlord heating letter"):
        desk.play(new_payee(desk), purpose=purpose, learning=False, p=SUSPECT)
    assert desk.score(new_payee(desk)).tainted.recurrences == 2
    desk.play(desk.event("crm.note", account=[(OTHER_ENTITY, ["request"])]), p=SMOOTH)
    tainted = desk.score(new_payee(desk)).tainted
    assert (tainted.value_level, tainted.recurrences) == (2, 0)


def test_a_value_that_stood_out_in_this_kind_of_request_only_is_worth_no_more(desk):
    for _ in range(3):
        play(desk, SUSPECT)
    assert desk.score(new_payee(desk)).tainted.recurrences == 0


def test_what_several_agents_do_for_a_request_becomes_part_of_it(desk):
    learned = [
        desk.play(new_payee(desk), learning=False, p=SUSPECT, agent_id=agent_id)
        for agent_id in ("a-1", "a-1", "a-2", "a-3")
    ]
    assert learned == [False, False, False, True]


@pytest.mark.parametrize("why", ["very unusual", "stood out elsewhere"])
def test_what_several_agents_do_is_not_learned_when_it(desk, why):
    p = STRICT_GATE / 2 if why == "very unusual" else SUSPECT
    if why == "stood out elsewhere":
        desk.play(new_payee(desk), purpose="Vacuum tube inventory", learning=False, p=SUSPECT)
    for number in range(6):
        assert not desk.play(new_payee(desk), learning=False, p=p, agent_id=f"a-{number}")


def payee(desk, number):
    return desk.event(payee=[(f"DE31 9876 5432 {1000 + number}", [WEB])])


def bring(desk, *, agents, days, values=99):
    """Let each agent bring a payee out of a page along once a day; give what was learned."""
    learned = []
    for day in range(days):
        for agent in range(agents):
            event = payee(desk, (agents * day + agent) % values)
            learned.append(
                desk.play(event, learning=False, p=STRICT_GATE / 2, agent_id=f"a-{agent}")
            )
        desk.skip_a_day()
    return learned


def test_a_flow_that_three_agents_bring_along_on_three_days_is_accepted_with_its_values(desk):
    assert desk.score(payee(desk, 99)).tainted is not None
    assert bring(desk, agents=3, days=3, values=1).index(True) == 2 * 3
    assert desk.score(payee(desk, 99)).tainted is None


def test_a_flow_that_three_agents_bring_along_with_three_values_is_accepted_on_the_day(desk):
    assert bring(desk, agents=3, days=1) == [False, False, True]
    assert desk.score(payee(desk, 99)).tainted is None


@pytest.mark.parametrize(
    ("agents", "days", "values"), [(2, 9, 99), (9, 2, 2)], ids=["agents", "days and values"]
)
def test_a_flow_of_fewer_is_not_accepted(desk, agents, days, values):
    assert not any(bring(desk, agents=agents, days=days, values=values))
    assert desk.score(payee(desk, 99)).tainted is not None


def test_a_value_that_agents_carry_week_after_week_along_a_known_flow_is_learned(desk):
    desk.play(payee(desk, 0), learning=False, p=SMOOTH)  # so the flow is known
    for purpose in ("Vacuum tube inventory", "Landlord heating letter"):
        desk.play(payee(desk, 7), purpose=purpose, learning=False, p=SUSPECT)
    learned = []
    for week in range(4):
        for agent in range(3):
            event, agent_id = payee(desk, 7), f"a-{agent}"
            learned.append(desk.play(event, learning=False, p=STRICT_GATE / 2, agent_id=agent_id))
        for _ in range(7):
            desk.skip_a_day()
        assert any(learned) == (week >= 2)
    assert desk.score(payee(desk, 7)).tainted.value_level < 3


def test_a_flow_that_an_agent_was_learned_with_is_usual_for_that_agent_alone(desk):
    for _ in range(SETTLED):
        desk.play(desk.event(payee=[("SE77 1234 5678 9012", ["request"])]))
    desk.play(payee(desk, 1), agent_id="a-1", learning=True)
    own, other = (desk.open(learning=False, agent_id=agent_id) for agent_id in ("a-1", "a-2"))
    assert desk.judge(own, payee(desk, 2)).tainted.flow_level == 0
    assert desk.judge(other, payee(desk, 2)).tainted.flow_level == 1


def test_a_value_waits_however_many_others_do(desk):
    for number in range(QUORUM):
        assert desk.score(new_payee(desk)).tainted.value_level == 3
        play(desk, DOUBTFUL)
        for flood in range(100):
            names = [(f"case-{number}-{flood}-{at}", [WEB]) for at in range(50)]
            play(desk, DOUBTFUL, desk.event(tool="cases.read", case=names))
    assert desk.score(new_payee(desk)).tainted.value_level == 1


def test_a_value_that_stood_out_is_told_where_its_flow_is_accepted(desk):
    bring(desk, agents=3, days=3)
    assert desk.score(payee(desk, 0)).tainted is not None


def test_a_session_votes_on_rates_only_while_it_is_learned_without_the_gate(desk):
    rates = {node: list(row) for node, row in desk.detector.tables.rates.nodes.items()}
    play(desk, SMOOTH)
    assert desk.detector.tables.rates.nodes == rates
    desk.play(new_payee(desk))
    assert desk.detector.tables.rates.nodes != rates


def test_a_session_votes_once_however_often_it_carries(an_empty_desk, an_event):
    tables = []
    for times in (1, 30):
        desk = type(an_empty_desk)(an_event)
        desk.play(*[new_payee(desk)] * times)
        tables.append(desk.detector.dump())
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
    session = desk.open(role="auditor")
    assert desk.judge(session, new_payee(desk)).familiarity == 0


def test_rates_begin_at_the_root_and_learn_either_way():
    rates, often, never = NoveltyRates(), NoveltyRates(), NoveltyRates()
    for _ in range(50):
        often.vote(CONTEXTS, 1, 0, 1.0, day=0)
        never.vote(CONTEXTS, 0, 0, 1.0, day=0)
    assert rates.bits(CONTEXTS, VALUE, 0) == pytest.approx(-log2(ROOT_RATE))
    assert often.bits(CONTEXTS, VALUE, 0) < 0.1 < 1.7 < 6 < never.bits(CONTEXTS, VALUE, 0)


def test_a_rate_backs_off_to_the_more_general_context():
    rates = NoveltyRates()
    for _ in range(50):
        rates.vote((1, 2), 0, 0, 1.0, day=0)
    assert (
        rates.bits((1, 99), VALUE, 0)
        == rates.bits((1,), VALUE, 0)
        > NoveltyRates().bits((1,), VALUE, 0)
    )


def test_a_frequent_place_earns_no_bits_without_end():
    few, many = NoveltyRates(), NoveltyRates()
    for rates, votes in ((few, int(MEMORY)), (many, 100 * int(MEMORY))):
        for number in range(votes):
            rates.vote((1,), int(number % 10 == 0), 0, 1.0, day=0)
    assert many.bits((1,), VALUE, 0) == few.bits((1,), VALUE, 0)


def test_rates_forget_by_event_time():
    rates = NoveltyRates()
    for _ in range(20):
        rates.vote((1,), 0, 0, 1.0, day=0)
    bits = [rates.bits((1,), VALUE, int(HALF_LIFE_DAYS * n)) for n in range(6)]
    assert bits == sorted(bits, reverse=True)
    assert bits[-1] == pytest.approx(NoveltyRates().bits((1,), VALUE, 0), abs=0.4)


votes = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 8), st.integers(0, 90)),
    max_size=40,
)


def counted(cast) -> NoveltyRates:
    rates = NoveltyRates()
    for context, x, eighths, day in cast:
        rates.vote((context,), x, 3 - x, eighths / 8, day)
    return rates


@given(votes)
def test_votes_count_alike_in_whichever_order_they_come(cast):
    rates, sorted_rates = counted(cast), counted(sorted(cast, key=lambda vote: vote[3]))
    for context, node in sorted_rates.nodes.items():
        assert rates.nodes[context] == pytest.approx(node)


def merged(one: NoveltyRates, other: NoveltyRates, day: int) -> NoveltyRates:
    """Add two tables node by node, both faded to one day."""
    total = NoveltyRates()
    for rates in (one, other):
        for context, node in rates.nodes.items():
            fade = 2.0 ** ((node[DAY] - day) / HALF_LIFE_DAYS)
            row = total.nodes.setdefault(context, [0.0] * DAY + [float(day)])
            for column in range(DAY):
                row[column] += node[column] * fade
    return total


@given(one=votes, other=votes)
def test_the_sum_of_two_tables_is_the_table_of_all_votes(one, other):
    by_day = sorted(one + other, key=lambda vote: vote[3])
    together, apart = counted(by_day), merged(*map(in_order, (one, other)), day=90)
    for context in range(4):
        for column in range(VALUE, FLOW + 3):
            expected = together.bits((context,), column, 90)
            assert apart.bits((context,), column, 90) == pytest.approx(expected)


@given(
    one=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 8))),
    cut=st.floats(0, 1),
)
def test_within_a_day_the_sum_is_exact(one, cut):
    cast = [(context, x, eighths, 5) for context, x, eighths in one]
    at = int(cut * len(cast))
    apart = merged(counted(cast[:at]), counted(cast[at:]), day=5)
    assert apart.nodes == counted(cast).nodes


def in_order(cast) -> NoveltyRates:
    return counted(sorted(cast, key=lambda vote: vote[3]))
