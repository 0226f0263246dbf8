from __future__ import annotations

import json

from pipeline.formats.secrets import digest
from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import KEYCLOAK

LINE = (
    "2026-01-05 08:00:00,250 WARN  [org.keycloak.events] (executor-thread-17) "
    'type="CLIENT_LOGIN_ERROR", realmId="r", realmName="acme", clientId="invoice-bot", '
    'userId="null", ipAddress="192.0.2.7", error="invalid_client_credentials", '
    'grant_type="client_credentials"'
)


def test_exchanged_token_is_a_delegated_call() -> None:
    event = event_of("keycloak", KEYCLOAK)
    assert event["agent"] == {"id": "invoice-bot"}
    assert event["human"] == {"id": "u-7"}
    assert event["delegation"] == ["invoice-bot"]
    assert event["mode"] == "delegated"
    assert event["credential"] == {
        "id": digest("onltrt:bbe5"), "issued_at": "2026-01-05T08:00:00Z",
        "expires_at": "2026-01-05T08:05:00Z", "scopes": ["openid", "payments"],
    }  # fmt: skip


def test_refused_client_is_denied_and_autonomous() -> None:
    event = event_of("keycloak", LINE)
    assert event["agent"] == {"id": "invoice-bot"}
    assert event["mode"] == "autonomous"
    assert event["outcome"] == "denied"
    assert event["time"] == "2026-01-05T08:00:00.250000Z"
    assert event["network"] == {"source_ip": "192.0.2.7"}
    assert "human" not in event


def test_message_of_a_json_log_is_read_as_its_line() -> None:
    message = LINE.partition("(executor-thread-17) ")[2]
    event = event_of(
        "keycloak", {"timestamp": "2026-01-05T08:00:00.25Z", "message": message, "level": "WARN"}
    )
    assert event["tool"] == "keycloak:CLIENT_LOGIN"
    assert event["time"] == "2026-01-05T08:00:00.250000Z"


def test_service_account_is_not_a_human() -> None:
    details = KEYCLOAK["details"] | {"username": "service-account-invoice-bot"}  # type: ignore[operator]
    event = event_of("keycloak", KEYCLOAK | {"type": "REFRESH_TOKEN", "details": details})
    assert event["mode"] == "autonomous"
    assert "human" not in event


def test_exchanged_token_of_a_service_account_is_delegated_by_its_client() -> None:
    details = KEYCLOAK["details"] | {  # type: ignore[operator]
        "username": "service-account-planner", "subject_token_client_id": "gate",
    }  # fmt: skip
    event = event_of("keycloak", KEYCLOAK | {"details": details})
    assert (event["mode"], event["delegation"]) == ("delegated", ["invoice-bot", "gate", "planner"])
    assert "human" not in event


def test_user_without_name_and_session_may_be_a_service_account() -> None:
    line = LINE.replace("CLIENT_LOGIN_ERROR", "INTROSPECT_TOKEN").replace("null", "u-9")
    event = event_of("keycloak", line.replace('grant_type="client_credentials"', 'token_id="t-1"'))
    assert "human" not in event
    assert "mode" not in event
    with_session = line.replace('grant_type="client_credentials"', 'sessionId="s-1"')
    assert event_of("keycloak", with_session)["human"] == {"id": "u-9"}


def test_events_of_persons_give_no_event() -> None:
    assert events_of("keycloak", KEYCLOAK | {"type": "LOGIN"}) == []
    assert events_of("keycloak", KEYCLOAK | {"clientId": "account-console"}) == []
    assert events_of("keycloak", "2026-01-05 08:00:00,250 INFO [org.example] started") == []


def test_client_of_the_exchanged_token_is_in_the_chain() -> None:
    details = KEYCLOAK["details"] | {"subject_token_client_id": "gate"}  # type: ignore[operator]
    event = event_of("keycloak", KEYCLOAK | {"details": details})
    assert event["delegation"] == ["invoice-bot", "gate"]


def test_log_in_the_form_of_ecs_has_the_time_of_the_event() -> None:
    message = LINE.partition("(executor-thread-17) ")[2]
    event = event_of("keycloak", {"@timestamp": "2026-01-05T08:00:00.25Z", "message": message})
    assert event["time"] == "2026-01-05T08:00:00.250000Z"


def test_details_may_be_text() -> None:
    written = KEYCLOAK | {"details": json.dumps(KEYCLOAK["details"])}
    assert (
        event_of("keycloak", written)["credential"] == event_of("keycloak", KEYCLOAK)["credential"]
    )


def test_line_that_a_container_runtime_wraps_is_read() -> None:
    plain = event_of("keycloak", LINE)
    wrapped = {"log": LINE + "\n", "stream": "stdout", "time": "2026-01-05T08:00:01Z"}
    assert event_of("keycloak", wrapped) == plain
    written = {"log": json.dumps(KEYCLOAK), "stream": "stdout"}
    assert event_of("keycloak", written) == event_of("keycloak", KEYCLOAK)
