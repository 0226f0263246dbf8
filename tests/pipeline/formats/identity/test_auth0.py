from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import AUTH0

DATA: dict[str, Any] = AUTH0["data"]  # type: ignore[assignment]


def test_exchange_on_behalf_of_a_user_is_delegated() -> None:
    event = event_of("auth0", AUTH0)
    assert event["agent"] == {"id": "agt_1"}
    assert event["human"] == {"id": "auth0|7"}
    assert event["delegation"] == ["agt_1"]
    assert event["mode"] == "delegated"
    assert event["credential"]["scopes"] == ["mail:send"]
    assert event["outcome"] == "ok"


def test_entry_of_the_api_gives_the_same_event() -> None:
    assert event_of("auth0", DATA | {"log_id": "9002", "scope": "mail:send"}) == event_of(
        "auth0", AUTH0
    )


@pytest.mark.parametrize(("kind", "outcome"), [("seccft", "ok"), ("feccft", "denied")])
def test_client_credentials_are_autonomous(kind: str, outcome: str) -> None:
    data = {**DATA, "type": kind, "user_id": "c-1@clients", "agent_id": None,
            "external_agent_id": None}  # fmt: skip
    event = event_of("auth0", {"log_id": "1", "data": data})
    assert event["agent"] == {"id": "c-1"}
    assert event["mode"] == "autonomous"
    assert event["outcome"] == outcome
    assert "human" not in event


def test_login_of_a_person_gives_no_event() -> None:
    person = {**DATA, "type": "s", "agent_id": None, "external_agent_id": None}
    assert events_of("auth0", {"log_id": "1", "data": person}) == []


@pytest.mark.parametrize(("kind", "outcome"), [("secte", "ok"), ("fecte", "denied")])
def test_custom_exchange_is_a_delegation(kind: str, outcome: str) -> None:
    event = event_of("auth0", {"log_id": "1", "data": {**DATA, "type": kind}})
    assert event["delegation"] == ["agt_1"]
    assert event["outcome"] == outcome


@pytest.mark.parametrize(
    "kind",
    ["idjag_exchange_failed", "jwt_bearer_exchange_failed", "fertft", "feta", "limit_wc",
     "api_limit", "pwd_leak"],
)  # fmt: skip
def test_failure_and_block_are_denied(kind: str) -> None:
    assert event_of("auth0", {"log_id": "1", "data": {**DATA, "type": kind}})["outcome"] == "denied"


@pytest.mark.parametrize(
    "wrapped",
    [
        {"id": "b", "detail-type": "Auth0 log", "source": "aws.partner/auth0.com", "detail": AUTH0},
        [{"id": "g", "eventType": "Auth0 log", "eventTime": "2026-01-05T08:00:01Z", "data": AUTH0}],
        {"logs": [AUTH0]},
    ],
    ids=["EventBridge", "Event Grid", "webhook"],
)  # fmt: skip
def test_wrapper_of_a_stream_gives_the_same_event(wrapped: Any) -> None:
    assert event_of("auth0", wrapped) == event_of("auth0", AUTH0)
