from __future__ import annotations

import json
from typing import Any

import pytest

from models.errors import MalformedEvent
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
        ({"agentSubjectType": "agentIDuser"}, "u-1", "autonomous", None),
        ({"agentSubjectType": "agentIDuser"}, None, "autonomous", None),
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
    assert event["kind"] == "security_event"
    assert event["attributes"]["effect"] == "revoked"
    assert "outcome" not in event


def test_old_names_of_a_risk_detection_are_read() -> None:
    old = {**ENTRA_RISK, "agentId": "a-9", "identityId": None}
    assert event_of("entra", old)["agent"]["id"] == "a-9"


AGENT_USER = {
    **ENTRA, "servicePrincipalId": "", "servicePrincipalName": "",
    "appId": "8cd0", "appDisplayName": "Agent001",
    "userId": "roboto", "userPrincipalName": "roboto@example.com",
    "signInEventTypes": ["nonInteractiveUser"],
    "agent": {"agentType": "agenticAppInstance", "parentAppId": "bedd",
              "agentSubjectType": "agentIDuser", "agentSubjectParentId": "8cd0"},
}  # fmt: skip


def test_user_account_of_an_agent_is_not_a_human() -> None:
    event = event_of("entra", AGENT_USER)
    assert event["agent"]["id"] == "8cd0"
    assert event["mode"] == "autonomous"
    assert "human" not in event
    assert "human_name" not in event["attributes"]
    assert event["attributes"]["agent_user"] == "roboto"
    assert event["attributes"]["agent_name"] == "Agent001"


def test_agent_of_a_user_account_is_its_parent_and_acts_by_itself() -> None:
    agent = AGENT_USER["agent"] | {"agentSubjectParentId": "hub"}  # type: ignore[operator]
    event = event_of("entra", AGENT_USER | {"agent": agent})
    assert (event["agent"]["id"], event["mode"]) == ("hub", "autonomous")
    assert not {"human", "delegation"} & event.keys()


def test_agent_in_the_user_account_of_another_one_is_a_delegation_between_agents() -> None:
    agent = AGENT_USER["agent"] | {"agentSubjectParentId": "hub"}  # type: ignore[operator]
    event = event_of("entra", AGENT_USER | {"agent": agent, "servicePrincipalId": "sp-1"})
    assert (event["agent"]["id"], event["mode"]) == ("sp-1", "delegated")
    assert event["delegation"] == ["sp-1", "hub"]


def test_agent_of_a_user_account_is_the_one_behind_an_ordinary_application() -> None:
    agent = AGENT_USER["agent"] | {"agentType": "notAgentic", "agentSubjectParentId": "hub"}  # type: ignore[operator]
    event = event_of("entra", AGENT_USER | {"agent": agent})
    assert event["agent"]["id"] == "hub"


@pytest.mark.parametrize(
    "details",
    [
        [{"key": "Oauth Scope Info", "value": '["Mail.Read","User.Read"]'}],
        [{"key": "Oauth Scope Info", "value": ["Mail.Read", "User.Read"]}],
        '[{"key":"Oauth Scope Info","value":"[\\"Mail.Read\\",\\"User.Read\\"]"}]',
    ],
)
def test_scopes_of_a_delegated_token_are_in_the_processing_details(details: Any) -> None:
    event = event_of("entra", ENTRA | {"authenticationProcessingDetails": details})
    assert event["credential"]["scopes"] == ["Mail.Read", "User.Read"]


def test_diagnostic_setting_may_have_the_address_outside() -> None:
    inside = {key: one for key, one in ENTRA.items() if key != "ipAddress"}
    wrapped = {"callerIpAddress": "203.0.113.7", "properties": inside}
    event = event_of("entra", {"records": [wrapped]})
    assert event["network"]["source_ip"] == "203.0.113.7"
    assert event["attributes"]["app_id"] == "5d0e"


def test_fault_of_the_service_is_an_error() -> None:
    assert event_of("entra", ENTRA | {"status": {"errorCode": 90033}})["outcome"] == "error"


@pytest.mark.parametrize(
    ("state", "level", "effect"),
    [
        ("atRisk", "high", "revoked"),
        ("atRisk", "medium", "changed"),
        ("atRisk", "low", "none"),
        ("confirmedCompromised", "none", "revoked"),
        ("dismissed", "high", "none"),
        ("confirmedSafe", "high", "none"),
        ("remediated", "high", "none"),
        ("unknownFutureValue", "unknownFutureValue", "changed"),
    ],
)
def test_state_of_a_detection_is_its_effect(state: str, level: str, effect: str) -> None:
    event = event_of("entra", {**ENTRA_RISK, "riskState": state, "riskLevel": level})
    assert event["attributes"]["effect"] == effect


def test_detection_that_was_dismissed_is_a_later_event() -> None:
    changed = {"riskState": "dismissed", "lastUpdatedDateTime": "2026-01-06T08:00:00Z"}
    first, second = events_of("entra", ENTRA_RISK, {**ENTRA_RISK, **changed})
    assert first["id"] != second["id"]
    assert (first["time"], second["time"]) == (AT, "2026-01-06T08:00:00Z")
    again = event_of("entra", ENTRA_RISK)
    assert again["id"] == first["id"]


def test_agent_at_risk_is_a_security_event_of_the_agent() -> None:
    event = event_of("entra", {
        "Id": "8cd0", "AgentDisplayName": "Agent001", "IdentityType": "AgentIdentity",
        "RiskState": "confirmedCompromised", "RiskLevel": "high", "Type": "AADRiskyAgents",
        "RiskLastModifiedDateTime": AT,
    })  # fmt: skip
    assert (event["agent"]["id"], event["kind"]) == ("8cd0", "security_event")
    assert event["attributes"]["effect"] == "revoked"
    assert event["time"] == AT


def test_person_at_risk_gives_no_event() -> None:
    person = {"id": "u-1", "userPrincipalName": "ana@example.com", "riskState": "atRisk",
              "riskLevel": "high", "riskLastUpdatedDateTime": AT}  # fmt: skip
    assert events_of("entra", person) == []
    assert events_of("entra", {"id": "r", "userId": "u-1", "riskEventType": "leak"}) == []


def test_sign_in_without_a_time_is_refused() -> None:
    with pytest.raises(MalformedEvent, match="createdDateTime"):
        events_of("entra", ENTRA | {"createdDateTime": 7})
