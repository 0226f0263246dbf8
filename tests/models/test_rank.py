"""What orders the queue: alerts come first, and what is new while nothing is calibrated."""

from __future__ import annotations

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
