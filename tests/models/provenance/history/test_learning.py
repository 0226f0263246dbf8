"""A closed session is learned behind the gate: never when suspect, slowly when uncertain."""

from __future__ import annotations

import pytest

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
from models.provenance.novelty_prior import NoveltyRates

PAY = "Pay the invoice of Ines"
OTHER_ENTITY = "DE31 9876 5432 1098"
WEB = "result:web.browse"
SUSPECT, DOUBTFUL, SMOOTH = (GATE + STRICT_GATE) / 2, (GATE + WAIT_P) / 2, (WAIT_P + 1) / 2


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


def test_suspect_session_is_not_learned_but_counted_as_skipped(desk):
    before = desk.score(new_payee(desk)).tainted
    sessions = cluster(desk).n
    assert play(desk, SUSPECT) is False
    assert cluster(desk).n == sessions
    assert cluster(desk).skipped == 1
    after = desk.score(new_payee(desk)).tainted
    assert (after.value_level, after.flow_level) == (before.value_level, before.flow_level)


def test_skipped_sessions_lower_familiarity(desk):
    before = desk.score(new_payee(desk)).familiarity
    for _ in range(5):
        play(desk, SUSPECT)
    assert desk.score(new_payee(desk)).familiarity < before


def test_suspect_session_of_another_request_does_not_lower_familiarity(desk):
    desk.play(new_payee(desk), purpose="Quarterly vacuum inventory", learning=False, p=SUSPECT)
    skipped = [one.skipped for one in desk.detector.role("clerk").clusters.values()]
    assert skipped == [0, 1]


@pytest.mark.parametrize("p", [DOUBTFUL, None], ids=["doubtful", "not ranked yet"])
def test_new_value_waits_for_quorum_in_its_cluster(desk, p):
    levels = []
    for _ in range(QUORUM):
        levels.append(desk.score(new_payee(desk)).tainted.value_level)
        desk.skip_a_day()
        assert play(desk, p) is True
    levels.append(desk.score(new_payee(desk)).tainted.value_level)
    assert QUORUM == 3
    assert levels == [3, 3, 3, 1]


@pytest.mark.parametrize("p", [DOUBTFUL, None], ids=["doubtful", "not ranked yet"])
def test_peak_value_waits_for_another_day(desk, p):
    for _ in range(2 * QUORUM):
        play(desk, p)
    assert desk.score(new_payee(desk)).tainted.value_level == 3
    desk.skip_a_day()
    play(desk, p)
    assert desk.score(new_payee(desk)).tainted.value_level == 1


def test_other_values_do_not_wait_for_another_day(desk):
    beside = desk.event("mail.send", to=[("FI21 1234 5600 0007", ["result:crm.lookup"])])
    for number in range(QUORUM):
        play(desk, DOUBTFUL, beside, desk.event(payee=[(f"DE{number}1 9876 5432", [WEB])]))
    assert desk.score(beside).tainted.value_level == 1


def test_sessions_of_different_requests_form_no_quorum(desk):
    purposes = ("Vacuum tube inventory", "Landlord heating letter", "Holiday photo album")
    for purpose in purposes:
        desk.play(new_payee(desk), purpose=purpose, learning=False, p=DOUBTFUL)
    assert desk.score(new_payee(desk)).tainted.value_level == 3


def test_only_ungated_sessions_raise_familiarity(desk):
    usual = desk.event(payee=[("SE77 1234 5678 9012", ["request"])])
    full, sessions = cluster(desk).familiar, cluster(desk).n
    play(desk, SMOOTH, usual)
    assert (cluster(desk).familiar, cluster(desk).n) == (full, sessions + 1)
    desk.play(new_payee(desk), p=SUSPECT)  # its value waits
    assert (cluster(desk).familiar, cluster(desk).n) == (full, sessions + 2)
    desk.play(usual, p=SMOOTH)
    assert (cluster(desk).familiar, cluster(desk).n) == (full + 1, sessions + 3)


def test_ordinary_session_is_learned_at_once(desk):
    assert play(desk, SMOOTH) is True
    assert desk.score(new_payee(desk)).tainted.value_level == 1


@pytest.mark.parametrize("free", [{"learning": True}, {"learning": False, "trusted_history": True}])
def test_ungated_session_is_learned_at_any_p_value(desk, free):
    assert desk.play(new_payee(desk), p=DOUBTFUL, **free) is True
    assert desk.score(new_payee(desk)).tainted.value_level == 1


def test_values_of_attacks_in_history_are_not_learned(desk):
    for _ in range(QUORUM - 1):
        assert desk.play(new_payee(desk), p=UNGATED_WAIT_P / 2) is True
        assert desk.score(new_payee(desk)).tainted.value_level == 3
    desk.play(new_payee(desk), p=UNGATED_WAIT_P / 2)
    assert desk.score(new_payee(desk)).tainted.value_level == 1


