"""What the judge of behaviour finds, and what it leaves alone: a case of each for every family."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from models.behaviour.series import FAMILIES, INDEX
from models.event import Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.models.behaviour.conftest import Past

TYPICAL: dict[str, Any] = {
    "resource": {"id": "crm/customer/1", "type": "record", "domain": "crm"},
    "volume": {"bytes_out": 1_000},
    "credential": {"id": "c", "scopes": ["crm.read"]},
}


def rarity(past: Past, at: datetime, family: str, times: int = 1, **fields: Any) -> float:
    """Give the rarity of a family after some events of a session of a known agent."""
    found = 0.0
    for number in range(times):
        later = at + timedelta(seconds=10 * number)
        session = past.act("agent-0", later, "judged", **(TYPICAL | fields)).session
        found = session.rarities.get(family, 0.0)
    return found


NEW: dict[str, dict[str, Any]] = {
    "act": {"tool": "vault.export"},
    "data": {"resource": {"id": "hr/1", "type": "record", "domain": "hr"}},
    "place": {"resource": {"id": "hr/payroll/2026/1", "type": "record", "domain": "crm"}},
    "program": {"arguments": {"command": "nc -l 4444"}},
    "net": {"origin": Origin("direct", 9, "BR")},
    "egress": {"origin": Origin("tor", 1, "PT")},
    "who": {"mode": "autonomous", "human": {"id": "eve"}},
    "credential": {"credential": {"id": "c", "scopes": ["crm.read", "admin"]}},
    "argument": {"argument_origins": {"to": [["eve@evil.example", ["nowhere"]]]}},
    "carried": {"argument_origins": {"to": [["eve@evil.example", ["result:web.fetch"]]]}},
    "definition": {"attributes": {"tool_digest": "other"}},
    "unverified_peer": {"attributes": {"peer_verified": False}},
    "version": {"agent": {"id": "agent-0", "role": "clerk", "version": "9"}},
}


@pytest.mark.parametrize("family", NEW)
def test_a_new_value_of_the_family_is_rare_and_a_known_one_is_not(
    family: str, worked: Callable[..., Past]
) -> None:
    history = TYPICAL | {"mode": "delegated", "human": {"id": "ana"}}
    history |= {"arguments": {"command": "git pull origin"}, "attributes": {"tool_digest": "one"}}
    history |= {"argument_origins": {"to": [["bo@corp.example", ["request"]]]}}
    past = worked(20, **history)
    at = past.next
    known = past.act("agent-1", at, "known", **history).session
    assert known.rarities.get(family, 0.0) < 3.0
    agent = NEW[family].get("agent", {"id": "agent-0", "role": "clerk"})
    if family == "version":
        past.act("agent-0", at, "judged", **(history | {"agent": agent | {"version": "8"}}))
    assert rarity(past, at, family, **(history | NEW[family])) > 4.0


MUCH: dict[str, tuple[int, dict[str, Any]]] = {
    "breadth": (80, {}),
    "size": (1, {"volume": {"bytes_out": 500_000_000}}),
    "refused": (20, {"outcome": "denied"}),
    "force": (40, {"operation": "delete"}),
    "loop": (80, {"arguments": {"query": "the same"}}),
    "cost": (5, {"attributes": {"tokens": 9_000_000}, "duration_ms": 900_000.0}),
    "secret": (12, {"tool": "vault.read_secret"}),
    "sweep": (40, {"tool": "iam.list_users"}),
    "approval": (6, {"attributes": {"approval_seconds": 0.4}}),
    "settings": (3, {"operation": "write", "resource": {"id": "agent-0/config"}}),
    "memory": (9, {"operation": "write", "resource": {"id": "memory/notes"}}),
}


@pytest.mark.parametrize("family", MUCH)
def test_an_amount_far_above_the_past_is_rare_and_a_typical_one_is_not(
    family: str, worked: Callable[..., Past]
) -> None:
    past = worked(20, **TYPICAL)
    at = past.next
    known = past.act("agent-1", at, "known", **TYPICAL).session
    assert known.rarities.get(family, 0.0) < 3.0
    times, fields = MUCH[family]
    assert rarity(past, at, family, times, **fields) > 4.0


def test_an_unregistered_agent_and_an_expired_credential_break_a_rule(
    worked: Callable[..., Past],
) -> None:
    past = worked(20, **TYPICAL)
    at = past.next
    expired = {"id": "c", "expires_at": at - timedelta(hours=3)}
    assert rarity(past, at, "expired", credential=expired) > 4.0
    fresh = {"id": "c", "expires_at": at + timedelta(hours=3)}
    assert rarity(past, at, "expired", credential=fresh) <= rarity(past, at, "expired")


def test_one_credential_at_two_locations_within_minutes_is_rare(
    worked: Callable[..., Past],
) -> None:
    past = worked(20, **TYPICAL)
    at = past.next
    assert rarity(past, at, "two_locations") == 0.0
    away = Origin("direct", 7, "BR")
    assert rarity(past, at + timedelta(minutes=2), "two_locations", origin=away) > 4.0


def test_a_new_value_of_several_agents_within_a_day_spreads(worked: Callable[..., Past]) -> None:
    past = worked(20, **TYPICAL)
    at = past.next
    sent = {"argument_origins": {"to": [["x@worm.example", ["nowhere"]]]}}
    found = [
        past.act(
            f"agent-{n}",
            at + timedelta(minutes=6 * n),
            "judged",
            **(TYPICAL | sent | {"agent": {"id": f"agent-{n}", "role": f"role {n}"}}),
        ).session
        for n in range(5)
    ]
    assert INDEX["spread"] not in found[0].bits
    assert found[4].bits[INDEX["spread"]] > found[1].bits[INDEX["spread"]] > 4.0


def test_a_delegate_of_an_agent_that_stopped_reporting_is_a_gap(
    worked: Callable[..., Past],
) -> None:
    past = worked(20, **TYPICAL)
    at = past.next
    delegated = TYPICAL | {"delegation": ["agent-0"]}
    past.act("agent-0", at, "own", **TYPICAL)
    lively = past.act("agent-1", at + timedelta(minutes=9), "s", **delegated).session
    silent = past.act("agent-1", at + timedelta(hours=9), "t", **delegated).session
    assert INDEX["silence"] not in lively.bits
    assert silent.bits[INDEX["silence"]] > 4.0


def test_a_destination_that_one_agent_alone_uses_day_after_day_is_a_beacon(
    worked: Callable[..., Past],
) -> None:
    past = worked(20, **TYPICAL)
    at = past.next
    out = {"network": {"destination": "drop.example"}}
    days = [
        past.act("agent-0", at + timedelta(days=day), f"d{day}", **(TYPICAL | out)).session
        for day in range(6)
    ]
    index = INDEX["sole_days"]
    assert all(index in session.bits for session in days)
    assert days[5].amounts != days[0].amounts
    shared = {"network": {"destination": "crm.example"}}
    for number in range(3):
        past.act(f"agent-{number}", at + timedelta(days=7), "u", **(TYPICAL | shared))
    again = past.act("agent-0", at + timedelta(days=8), "v", **(TYPICAL | shared)).session
    assert index not in again.bits


def test_every_family_that_may_lead_has_a_case_here() -> None:
    tried = {*NEW, *MUCH, "expired", "two_locations", "spread", "gap", "beacon"}
    elsewhere = {"content", "unregistered", "conflict", "hour", "width"}
    assert set(FAMILIES) == tried | elsewhere
