"""A known tool at an odd time, or that nobody asked for, and refused: that it was refused leads.

So does an approval that nobody can have read.
"""

from __future__ import annotations

import pytest

TOOLS = ("mail.read", "ledger.post", "mail.send")


@pytest.fixture
def reason(a_stream, an_event):
    """The first reason for a call, after sessions of three tools in order that mostly went well."""
    stream = a_stream(pool_minimum=50, learning_sessions=5, explain_all=True)
    seldom = {0: "denied", 7: "error"}
    for number in range(300):
        for place, tool in enumerate(TOOLS):
            at, session = number * 20 + place, f"s-{number}"
            outcome = seldom.get(number % 15, "ok") if place == 1 else "ok"
            stream.judge(an_event(at=at, tool=tool, session=session, outcome=outcome))

    def judge(tool, outcome, **said):
        judged = stream.judge(
            an_event(at=6_100, tool=tool, session="s-odd", outcome=outcome, attributes=said)
        )
        return judged.reasons[0].feature

    return judge


def test_a_known_tool_out_of_order_that_was_refused_is_named_by_that(reason):
    assert reason("mail.send", "denied") == "outcome"


@pytest.mark.parametrize(
    ("tool", "seconds", "feature"),
    [("mail.send", 0.8, "approval"), ("mail.send", 30.0, "tool"), ("iam.grant", 0.8, "tool")],
    ids=["too fast", "with care", "nobody knows the tool"],
)
def test_one_that_nobody_can_have_approved_with_care_is_named_by_that(
    reason, tool, seconds, feature
):
    assert reason(tool, "ok", approval_seconds=seconds) == feature


@pytest.mark.parametrize(
    ("tool", "outcome"),
    [("mail.send", "ok"), ("mail.send", "error"), ("iam.grant", "denied")],
    ids=["it went well", "it failed", "nobody knows the tool"],
)
def test_else_it_is_named_by_the_tool(reason, tool, outcome):
    assert reason(tool, outcome) == "tool"
