"""For every rule the cases that it reports, and the cases that it must not report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from models.baseline.identity import Declared
from models.event import Credential, Origin
from tests.models.places import ABROAD, FAR, HOME, KEY, NEAR, TOR

MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
OFFICE = Origin("corporate", 64500, "SE", "settings")
DEPLOYED = {"kind": "deployment", "version": "2"}
ENDED = Credential(id="digest-1", expires_at=MONDAY + timedelta(minutes=99))
REGISTERED = Declared(registered=True)
ENDS = Credential(id="digest-1", expires_at=MONDAY + timedelta(minutes=100))


@dataclass(frozen=True)
class Case:
    """A story of an agent: what it did before, what it does at minute 100, as whom."""

    fires: bool
    then: dict[str, Any] = field(default_factory=dict)
    origin: Origin = HOME
    declared: Declared = REGISTERED
    conflict: bool = False
    before: dict[str, Any] = field(default_factory=dict)
    before_origin: Origin = HOME
    minutes: tuple[float, ...] = tuple(range(30))
    between: dict[str, Any] | None = None
    peers: Origin | None = None
    learning: int = 1


def said(**attributes: Any) -> dict[str, Any]:
    """Give what an event carries beside the words of its format."""
    return {"attributes": attributes}


CASES: dict[str, dict[str, Case]] = {
    "telemetry.conflict": {
        "its id is known with other content": Case(fires=True, conflict=True),
        "whatever else is found": Case(fires=True, conflict=True, origin=TOR),
        "its id is new": Case(fires=False),
    },
    "identity.shadow": {
        "nobody registered it": Case(fires=True, declared=Declared(registered=False)),
        "it is registered": Case(fires=False),
        "no inventory is loaded": Case(fires=False, declared=Declared()),
    },
    "identity.mismatch": {
        "another role than the inventory says": Case(
            fires=True, then={"role": "steward"}, declared=Declared(registered=True, role="clerk")
        ),
        "another team than the inventory says": Case(
            fires=True,
            then={"attributes": {"agent.team": "red"}},
            declared=Declared(registered=True, team="blue"),
        ),
        "another role than it said first": Case(
            fires=True, then={"role": "steward"}, declared=Declared()
        ),
        "another role than it said first, registered without one": Case(
            fires=True, then={"role": "steward"}
        ),
        "the role that the inventory says, after another": Case(
            fires=False,
            then={"role": "steward"},
            declared=Declared(registered=True, role="steward"),
        ),
        "no role at all": Case(fires=False, then={"role": None}),
        "a team that no inventory names": Case(
            fires=False, then={"attributes": {"team": "red"}}, declared=Declared()
        ),
        "another role, announced before": Case(
            fires=False,
            then={"role": "steward"},
            between={"kind": "deployment", "role": "steward"},
        ),
    },
    "net.anonymiser": {
        "the first tor origin of a known agent": Case(fires=True, origin=TOR),
        "it always came over tor": Case(fires=False, origin=TOR, before_origin=TOR),
        "hardly anything is known of it": Case(fires=False, origin=TOR, minutes=(1, 2, 3)),
        "its peers come that way": Case(fires=False, origin=TOR, peers=TOR),
        "a new place without an anonymiser": Case(fires=False, origin=ABROAD),
        "nothing is known of the address": Case(fires=False, origin=Origin()),
    },
    "cred.lifetime": {
        "used a minute after its end": Case(fires=True, then={"credential": ENDED}),
        "used at its end": Case(fires=False, then={"credential": ENDS}),
        "no end is known": Case(fires=False, then={"credential": KEY}),
        "no credential": Case(fires=False),
    },
    "cred.reuse": {
        "two countries within an hour": Case(
            fires=True,
            before={"credential": KEY, "network": NEAR},
            minutes=(60,),
            then={"credential": KEY, "network": FAR},
            origin=ABROAD,
        ),
        "two networks that no list knows": Case(
            fires=True,
            before={"credential": KEY, "network": NEAR},
            before_origin=Origin(),
            minutes=(60,),
            then={"credential": KEY, "network": FAR},
            origin=Origin(),
        ),
        "the second use came late": Case(
            fires=True,
            before={"credential": KEY, "network": NEAR},
            minutes=(130,),
            then={"credential": KEY, "network": FAR},
            origin=ABROAD,
        ),
        "two countries within a day": Case(
            fires=False,
            before={"credential": KEY, "network": NEAR},
            minutes=(30,),
            then={"credential": KEY, "network": FAR},
            origin=ABROAD,
        ),
        "one country and operator": Case(
            fires=False,
            before={"credential": KEY, "network": NEAR},
            minutes=(60,),
            then={"credential": KEY, "network": FAR},
        ),
        "another credential": Case(
            fires=False,
            before={"credential": KEY, "network": NEAR},
            minutes=(60,),
            then={"credential": Credential(id="digest-2"), "network": FAR},
            origin=ABROAD,
        ),
        "the operator's own exits": Case(
            fires=False,
            before={"credential": KEY, "network": NEAR},
            minutes=(60,),
            then={"credential": KEY, "network": FAR},
            origin=OFFICE,
        ),
        "an address is missing": Case(
            fires=False,
            before={"credential": KEY, "network": NEAR},
            minutes=(60,),
            then={"credential": KEY},
            origin=ABROAD,
        ),
    },
    "config.change": {
        "a version nobody announced": Case(
            fires=True, before={"version": "1"}, then={"version": "2"}
        ),
        "a deployment announced it": Case(
            fires=False, before={"version": "1"}, then={"version": "2"}, between=DEPLOYED
        ),
        "another deployment was announced": Case(
            fires=True,  # learning anew what it does, not what it runs as
            before={"version": "1"},
            then={"version": "3"},
            between=DEPLOYED,
        ),
        "the version it always had": Case(
            fires=False, before={"version": "1"}, then={"version": "1"}
        ),
        "the first version ever told": Case(fires=False, then={"version": "1"}),
        "no version is told": Case(fires=False, before={"version": "1"}),
        "still learning": Case(
            fires=False, before={"version": "1"}, then={"version": "2"}, learning=5
        ),
    },
    "tool.definition_changed": {
        "another definition than before": Case(
            fires=True, before=said(tool_digest="d-1"), then=said(tool_digest="d-2")
        ),
        "the definition it always had": Case(
            fires=False, before=said(tool_digest="d-1"), then=said(tool_digest="d-1")
        ),
        "the first definition ever told": Case(fires=False, then=said(tool_digest="d-1")),
    },
    "peer.unverified": {
        "the other agent could not prove who it is": Case(
            fires=True, then=said(peer_verified=False)
        ),
        "it could": Case(fires=False, then=said(peer_verified=True)),
        "nothing is said of it": Case(fires=False),
    },
    "approval.pattern": {
        "five hasty approvals within an hour": Case(
            fires=True,
            before=said(approval_seconds=0.5),
            minutes=(61, 62, 63, 64),
            then=said(approval_seconds=0.4),
        ),
        "approvals that were read": Case(
            fires=False,
            before=said(approval_seconds=40),
            minutes=(61, 62, 63, 64),
            then=said(approval_seconds=30),
        ),
        "forty within an hour that took a few seconds each": Case(
            fires=True,
            before=said(approval_seconds=5),
            minutes=tuple(range(61, 100)),
            then=said(approval_seconds=5),
        ),
        "what is no time": Case(
            fires=False,
            before=said(approval_seconds=True),
            minutes=(61, 62, 63, 64),
            then=said(approval_seconds=-1),
        ),
        "ten of them": Case(
            fires=False,
            before=said(approval_seconds=5),
            minutes=tuple(range(61, 70)),
            then=said(approval_seconds=5),
        ),
        "five within an hour, on both sides of a full one": Case(
            fires=True,
            before=said(approval_seconds=0.5),
            minutes=(57, 58, 98, 99),
            then=said(approval_seconds=0.4),
        ),
        "five over more than an hour": Case(
            fires=False,
            before=said(approval_seconds=0.5),
            minutes=(28, 29, 98, 99),
            then=said(approval_seconds=0.4),
        ),
        "a single hasty one": Case(fires=False, then=said(approval_seconds=0.4)),
    },
}
OVER_DAYS = {
    "mode.shift",
    "telemetry.gap",
    "volume.exfil",
}  # tests/models/watch/test_slow_change.py
