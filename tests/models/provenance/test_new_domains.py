"""A mail address at a new domain, in a role that often uses new addresses."""

from __future__ import annotations

import pytest

from models.provenance.call_scoring import OTHER_ENTITY
from models.provenance.history.learning import QUORUM, STRICT_GATE
from models.provenance.novelty import NEW_DOMAIN
from tests.models.provenance.subjects import subject_for

INVITE = "Invite the best of the new candidates"
FOUND = "result:candidates.read"
ELSEWHERE = "result:web.browse"


def invite(desk, to, source=FOUND):
    return desk.event("mail.invite", to=[(to, [source])])


def invited(desk, to, source=FOUND):
    event = invite(desk, to, source)
    return event, desk.score(event, INVITE)


def busy(desk, address):
    """Let a role invite 120 people, each at an address with a number of its own."""
    for number in range(120):
        desk.play(invite(desk, address.format(number)), purpose=INVITE)
    return desk


@pytest.fixture
def desk(an_empty_desk):
    """A role that invites somebody new each time, all at one domain."""
    return busy(an_empty_desk, "{:x}.candidate@mail.example.com")


@pytest.fixture
def sales(an_empty_desk):
    """A role that writes to another company each time."""
    return busy(an_empty_desk, "contact@company-{:x}.example")


def test_new_address_at_typical_domain_has_few_bits(desk):
    tainted = invited(desk, "zoe.new@mail.example.com")[1].tainted
    assert (tainted.value_level, tainted.flow_level) == (3, 0)
    assert tainted.value_bits < 1


def test_address_at_new_domain_alerts_with_explanation(desk):
    event, content = invited(desk, "settle-4@collect.example.net")
    assert (content.tainted.value_level, content.tainted.flow_level) == (NEW_DOMAIN, 0)
    assert content.tainted.value_bits > 7
    subject = subject_for(content, event)
    assert subject.key == (
        "the mail address settle-4@collect.example.net out of a result of candidates.read"
    )
    assert "It is at a domain that is new to the role" in subject.text


def test_new_domain_is_not_surprising_where_each_address_has_its_own(sales):
    tainted = invited(sales, "contact@yet-another.example")[1].tainted
    assert tainted.value_level == 3
    assert tainted.value_bits < 1


def test_learned_domain_is_known(desk):
    desk.play(invite(desk, "one@partner.example", "request"), purpose=INVITE)
    assert invited(desk, "two@partner.example")[1].tainted.value_level == 3


def test_waiting_domain_is_not_known(desk):
    for _ in range(QUORUM):
        assert invited(desk, "one@partner.example")[1].tainted.value_level == NEW_DOMAIN
        event = invite(desk, "one@partner.example")
        desk.skip_a_day()
        desk.play(event, purpose=INVITE, learning=False, p=0.2)
    assert invited(desk, "two@partner.example")[1].tainted.value_level == 3


@pytest.mark.parametrize(("who", "level"), [("desk", NEW_DOMAIN), ("sales", None)])
def test_accepted_flow_does_not_explain_surprising_domain(who, level, request):
    desk = request.getfixturevalue(who)
    for day in range(3):
        for agent in range(3):
            event = invite(desk, f"ana.{day}{agent}@mail.example.com", ELSEWHERE)
            desk.play(
                event, purpose=INVITE, learning=False, p=STRICT_GATE / 2, agent_id=f"a-{agent}"
            )
        desk.skip_a_day()
    assert invited(desk, "zoe.new@mail.example.com", ELSEWHERE)[1].tainted is None
    tainted = invited(desk, "settle-4@collect.example.net", ELSEWHERE)[1].tainted
    assert (tainted and tainted.value_level) == level


def test_accepted_flow_explains_new_partners_but_not_new_domains(desk):
    assert invited(desk, "zoe.new@mail.example.com")[1].score < 2
    assert invited(desk, "settle-4@collect.example.net")[1].score > 7


def test_violated_binding_does_not_hide_new_domain(an_empty_desk):
    desk, request = an_empty_desk, "Write to Ana Reyes of Quarry Cleaning"
    for number in range(120):
        for to, text in (
            ("ana.reyes@mail.example.com", request),
            (f"{number:x}.candidate@mail.example.com", INVITE),
        ):
            desk.play(invite(desk, to), purpose=text)
    near = desk.score(invite(desk, "zoe.new@mail.example.com"), request).tainted
    far = desk.score(invite(desk, "settle-4@collect.example.net"), request).tainted
    assert (near.value_level, far.value_level) == (OTHER_ENTITY, NEW_DOMAIN)
    assert far.value_bits >= near.value_bits


@pytest.mark.parametrize(("one_in", "news"), [(1, False), (4, False), (20, True)])
def test_new_domain_is_surprising_where_few_new_addresses_have_one(an_empty_desk, one_in, news):
    desk = an_empty_desk
    for number in range(160):
        to = f"{number:x}.candidate@mail.example.com"
        if number % one_in == 0:
            to = f"contact@company-{number:x}.example"
        desk.play(invite(desk, to), purpose=INVITE)
    tainted = invited(desk, "settle-4@collect.example.net")[1].tainted
    assert (tainted.value_level == NEW_DOMAIN) is news
