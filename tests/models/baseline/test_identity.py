"""Who an agent is: which claims count, which are refused, and that these teach nothing."""

from __future__ import annotations

from typing import Any

import pytest

from models.baseline.identity import Declared, Mismatch, apply_claims, as_known, fill, settle
from models.event import Agent, Event
from models.trust.state import TrustState
from tests.models.conftest import MONDAY
from tests.models.fleets import DAYS, TYPICAL, at_day, work

CLERK = Declared(True, "clerk", "desk", "blue")


def claim(kind: Any = "action", attributes: dict[str, Any] | None = None, **who: str) -> Event:
    agent = Agent(id="a", **who)
    return Event(
        id="1", time=MONDAY, agent=agent, tool="t", kind=kind, attributes=attributes
    )  # fmt: skip


def state(**more: Any) -> TrustState:
    return TrustState(agent_id="a", mode="unknown", **more)


@pytest.mark.parametrize("kind", ["action", "deployment", "owner_change"])
@pytest.mark.parametrize("field", ["role", "owner"])
def test_event_cannot_change_what_the_inventory_declares(kind, field):
    trust = state(role="steward", owner="ceo")
    settle(trust, CLERK)
    known = getattr(CLERK, field)
    refused = Mismatch(field, "other", known, declared=True)
    assert apply_claims(claim(kind, **{field: "other"}), trust, CLERK) == (False, [refused])
    assert (trust.role, trust.owner, trust.registered) == ("clerk", "desk", True)


@pytest.mark.parametrize(
    "event",
    [
        claim(),
        claim(role="", owner=""),
        claim(role="clerk", owner="desk"),
        claim(attributes={"team": "blue", "agent.team": "blue"}),
        claim(attributes={"team": 7, "agent.team": ""}),
    ],
)
def test_absent_or_correct_claim_is_not_a_mismatch(event):
    trust = state()
    settle(trust, CLERK)
    assert apply_claims(event, trust, CLERK) == (False, [])


@pytest.mark.parametrize("declared", [Declared(), Declared(registered=True)])
def test_the_first_claim_counts_until_a_change_is_announced(declared):
    trust = state()
    settle(trust, declared)
    assert apply_claims(claim(role="clerk"), trust, declared) == (True, [])
    refused = Mismatch("role", "steward", "clerk", declared=False)
    assert apply_claims(claim(role="steward"), trust, declared) == (False, [refused])
    assert apply_claims(claim("deployment", role="steward"), trust, declared) == (True, [])
    assert (trust.role, trust.registered) == ("steward", declared.registered)


def test_claim_replaces_a_fitted_group_and_cannot_name_one():
    declared = Declared(group="like:mail.read")
    trust = state()
    settle(trust, declared)
    assert trust.role == "like:mail.read"
    assert apply_claims(claim("deployment", role="like:bank.pay"), trust, declared)[1]
    assert apply_claims(claim(role="clerk"), trust, declared) == (True, [])
    settle(trust, declared)
    assert trust.role == "clerk"


def test_an_agent_outside_the_inventory_has_no_role_and_bounded_claims():
    declared, trust = Declared(registered=False), state(role="steward", owner="ceo")
    settle(trust, declared)
    event = claim("deployment", {"agent.team": "red"}, role="r" * 256)
    assert apply_claims(event, trust, declared) == (False, [])
    assert (trust.role, trust.owner) == (None, None)
    assert trust.claims == {"role": "r" * 128, "team": "red"}
    settle(trust, Declared())
    assert trust.claims == {}


def test_new_mode_gets_role_and_owner_of_the_earliest_mode():
    trust = state(owner="desk")
    others = [state(role="late", first_seen_us=2), state(role="clerk", owner="x", first_seen_us=1)]
    fill(trust, others)
    assert (trust.role, trust.owner) == ("clerk", "desk")


def test_event_has_the_declared_role_and_owner_of_its_agent():
    trust = state(role="clerk", owner="desk")
    right = claim(role="clerk", owner="desk", attributes={"tokens": 7})
    assert as_known(right, trust) is right
    wrong = claim(role="x", owner="y", attributes={"tokens": 7, "team": "red"})
    assert as_known(wrong, trust) == right


def test_events_that_claim_another_role_are_a_case_and_move_no_role(a_known_stream, an_event):
    stream = a_known_stream(work, alerts_per_day=0.2)
    profile = stream.agent_state("agent-0").profile
    fields = TYPICAL | {"session": "x", "role": "steward", "tool": "vault.export"}
    known = set(profile.known)
    judged = [
        stream.judge(an_event("agent-0", at_day(DAYS, seconds=number), **fields))
        for number in range(100)
    ]
    assert judged[0].change == "opened"
    assert any(one.feature == "mismatch" for one in judged[0].reasons)
    assert not any(one.learned for one in judged)
    assert set(profile.known) == known
    assert profile.role == "clerk"


def test_reason_of_a_false_claim_names_the_inventory(a_known_stream, an_event):
    stream = a_known_stream(work, alerts_per_day=0.2)
    fields = TYPICAL | {"role": "steward", "session": "x"}
    judged = stream.judge(an_event("agent-0", at_day(DAYS), **fields), declared=CLERK)
    assert judged.anomaly == "identity.mismatch"
    assert judged.reasons[0].why == "The event claims role 'steward' instead of 'clerk'."
    assert judged.confidence == 1.0


def test_an_event_whose_claim_is_refused_teaches_nothing_even_before_rates_are_known(
    a_stream, an_event
):
    stream = a_stream()
    for number in range(40):
        stream.judge(an_event(at=number, session=f"s-{number // 10}"))
    profile = stream.agent_state("billing-7").profile
    known = set(profile.known)
    for number in range(50):
        at = 60 + number / 10
        judged = stream.judge(an_event(at=at, tool="vault.export", role="steward", session="x"))
        assert not judged.learned
    assert set(profile.known) == known
    assert profile.role == "clerk"
