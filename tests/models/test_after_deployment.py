"""After an announced deployment tools may change; what a request calls for does not."""

from __future__ import annotations

import pytest

AGENT = "billing-7"
INVOICE = "File the invoice that came by mail"
ARCHIVE = "Clean up the archive of the finance share"
WORK = {INVOICE: ("mail.read", "ledger.post"), ARCHIVE: ("files.list", "files.delete")}


@pytest.fixture
def renewed(a_stream, an_event):
    """An agent that did two kinds of work for days, under a new version; of tools, notes say."""

    def build(notes, others=0):
        stream = a_stream(pool_minimum=50, learning_sessions=5)
        for number in range(200):
            purpose = (INVOICE, ARCHIVE)[number % 2]
            for place, tool in enumerate(WORK[purpose]):
                at, session = number * 20 + place, f"s-{number}"
                stream.judge(an_event(at=at, tool=tool, session=session, purpose=purpose))
        for number in range(others):
            brings, agent = {"adds_tool": "crm.merge"}, f"sales-{number}"
            stream.judge(an_event(agent, 4_005, kind="deployment", attributes=brings))
        stream.judge(an_event(at=4_010, kind="deployment", version="2", attributes=notes))
        assert stream.subject(AGENT).profile.state() == "relearning"
        return stream

    return build


@pytest.fixture
def asked(an_event):
    """A session of the new version that was asked to file an invoice."""

    def play(stream, *tools):
        return [
            stream.judge(
                an_event(at=4_020 + at, version="2", session="v2", purpose=INVOICE, tool=tool)
            )
            for at, tool in enumerate(tools)
        ]

    return play


@pytest.mark.parametrize(
    ("notes", "odd"),
    [({"adds_tool": "crm.merge"}, True), ({}, False)],
    ids=["the tools it brings are announced", "nothing is said of tools"],
)
def test_known_work_that_nobody_asked_for_is_odd(renewed, asked, notes, odd):
    usual, _, strayed = asked(renewed(notes), "mail.read", *WORK[ARCHIVE])
    assert usual.p > 0.5
    assert (strayed.p < 0.03) == odd
    assert odd or strayed.p > 0.5


@pytest.mark.parametrize(
    ("telling", "odd"), [(3, True), (2, False)], ids=["others say what they bring", "few others do"]
)
def test_a_deployment_that_names_no_tool_brings_none_where_others_name_theirs(
    renewed, asked, telling, odd
):
    stream = renewed({}, others=telling)
    usual, _, strayed = asked(stream, "mail.read", *WORK[ARCHIVE])
    assert usual.p > 0.5
    assert (strayed.p < 0.03) == odd


def test_a_tool_that_was_announced_is_not_what_nobody_asked_for(renewed, asked):
    stream = renewed({"adds_tool": "crm.merge"})
    watch = stream.subject(AGENT).profile.facts.watch
    asked(stream, "mail.read", "crm.merge")
    assert watch.astray == 0.0
    asked(stream, "files.list")
    assert watch.astray > 1.0
