"""Every rule has a case that fires and cases that must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.event import SAID_BY_EVENT, Origin
from models.rules import ANONYMISERS, RULES
from tests.models.rules.rule_cases import CASES, OVER_DAYS, Case

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.result import Result


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
