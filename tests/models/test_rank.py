"""What orders the queue: alerts come first, and what is new while nothing is calibrated."""

from __future__ import annotations

import pytest

from models.assessing import accounted
from models.baseline.agent_state import EventScores
from models.calibration.p_values import Calibrated
from models.provenance.argument_detector import CallScore
from models.provenance.call_scoring import RECURRENCE_BITS, TaintedValue
from models.watch.scene import RULE_BITS


def test_while_nothing_is_calibrated_what_surprises_most_comes_first(a_stream, an_event):
    stream = a_stream()
    usual = [
        stream.judge(an_event(at=number, tool="mail.read", session=f"s-{number}"))
        for number in range(60)
    ]
    new = stream.judge(an_event(at=61, tool="iam.grant", session="s-60"))
    assert new.p is None
    assert not new.alert
    assert new.rank > 3 * max(one.rank for one in usual[-20:])


def test_an_alert_comes_before_all_that_did_not_cross_the_budget(a_stream, an_event):
    stream = a_stream(
        pool_minimum=50, learning_sessions=5, session_minimum=20, alerts_per_day=1e6, gate=0.3
    )
    judged = []
    for number in range(120):
        for place, tool in enumerate(("mail.read", "ledger.post")):
            at, session = number * 20 + place, f"s-{number}"
            event = an_event(at=at, tool=tool, session=session, purpose="File the invoice")
            judged.append(stream.judge(event))
    odd = an_event(at=2_500, tool="iam.grant", session="odd", purpose="File the invoice")
    judged.append(stream.judge(odd))
    raised = [one for one in judged if one.alert]
    assert judged[-1] in raised
    assert min(one.rank for one in raised) >= RULE_BITS
    assert max(one.rank for one in judged if not one.alert) < RULE_BITS


@pytest.fixture
def assessed(a_stream, an_event):
    """Assess a call of a session that carries a new value, among a thousand calmer ones."""
    stream = a_stream(alerts_per_day=50.0)
    event = an_event(purpose="File the invoice", argument_origins={"to": [("x@y", ["result:web"])]})
    stream.judge(event)
    agent_state, engine = stream.agent_state("billing-7"), stream.engine
    for number in range(1_000):
        engine.fleet.sessions.add("clerk", number / 100)
    surprise = agent_state.profile.frequency_model.surprise(
        agent_state.view.view, {"tool": "mail.read"}, {}
    )

    session = engine.content.open("billing-7", "unknown", "clerk", "", 0, 0, 9, False, False)

    def assess(*, flow_level, recurrences, bits):
        again = RECURRENCE_BITS * recurrences
        tainted = TaintedValue(
            bits + again, "to", 0, "result:web", bits + again, 0.0, 3, flow_level,
            recurrences=recurrences, cross_task_bits=again,
        )  # fmt: skip
        content = CallScore(bits + again, None, tainted, 1.0)
        looked_at = EventScores(
            surprise, surprise, [], content, counted=content.score, decisive=accounted(content)
        )
        return engine.assessor.assess(
            event, agent_state.profile, session, looked_at,
            Calibrated([None] * 4), None, [], 0,
        )  # fmt: skip

    return assess


@pytest.mark.parametrize(
    ("flow_level", "recurrences", "bits", "alerts"),
    [(0, 2, 4.0, False), (0, 2, 12.0, True), (1, 2, 4.0, True), (0, 0, 12.0, True)],
)
def test_a_partner_who_comes_along_the_usual_way_makes_no_session_alert_for_coming_again(
    assessed, flow_level, recurrences, bits, alerts
):
    out = assessed(flow_level=flow_level, recurrences=recurrences, bits=bits)
    assert out.session_p < 0.01, "the queue is ordered by all of it"
    assert out.exceeded()[1] is alerts


def test_what_alerts_is_not_hidden_behind_what_only_came_again(assessed):
    assert not assessed(flow_level=0, recurrences=2, bits=7.0).exceeded()[1]
    assert not assessed(flow_level=0, recurrences=0, bits=3.0).exceeded()[1]
    assert assessed(flow_level=1, recurrences=0, bits=12.0).exceeded()[1]