@pytest.mark.parametrize("others", [1, 2, 3])
def test_value_suspicious_in_other_tasks_has_more_bits(desk, others):
    before = desk.score(new_payee(desk)).tainted
    for purpose in ("Vacuum tube inventory", "Landlord heating letter", "Photo album")[:others]:
        desk.play(new_payee(desk), purpose=purpose, learning=False, p=SUSPECT)
    after = desk.score(new_payee(desk)).tainted
    counted = min(others, MAX_RECURRENCES)
    assert (before.recurrences, after.recurrences) == (0, counted)
    wanders = after.cross_task_bits - counted * RECURRENCE_BITS
    assert wanders > 6 if others >= MIN_OTHER_TASKS else wanders == 0
    assert after.value_bits == pytest.approx(before.value_bits + after.cross_task_bits)


def test_value_known_to_role_has_no_recurrence_bits(desk):
    for purpose in ("Vacuum tube inventory", "Landlord heating letter"):
        desk.play(new_payee(desk), purpose=purpose, learning=False, p=SUSPECT)
    assert desk.score(new_payee(desk)).tainted.recurrences == 2
    desk.play(desk.event("crm.note", account=[(OTHER_ENTITY, ["request"])]), p=SMOOTH)
    tainted = desk.score(new_payee(desk)).tainted
    assert (tainted.value_level, tainted.recurrences) == (2, 0)


def test_value_suspicious_in_own_task_only_has_no_recurrence_bits(desk):
    for _ in range(3):
        play(desk, SUSPECT)
    assert desk.score(new_payee(desk)).tainted.recurrences == 0


def test_several_agents_corroborate_anomalous_session(desk):
    learned = [
        desk.play(new_payee(desk), learning=False, p=SUSPECT, agent_id=agent_id)
        for agent_id in ("a-1", "a-1", "a-2", "a-3")
    ]
    assert learned == [False, False, False, True]


@pytest.mark.parametrize("why", ["very unusual", "stood out elsewhere"])
def test_several_agents_do_not_corroborate(desk, why):
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


def test_flow_of_three_agents_on_three_days_is_accepted(desk):
    assert desk.score(payee(desk, 99)).tainted is not None
    assert bring(desk, agents=3, days=3, values=1).index(True) == 2 * 3
    assert desk.score(payee(desk, 99)).tainted is None


def test_flow_of_three_agents_with_three_values_is_accepted_at_once(desk):
    assert bring(desk, agents=3, days=1) == [False, False, True]
    assert desk.score(payee(desk, 99)).tainted is None


@pytest.mark.parametrize(
    ("agents", "days", "values"), [(2, 9, 99), (9, 2, 2)], ids=["agents", "days and values"]
)
def test_flow_of_fewer_agents_is_not_accepted(desk, agents, days, values):
    assert not any(bring(desk, agents=agents, days=days, values=values))
    assert desk.score(payee(desk, 99)).tainted is not None


def test_value_of_agents_in_several_weeks_with_known_flow_is_learned(desk):
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


def test_flow_of_learning_state_is_typical_for_its_agent_only(desk):
    for _ in range(SETTLED):
        desk.play(desk.event(payee=[("SE77 1234 5678 9012", ["request"])]))
    desk.play(payee(desk, 1), agent_id="a-1", learning=True)
    own, other = (desk.open(learning=False, agent_id=agent_id) for agent_id in ("a-1", "a-2"))
    assert desk.judge(own, payee(desk, 2)).tainted.flow_level == 0
    assert desk.judge(other, payee(desk, 2)).tainted.flow_level == 1


def test_number_of_waiting_values_does_not_matter(desk):
    for number in range(QUORUM):
        assert desk.score(new_payee(desk)).tainted.value_level == 3
        play(desk, DOUBTFUL)
        for flood in range(100):
            names = [(f"case-{number}-{flood}-{at}", [WEB]) for at in range(50)]
            play(desk, DOUBTFUL, desk.event(tool="cases.read", case=names))
    assert desk.score(new_payee(desk)).tainted.value_level == 1


def test_suspicious_value_has_bits_despite_accepted_flow(desk):
    bring(desk, agents=3, days=3)
    assert desk.score(payee(desk, 0)).tainted is not None


def test_only_ungated_session_votes(desk):
    rates = {node: list(row) for node, row in desk.detector.tables.rates.nodes.items()}
    play(desk, SMOOTH)
    assert desk.detector.tables.rates.nodes == rates
    desk.play(new_payee(desk))
    assert desk.detector.tables.rates.nodes != rates


def test_session_votes_once_at_an_argument(an_empty_desk, an_event):
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


def test_roles_learn_separately(desk):
    session = desk.open(role="auditor")
    assert desk.judge(session, new_payee(desk)).familiarity == 0


def counted(cast) -> NoveltyRates:
    rates = NoveltyRates()
    for context, x, eighths, day in cast:
        rates.vote((context,), x, 3 - x, eighths / 8, day)
    return rates
