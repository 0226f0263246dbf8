"""After an announced deployment tools may change; what a request calls for does not."""

from __future__ import annotations

from itertools import pairwise

import pytest

from models.baseline.profile import Facts
from models.changing import shifting
from models.event import Resource
from models.features.extraction import METRICS
from models.ranked import SUM

AGENT = "billing-7"
INVOICE = "File the invoice that came by mail"
ARCHIVE = "Clean up the archive of the finance share"
WORK = {INVOICE: ("mail.read", "ledger.post"), ARCHIVE: ("files.list", "files.delete")}


@pytest.fixture
def renewed(a_stream, an_event):
    """An agent that did two kinds of work for days, under a new version; of tools, notes say."""

    def build(notes, others=0, version=None, role="clerk", tools="crm.merge"):
        stream = a_stream(pool_minimum=50, learning_sessions=5)
        for number in range(200):
            purpose = (INVOICE, ARCHIVE)[number % 2]
            for place, tool in enumerate(WORK[purpose]):
                at, session = number * 20 + place, f"s-{number}"
                stream.judge(an_event(at=at, tool=tool, session=session, purpose=purpose))
        for number in range(others):
            brings, agent = {"adds_tools": tools.split()}, f"sales-{number}"
            stream.judge(
                an_event(
                    agent, 4_005, kind="deployment", version=version, role=role, attributes=brings
                )
            )
        stream.judge(an_event(at=4_010, kind="deployment", version="2", attributes=notes))
        assert stream.agent_state(AGENT).profile.state() == "relearning"
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
    watch = stream.agent_state(AGENT).profile.facts.watch
    asked(stream, "mail.read", "crm.merge")
    assert watch.astray == 0.0
    asked(stream, "files.list")
    assert watch.astray > 1.0


@pytest.mark.parametrize(
    ("tool", "counts"), [("iam.grant", True), ("crm.merge", False)], ids=["by none", "announced"]
)
def test_what_a_tool_touches_counts_with_it_unless_a_deployment_announced_it(
    renewed, an_event, tool, counts
):
    ranked = []
    for resource in (None, Resource(id="vault/keys", sensitivity="restricted")):
        stream = renewed({"adds_tool": "crm.merge"})
        call = an_event(
            at=4_030, version="2", session="v2", purpose=INVOICE, tool=tool, resource=resource
        )
        ranked.append(stream.judge(call).p)
    alone, touching = ranked
    assert (touching < alone / 1_000) == counts
    assert counts or touching == alone


def test_a_tool_that_the_agent_knows_is_none_of_those_it_skipped(renewed):
    stream = renewed({}, others=3, version="1", tools="ledger.post crm.merge")
    assert stream.agent_state(AGENT).profile.facts.watch.added == ["crm.merge"]


@pytest.fixture
def weeks_later(renewed, an_event):
    """An agent that works as ever under a version of which nothing is new to it any more."""

    def build(notes):
        stream = renewed(notes)
        for number in range(60):
            for place, tool in enumerate(WORK[INVOICE]):
                at, session = 5_000 + number * 20 + place, f"v2-{number}"
                stream.judge(
                    an_event(at=at, version="2", session=session, purpose=INVOICE, tool=tool)
                )
        assert stream.agent_state(AGENT).profile.state() == "active"
        return stream

    return build


@pytest.fixture
def late(an_event):
    """A call of the tool that comes with the new version, weeks later."""

    def call(number=0, **fields):
        at, session = 9_000 + number * 20, f"late-{number}"
        return an_event(
            at=at, version="2", session=session, purpose=INVOICE, tool="crm.merge", **fields
        )

    return call


@pytest.mark.parametrize(
    ("brought", "odd"), [("crm.merge", False), ("crm.split", True)], ids=["announced", "another"]
)
def test_an_announced_tool_is_no_news_when_it_is_used_weeks_later(weeks_later, late, brought, odd):
    used = weeks_later({"adds_tool": brought}).judge(late())
    assert (used.p < 0.03) == odd
    assert odd or used.p > 0.3
    assert used.learned != odd


def test_what_an_announced_tool_touches_is_no_less_odd_once_an_agent_is_known(weeks_later, late):
    stream = weeks_later({"adds_tool": "crm.merge"})
    assert stream.judge(late()).p > 0.3
    assert (
        stream.judge(late(1, resource=Resource(id="vault/keys", sensitivity="restricted"))).p < 0.03
    )


def test_an_announced_tool_is_one_like_others_once_it_was_used_a_few_times(weeks_later, late):
    stream = weeks_later({"adds_tool": "crm.merge"})
    ranked = [stream.agent_state(AGENT).profile.frequency_model.windows[SUM].n]
    for number in range(18):
        stream.judge(late(number))
        ranked.append(stream.agent_state(AGENT).profile.frequency_model.windows[SUM].n)
    assert [after - before for before, after in pairwise(ranked)] == [0] * 16 + [1, 1]


def test_the_way_a_value_takes_is_new_with_an_announced_tool(weeks_later, late):
    carries = {"argument_origins": {"to": [("a.new@partner.example", ["result:mail.read"])]}}
    announced, another = (
        weeks_later({"adds_tool": tool}).judge(late(**carries))
        for tool in ("crm.merge", "crm.split")
    )
    assert 0.0 < announced.rank < another.rank
    assert announced.session_p > another.session_p


@pytest.mark.parametrize("version", ["2", "3"])
def test_a_new_agent_knows_what_its_version_brings(renewed, an_event, version):
    stream = renewed({}, others=3, version="2")
    stream.judge(an_event("sales-new", 4_030, version=version))
    added = stream.agent_state("sales-new").profile.facts.watch.added
    assert added == (["crm.merge"] if version == "2" else [])


@pytest.mark.parametrize(
    ("version", "role", "odd"),
    [("2", "clerk", False), ("1", "clerk", False), ("2", "porter", True)],
    ids=["the same release", "one that was skipped", "of another role"],
)
def test_what_others_of_the_role_said_stands_where_one_deployment_says_nothing(
    renewed, asked, version, role, odd
):
    stream = renewed({}, others=3, version=version, role=role)
    _, used = asked(stream, "mail.read", "crm.merge")
    assert (used.p < 0.03) == odd


@pytest.mark.parametrize("added", [[], ["crm.merge"]], ids=["nothing is said", "a tool is named"])
def test_a_new_version_may_do_and_spend_more_than_before(added):
    facts = Facts(AGENT, "unknown")
    facts.watch.added = added
    may_shift = {METRICS[metric] for metric in shifting(facts)}
    assert {"secret", "excess", "rate", "cost", "records_hour"} <= may_shift
    assert not {"bytes_out_hour", "bytes_out_day"} & may_shift
    assert ("astray" in may_shift) == (not added)
