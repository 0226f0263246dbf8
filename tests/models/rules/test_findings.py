"""Findings of rules in the course of a stream: how often, how severe, and what is remembered."""

from __future__ import annotations

from models.baseline.identity import Declared
from models.config import ModelConfig
from models.event import Credential
from tests.models.places import ABROAD, FAR, HOME, KEY, MINUTES_OF_DAY, NEAR, TOR
from tests.models.rules.rule_cases import ENDED


def test_new_version_is_reported_once(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    for number in range(30):
        stream.judge(an_event(at=number, version="1", session=f"s-{number // 15}"))
    said = [stream.judge(an_event(at=40 + n, version="2", session="s-9")) for n in range(3)]
    assert [one.anomaly for one in said] == ["config.change", None, None]


def test_credential_of_two_networks_is_reported_from_either(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    said = [
        stream.judge(an_event(at=at, credential=KEY, network=network), origin).anomaly
        for at, network, origin in ((0, NEAR, HOME), (5, FAR, ABROAD), (10, NEAR, HOME))
    ]
    assert said == [None, "cred.reuse", "cred.reuse"]


def test_agent_known_in_another_mode_has_used_no_anonymiser(a_stream, an_event):
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


def test_rules_raise_no_alert_in_a_trusted_history(a_stream, an_event):
    stream = a_stream()
    stream.engine.trusted_history = True
    judged = stream.judge(an_event(credential=ENDED, at=200))
    assert not judged.alert
    assert judged.learned
    assert not stream.agent_state("billing-7").trust.ledger.items


def test_number_of_stored_credentials_and_versions_is_bounded(a_stream, an_event):
    stream = a_stream()
    for number in range(40):
        credential = Credential(id=f"digest-{number}")
        stream.judge(an_event(at=number, credential=credential, network=NEAR, version=f"v{number}"))
    facts = stream.agent_state("billing-7").profile.facts
    assert len(facts.credentials) == 16
    assert "digest-39" in facts.credentials
    assert facts.versions[-1] == "v39"
    assert len(facts.versions) == 16


def test_credential_minutes_are_sixty_by_default():
    assert ModelConfig().credential_minutes == 60
