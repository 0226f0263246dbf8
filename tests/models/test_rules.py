"""Every rule has a case that fires and cases that must not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from models.config import ModelConfig
from models.event import SAID_BY_EVENT, Credential, Network, Origin
from models.moving import place_of
from models.rules import ANONYMISERS, RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.assessment import Assessment

MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
HOME = Origin("direct", 64500, "SE", "list@1")
ABROAD = Origin("direct", 64501, "BR", "list@1")
OFFICE = Origin("corporate", 64500, "SE", "settings")
TOR = Origin("tor", 64502, "DE", "tor@7")
NEAR, FAR = Network(source_ip="192.0.2.7"), Network(source_ip="198.51.100.9")
KEY = Credential(id="digest-1")
DEPLOYED = {"kind": "deployment", "version": "2"}
ENDED = Credential(id="digest-1", expires_at=MONDAY + timedelta(minutes=99))
ENDS = Credential(id="digest-1", expires_at=MONDAY + timedelta(minutes=100))


@dataclass(frozen=True)
class Case:
    """A story of an agent: what it did before, what it does at minute 100, as whom."""

    fires: bool
    then: dict[str, Any] = field(default_factory=dict)
    origin: Origin = HOME
    registered: bool = True
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
    "identity.shadow": {
        "nobody registered it": Case(fires=True, registered=False),
        "it is registered": Case(fires=False),
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
def tell(a_stream, an_event) -> Callable[[Case], Assessment]:
    """Let the story happen; give what is said of its last event."""

    def run(case: Case) -> Assessment:
        stream = a_stream(learning_sessions=case.learning)
        if case.peers is not None:
            for number in range(6):
                for at in (0, 20):
                    peer = an_event(f"peer-{number}", at, session=f"p-{at}")
                    stream.judge(peer, case.peers)
            stream.engine.peers.publish()
        for number, at in enumerate(case.minutes):
            event = an_event(at=at, session=f"s-{number // 15}", **case.before)
            stream.judge(event, case.before_origin)
        if case.between is not None:
            stream.judge(an_event(at=90, **case.between))
        last = an_event(at=100, session="last", **case.then)
        return stream.judge(last, case.origin, registered=case.registered)

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
    assert set(CASES) | OVER_DAYS == set(RULES)
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


MINUTES_OF_DAY = 24 * 60


def _to_and_fro(stream, an_event, day, network, origin):
    """Use one credential at home and then elsewhere; give what is said of the latter."""
    at = day * MINUTES_OF_DAY
    for later, where, told in ((0, NEAR, HOME), (5, network, origin)):
        said = stream.judge(an_event(at=at + later, credential=KEY, network=where), told)
    return said.anomaly


@pytest.mark.parametrize(("days", "said"), [(2, "cred.reuse"), (3, None)])
def test_an_agent_with_two_ways_out_for_days_of_a_past_that_is_vouched_for_may_use_both(
    a_stream, an_event, days, said
):
    stream = a_stream(learning_sessions=1)
    stream.engine.vouched = True
    for day in range(days):
        _to_and_fro(stream, an_event, day, FAR, ABROAD)
    stream.engine.vouched = False
    assert _to_and_fro(stream, an_event, days, FAR, ABROAD) == said
    third = Network(source_ip="203.0.113.9")
    assert _to_and_fro(stream, an_event, days, third, TOR) == "cred.reuse"


@pytest.mark.parametrize(("days", "said"), [(2, "peer.unverified"), (3, None)])
def test_a_peer_that_never_proved_who_it_is_for_days_of_such_a_past_need_not(
    a_stream, an_event, days, said
):
    stream = a_stream(learning_sessions=1)
    known, other = (Network(destination=f"{name}.example.com") for name in ("rates", "other"))

    def told(day, network):
        at, unproven = day * MINUTES_OF_DAY, {"peer_verified": False}
        return stream.judge(an_event(at=at, network=network, attributes=unproven), HOME).anomaly

    stream.engine.vouched = True
    for day in range(days):
        told(day, known)
    stream.engine.vouched = False
    assert told(days, known) == said
    assert told(days + 1, other) == "peer.unverified"


def test_what_alerts_day_by_day_becomes_no_usual_way(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    stream.judge(an_event(session="s-0"))
    said = [_to_and_fro(stream, an_event, day, FAR, ABROAD) for day in range(1, 9)]
    assert said == ["cred.reuse"] * 8


def test_a_definition_that_was_there_before_is_no_news(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    stream.judge(an_event(attributes={"tool_digest": "old"}, session="s-0"))
    said = [
        stream.judge(an_event(at=at, attributes={"tool_digest": digest})).anomaly
        for at, digest in enumerate(("old", "new", "old", "new", "newer"), 1)
    ]
    assert said == [None, "tool.definition_changed", None, None, "tool.definition_changed"]


def test_a_new_version_excuses_another_definition_where_its_deployment_names_the_tool(
    a_stream, an_event
):
    stream = a_stream(learning_sessions=1)
    stream.judge(an_event(session="s-0"))

    def told(at, tool, digest):
        return stream.judge(an_event(at=at, tool=tool, attributes={"tool_digest": digest})).anomaly

    for at, tool in enumerate(("mail.read", "mail.send")):
        told(at, tool, "old")
    named = {"adds_tool": "mail.send"}
    rollout = {"kind": "deployment", "version": "2", "attributes": named}
    stream.judge(an_event(at=3, tool="deploy.rollout", **rollout))
    assert stream.subject("billing-7").profile.state() == "relearning"
    assert told(4, "mail.send", "new") is None
    assert told(5, "mail.send", "old") is None  # elsewhere the version before goes on
    assert told(6, "mail.send", "newer") == "tool.definition_changed"
    assert told(7, "mail.read", "new") == "tool.definition_changed"


def test_a_tool_that_is_renewed_for_all_is_news_of_two_agents_of_a_group(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    agents = [f"clerk-{number}" for number in range(6)]
    for agent in agents:
        for session in ("s-0", "s-1"):
            stream.judge(an_event(agent, attributes={"tool_digest": "old"}, session=session))
    said = [
        stream.judge(an_event(agent, 60 * at, attributes={"tool_digest": "new"})).anomaly
        for at, agent in enumerate(agents, 1)
    ]
    assert said == ["tool.definition_changed"] * 2 + [None] * 4
    other = an_event(agents[0], 500, attributes={"tool_digest": "newer"})
    assert stream.judge(other).anomaly == "tool.definition_changed"


def test_definitions_of_many_tools_are_remembered_and_bounded(a_stream, an_event):
    stream = a_stream(learning_sessions=1)

    def told(number, digest):
        tool, attributes = f"t.{number}", {"tool_digest": digest}
        return stream.judge(an_event(at=number, tool=tool, attributes=attributes)).anomaly

    for number in range(200):
        told(number, "old")
    stream.judge(an_event(at=300, session="s-0"))
    assert told(0, "new") == "tool.definition_changed"
    for number in range(900):
        told(number, "newest")
    assert len(stream.subject("billing-7").profile.facts.watch.definitions) <= 512


def test_an_agent_long_known_in_another_mode_has_used_no_anonymiser(a_stream, an_event):
    stream = a_stream()
    heard = stream.engine.watcher.heard
    heard.note("billing-7", "autonomous", 0)
    long_ago = 20 * MINUTES_OF_DAY
    assert stream.judge(an_event(at=0, mode="delegated"), TOR).anomaly == "net.anonymiser"
    assert stream.judge(an_event("other", long_ago, mode="delegated"), TOR).anomaly is None


def test_moves_are_bounded_with_the_values_that_wait(a_stream, an_event):
    stream = a_stream(learning_sessions=1, held_limit=10)
    stream.engine.vouched = True
    for number in range(30):
        place = Origin("direct", 64_600 + number, "SE", "list@1")
        _to_and_fro(stream, an_event, number, FAR, place)
    assert len(stream.subject("billing-7").profile.facts.waiting) <= 10


def test_findings_of_one_day_share_a_correlation_key(a_stream, an_event):
    stream = a_stream()
    keys = [
        stream.judge(an_event(at=at, tool=tool), registered=False).key
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
    stream.subject("billing-7").profile.facts.versions = ["1"]
    both = stream.judge(late)
    assert both.anomaly == "cred.lifetime"
    assert {reason.feature for reason in both.reasons} >= {"credential", "version"}


def test_rules_are_silent_about_what_an_operator_vouches_for(a_stream, an_event):
    stream = a_stream()
    stream.engine.vouched = True
    judged = stream.judge(an_event(credential=ENDED, at=200))
    assert not judged.alert
    assert judged.learned
    assert not stream.subject("billing-7").trust.ledger.items


def test_at_most_so_many_credentials_and_versions_are_remembered(a_stream, an_event):
    stream = a_stream()
    for number in range(40):
        credential = Credential(id=f"digest-{number}")
        stream.judge(an_event(at=number, credential=credential, network=NEAR, version=f"v{number}"))
    facts = stream.subject("billing-7").profile.facts
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
