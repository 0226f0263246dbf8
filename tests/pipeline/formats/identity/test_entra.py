from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.formats.secrets import digest
from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import AT, ENTRA, ENTRA_RISK

COLUMNS = {
    "Id": "s-2", "CreatedDateTime": AT, "AppId": "5d0e", "ServicePrincipalId": "27a3cf14",
    "ServicePrincipalName": "invoice-bot", "IPAddress": "203.0.113.9", "ResultType": "0",
    "ResourceIdentity": "res-1", "AutonomousSystemNumber": "9009", "Location": "RO",
    "UniqueTokenIdentifier": "Zx1", "Type": "AADServicePrincipalSignInLogs",
    "Agent": json.dumps({"agentType": "agenticAppInstance", "agentSubjectType": "notAgentic"}),
}  # fmt: skip


def test_sign_in_of_a_service_principal_is_autonomous() -> None:
    event = event_of("entra", ENTRA)
    assert event["agent"] == {"id": "27a3cf14", "instance": digest("Zx1")}
    assert event["mode"] == "autonomous"
    assert event["network"] == {"source_ip": "203.0.113.9", "asn": 9009, "country": "RO"}
    assert event["outcome"] == "ok"
    assert event["credential"]["id"] == digest("Zx1")
    assert "Zx1" not in json.dumps(event)


def test_columns_of_log_analytics_give_the_same_agent() -> None:
    event = event_of("entra", COLUMNS)
    assert event["agent"]["id"] == "27a3cf14"
    assert event["mode"] == "autonomous"
    assert event["network"] == {"source_ip": "203.0.113.9", "asn": 9009, "country": "RO"}
    assert event["attributes"]["agent_type"] == "agenticAppInstance"


def test_diagnostic_setting_wraps_the_same_record() -> None:
    wrapped = {"time": AT, "category": "ServicePrincipalSignInLogs", "properties": ENTRA}
    assert event_of("entra", {"records": [wrapped]})["agent"] == event_of("entra", ENTRA)["agent"]


def test_page_of_graph_gives_an_event_for_each_sign_in() -> None:
    assert len(events_of("entra", {"value": [ENTRA, ENTRA | {"id": "other"}]})) == 2


@pytest.mark.parametrize(
    ("agent", "user", "mode", "human"),
    [
        ({"agentSubjectType": "agentIDuser"}, "u-1", "delegated", "u-1"),
        ({"agentSubjectType": "agentIDuser"}, None, "delegated", None),
        ({"agentSubjectType": "notAgentic"}, "u-1", "delegated", "u-1"),
        ({"agentSubjectType": "notAgentic"}, "", "autonomous", None),
        ({"agentSubjectType": "unknownFutureValue"}, None, None, None),
    ],
)
def test_mode_follows_the_subject(
    agent: dict[str, Any], user: str | None, mode: str | None, human: str | None
) -> None:
    record = ENTRA | {"userId": user, "agent": {"agentType": "agenticAppInstance"} | agent}
    event = event_of("entra", record | {"signInEventTypes": ["nonInteractiveUser"]})
    assert event.get("mode") == mode
    assert event.get("human", {}).get("id") == human


def test_sign_in_of_a_person_gives_no_event() -> None:
    person = ENTRA | {
        "servicePrincipalId": "",
        "userId": "u-1",
        "agent": {"agentType": "notAgentic"},
    }
    assert events_of("entra", person) == []
    assert events_of("entra", person | {"agent": None}) == []


@pytest.mark.parametrize("code", [53003, "7000215"])
def test_refused_sign_in_is_denied(code: Any) -> None:
    event = event_of("entra", ENTRA | {"status": {"errorCode": code}})
    assert event["outcome"] == "denied"
    assert event["attributes"]["error_code"] == int(code)


def test_risk_detection_is_evidence_about_the_agent_from_outside() -> None:
    event = event_of("entra", ENTRA_RISK)
    assert event["agent"] == {"id": "27a3cf14"}
    assert event["tool"] == "entra:risk_detection"
    assert event["time"] == AT
    assert event["attributes"]["outside_evidence"] is True
    assert event["attributes"]["risk_event_type"] == "unfamiliarResourceAccess"
    assert event["attributes"]["activity_at"] == "2026-01-04T22:00:00.000000Z"
    assert "outcome" not in event


def test_old_names_of_a_risk_detection_are_read() -> None:
    old = {**ENTRA_RISK, "agentId": "a-9", "identityId": None}
    assert event_of("entra", old)["agent"]["id"] == "a-9"
