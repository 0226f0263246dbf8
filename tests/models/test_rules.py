"""Every rule has a case that fires and cases that must not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from models.baseline.identity import Declared
from models.config import ModelConfig
from models.event import SAID_BY_EVENT, Credential, Origin
from models.features.credential_location import place_of
from models.rules import ANONYMISERS, RULES
from tests.models.places import ABROAD, FAR, HOME, KEY, MINUTES_OF_DAY, NEAR, TOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.result import Result

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
ALL = [(rule, name) for rule, cases in CASES.items() for name in cases]


@pytest.fixture
def tell(a_stream, an_event) -> Callable[[Case], Result]:
    """Let the story happen; give what is said of its last event."""

    def run(case: Case) -> Result:
        stream = a_stream(learning_sessions=case.learning)
        if case.peers is not None:
            for number in range(6):
                for at in (0, 20):
                    peer = an_event(f"peer-{number}", at, session=f"p-{at}")
                    stream.judge(peer, case.peers)
            stream.engine.fleet.publish()
        for number, at in enumerate(case.minutes):
            event = an_event(at=at, session=f"s-{number // 15}", **case.before)
            stream.judge(event, case.before_origin)
        if case.between is not None:
            stream.judge(an_event(at=90, **case.between))
        last = an_event(at=100, session="last", **case.then)
        more = {"declared": case.declared, "conflict": case.conflict}
        return stream.judge(last, case.origin, **more)

    return run


@pytest.mark.parametrize(("rule", "name"), ALL, ids=[f"{rule}: {name}" for rule, name in ALL])
def test_a_rule_speaks_when_it_should_and_only_then(tell, rule, name):
    case = CASES[rule][name]
    judged = tell(case)
    assert (judged.anomaly == rule) is case.fires
    if case.fires:
        assert judged.reasons[0].why.endswith(".")
        assert judged.reasons[0].bits > 20
        assert (judged.ground, judged.confidence) == ("rule", 1.0)
        assert judged.tags["owasp"]
    else:
        assert judged.anomaly is None


def test_every_rule_has_a_case_that_fires_and_one_that_must_not():
    assert set(CASES) | OVER_DAYS == set(RULES), "add cases to CASES, or name it in OVER_DAYS"
    for rule, cases in CASES.items():
        assert {case.fires for case in cases.values()} == {True, False}, rule


@pytest.mark.parametrize("egress", sorted(ANONYMISERS))
def test_vpn_proxy_and_tor_are_anonymisers(tell, egress):
    judged = tell(Case(fires=True, origin=Origin(egress, evidence="list@3")))
    assert judged.anomaly == "net.anonymiser"
    assert judged.facet == "network"
    assert "list@3" in judged.reasons[0].why
    assert judged.tags["attack"] == ["T1090.003" if egress == "tor" else "T1090"]
    assert judged.tags["owasp"] == ["ASI03"]


def test_an_origin_that_the_event_names_is_not_said_to_be_on_a_list(tell):
    judged = tell(Case(fires=True, origin=Origin("vpn", evidence=SAID_BY_EVENT)))
    why = judged.reasons[0].why
    assert "by the event itself" in why
    assert "list" not in why


def test_a_rule_raises_an_alert_at_its_severity_and_keeps_the_event_out(tell):
    judged = tell(CASES["net.anonymiser"]["the first tor origin of a known agent"])
    assert judged.severity == "high"
    assert judged.alert
    assert judged.held is not None
    assert not judged.learned
    assert judged.p is None, "it needs no calibration"


def test_a_new_version_is_a_finding_and_no_alert(tell):
    judged = tell(CASES["config.change"]["a version nobody announced"])
    assert judged.severity == "low"
    assert not judged.alert


def test_a_version_is_spoken_of_once(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    for number in range(30):
        stream.judge(an_event(at=number, version="1", session=f"s-{number // 15}"))
    said = [stream.judge(an_event(at=40 + n, version="2", session="s-9")) for n in range(3)]
    assert [one.anomaly for one in said] == ["config.change", None, None]


def test_a_credential_of_two_places_is_spoken_of_from_either(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    said = [
        stream.judge(an_event(at=at, credential=KEY, network=network), origin).anomaly
        for at, network, origin in ((0, NEAR, HOME), (5, FAR, ABROAD), (10, NEAR, HOME))
    ]
    assert said == [None, "cred.reuse", "cred.reuse"]


def test_an_agent_long_known_in_another_mode_has_used_no_anonymiser(a_stream, an_event):
    stream = a_stream()
    heard = stream.engine.watcher.heard
    heard.note("billing-7", "autonomous", 0)
    long_ago = 20 * MINUTES_OF_DAY
    assert stream.judge(an_event(at=0, mode="delegated"), TOR).anomaly == "net.anonymiser"
    assert stream.judge(an_event("other", long_ago, mode="delegated"), TOR).anomaly is None


def test_findings_of_one_day_share_a_correlation_key(a_stream, an_event):
    stream = a_stream()
    keys = [
        stream.judge(an_event(at=at, tool=tool), declared=Declared(registered=False)).key
        for at, tool in ((0, "mail.read"), (5, "crm.find"), (24 * 60, "mail.read"))
    ]
    assert keys[0] == keys[1] != keys[2]


def test_the_gravest_of_several_findings_names_the_anomaly(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    for number in range(30):
        stream.judge(an_event(at=number, version="1", session=f"s-{number // 15}"))
    event = an_event(at=40, version="2", session="s-9", credential=ENDED)
    late = an_event(at=100, version="2", session="s-9", credential=ENDED)
    assert stream.judge(event).anomaly == "config.change"
    stream.agent_state("billing-7").profile.facts.versions = ["1"]
    both = stream.judge(late)
    assert both.anomaly == "cred.lifetime"
    assert {reason.feature for reason in both.reasons} >= {"credential", "version"}


def test_rules_are_silent_about_what_an_operator_vouches_for(a_stream, an_event):
    stream = a_stream()
    stream.engine.vouched = True
    judged = stream.judge(an_event(credential=ENDED, at=200))
    assert not judged.alert
    assert judged.learned
    assert not stream.agent_state("billing-7").trust.ledger.items


def test_at_most_so_many_credentials_and_versions_are_remembered(a_stream, an_event):
    stream = a_stream()
    for number in range(40):
        credential = Credential(id=f"digest-{number}")
        stream.judge(an_event(at=number, credential=credential, network=NEAR, version=f"v{number}"))
    facts = stream.agent_state("billing-7").profile.facts
    assert len(facts.credentials) == 16
    assert "digest-39" in facts.credentials
    assert facts.versions[-1] == "v39"
    assert len(facts.versions) == 16


@pytest.mark.parametrize(
    ("address", "origin", "place"),
    [
        ("192.0.2.7", Origin(), "192.0.0.0/16"),
        ("2001:db8:1:2::3", Origin(), "2001:db8::/32"),
        ("not an address", Origin(), ""),
        ("192.0.2.7", Origin(asn=64500), "unknown country AS64500"),
        ("192.0.2.7", Origin(country="SE"), "SE unknown operator"),
        ("not an address", Origin(asn=64500, country="SE"), "SE AS64500"),
    ],
)
def test_a_place_is_named_by_the_best_that_is_known(address, origin, place):
    assert place_of(address, origin) == place


def test_the_hour_of_two_places_is_the_one_of_the_configuration():
    assert ModelConfig().credential_minutes == 60
