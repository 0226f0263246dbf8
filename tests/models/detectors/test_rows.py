"""Each family finds its own case after a typical past, and leaves a typical event alone."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.features.families import FAMILIES
from models.river_judge import RiverJudge

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAYS = 20
TYPICAL: dict[str, Any] = {
    "tool": "crm.read",
    "mode": "delegated",
    "human": {"id": "ana"},
    "resource": {"id": "crm/customer/1", "type": "record", "domain": "crm"},
    "volume": {"bytes_out": 1_000},
    "credential": {"id": "c", "scopes": ["crm.read"]},
    "network": {"egress": "direct", "asn": 1, "country": "PT"},
    "arguments": {"command": "git pull origin"},
    "attributes": {"tool_digest": "one"},
    "argument_origins": {"to": [["bo@corp.example", ["request"]]]},
}
WITH_CASE = [one.name for one in FAMILIES.values() if one.case or one.times > 1]
WITHOUT_CASE = {
    # What they need is more than one event of one agent: tests of their own hold them.
    "content", "spread", "width", "beacon", "slow", "cascade", "unregistered", "mismatch",
    "expired", "two_locations", "version", "mode_shift", "conflict", "hour",
    "gap",
}  # fmt: skip


def event(agent: str, at: datetime, session: str, fields: dict[str, Any]) -> dict[str, Any]:
    return (
        TYPICAL
        | fields
        | {
            "id": f"{agent} {at:%d%H%M%S}",
            "time": at,
            "agent": {"id": agent, "role": "clerk"},
            "session": session,
        }
    )


@pytest.fixture(scope="module")
def past() -> bytes:
    judge = RiverJudge()
    for day in range(DAYS):
        for half in (0, 6):
            for number in range(6):
                for step in range(3):
                    later = timedelta(days=day, hours=half, minutes=number, seconds=20 * step)
                    judge.learn_one(event(f"agent-{number}", START + later, f"{day} {half}", {}))
    return pickle.dumps(judge)


def rarity(past: bytes, family: str, times: int, fields: dict[str, Any]) -> float:
    """Give the rarity of a family in a session of a known agent with some events."""
    judge: RiverJudge = pickle.loads(past)  # noqa: S301  # made above
    for number in range(times):
        at = START + timedelta(days=DAYS, seconds=10 * number)
        judge.learn_one(event("agent-0", at, "judged", fields))
    session, _ = judge._sessions["agent-0", "delegated", "judged"]
    return session.rarities.get(family, 0.0)


def test_each_family_has_a_case_or_a_reason_to_have_none() -> None:
    assert set(WITH_CASE) | WITHOUT_CASE == set(FAMILIES)
    assert not set(WITH_CASE) & WITHOUT_CASE


@pytest.mark.parametrize("family", WITH_CASE)
def test_a_family_finds_its_case_and_leaves_a_typical_session_alone(
    past: bytes, family: str
) -> None:
    one = FAMILIES[family]
    assert rarity(past, family, 3, {}) < 3.0
    case = dict(one.case)
    if "origin" in case:
        egress, asn, country = case.pop("origin")
        case["network"] = {"egress": egress, "asn": asn, "country": country}
    assert rarity(past, family, one.times, case) > 4.0


@pytest.mark.parametrize(
    ("kind", "operation", "expected"),
    [("agent_settings", "write", True), ("agent_settings", "delete", True),
     ("agent_settings", "read", False), ("file", "write", False)],
)  # fmt: skip
def test_one_change_of_the_settings_of_a_coding_agent_is_rare(
    past: bytes, kind: str, operation: str, expected: bool
) -> None:
    resource = {"id": "~/.claude/settings.json", "type": kind}
    found = rarity(past, "settings", 1, {"operation": operation, "resource": resource})
    assert (found > 6.0) == expected
