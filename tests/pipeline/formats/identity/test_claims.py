from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import MalformedEvent
from pipeline.formats.identity.claims import actors_of, event_of_claims
from pipeline.formats.secrets import digest
from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import CLAIMS, TRANSACTION


def test_chain_of_actors_is_the_delegation_newest_first() -> None:
    event = event_of("oauth", CLAIMS)
    assert event["agent"] == {"id": "actor-finance-v1"}
    assert event["human"] == {"id": "user-456"}
    assert event["delegation"] == ["actor-finance-v1", "hub"]
    assert event["mode"] == "delegated"
    assert event["credential"] == {
        "id": digest("j-1"), "issued_at": "2026-01-05T08:00:00Z",
        "expires_at": "2026-01-05T09:00:00Z", "scopes": ["read:email", "write:calendar"],
    }  # fmt: skip
    assert event["resource"] == {"id": "https://mail.example.com", "type": "audience"}


def test_transaction_token_names_workload_and_transaction() -> None:
    event = event_of("oauth", TRANSACTION)
    assert event["agent"]["id"] == "apigateway.trust-domain.example"
    assert event["human"]["id"] == "d084sdrt"
    assert event["trace_id"] == "97053963-771d"
    assert event["network"]["source_ip"] == "192.0.2.72"
    assert event["arguments"] == {"action": "BUY", "ticker": "MSFT"}
    assert event["tool"] == "oauth:transaction"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "bot", "client_id": "bot"},
        {"sub": "bot@clients", "azp": "bot", "gty": "client-credentials"},
        {"sub": "2f1c", "azp": "bot", "preferred_username": "service-account-bot"},
        {"sub": "2f1c", "azp": "bot", "clientHost": "192.0.2.7", "act": {"client_id": "bot"}},
        {"sub": "9d1f", "azp": "bot", "idtyp": "app"},
        {"sub": "spiffe://example.org/bot", "aud": "payments"},
        {"sub": "SPIFFE://example.org/bot", "azp": "113"},
        {"sub": "wimse://example.org/bot", "azp": "113"},
        {"sub": "bot@acme.iam.gserviceaccount.com", "azp": "113"},
        {"sub": "repo:acme/bot:ref:refs/heads/main", "azp": "113"},
        {"sub": "arn:aws:sts::111122223333:assumed-role/bot/s-1", "azp": "113"},
        {"sub": "2f1c", "azp": "bot", "preferred_username": "service-account-bot",
         "act": {"client_id": "bot"}},
    ],
)  # fmt: skip
def test_client_credentials_are_autonomous_and_name_no_human(claims: dict[str, Any]) -> None:
    event = event_of_claims(claims)
    assert event["mode"] == "autonomous"
    assert event["human"] == {"id": None}


def test_subject_alone_is_an_agent_of_unknown_mode() -> None:
    event = event_of_claims({"sub": "somebody"})
    assert event["agent"] == {"id": "somebody"}
    assert "mode" not in event


def test_service_account_that_is_alone_is_its_client() -> None:
    event = event_of_claims({"sub": "2f1c", "preferred_username": "service-account-bot"})
    assert (event["agent"]["id"], event["mode"], event["delegation"]) == ("bot", "autonomous", [])


def test_client_that_acts_for_another_subject_is_delegated() -> None:
    event = event_of_claims({"sub": "alice", "azp": "mail-bot", "scp": "Mail.Send"})
    assert (event["agent"]["id"], event["human"]["id"]) == ("mail-bot", "alice")
    assert event["mode"] == "delegated"


@pytest.mark.parametrize(
    ("claims", "delegation"),
    [
        (
            {"sub": "spiffe://example.org/a", "act": {"sub": "bot"}},
            ["bot", "spiffe://example.org/a"],
        ),
        ({"sub": "planner", "client_id": "planner", "act": {"sub": "bot"}}, ["bot", "planner"]),
        (
            {"sub": "planner", "gty": "client-credentials", "act": {"sub": "bot"}},
            ["bot", "planner"],
        ),
        ({"sub": "planner@clients", "azp": "bot"}, ["bot", "planner"]),
        (
            {"sub": "2f1c", "azp": "bot", "preferred_username": "service-account-planner"},
            ["bot", "planner"],
        ),
        ({"act": {"sub": "bot", "act": {"sub": "hub"}}}, ["bot", "hub"]),
    ],
)
def test_workload_that_delegates_is_in_the_chain_and_no_human(
    claims: dict[str, Any], delegation: list[str]
) -> None:
    event = event_of_claims(claims)
    assert event["human"] == {"id": None}
    assert (event["agent"]["id"], event["delegation"]) == ("bot", delegation)
    assert event["mode"] == "delegated"


@pytest.mark.parametrize(
    "subject",
    [
        "arn:aws:iam::111122223333:user/ana",
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_1f/ana",
        "ana@example.com",
    ],
)
def test_person_in_the_form_of_a_cloud_is_a_human(subject: str) -> None:
    event = event_of_claims({"sub": subject, "azp": "bot"})
    assert (event["human"]["id"], event["mode"]) == (subject, "delegated")


@pytest.mark.parametrize("scope", ["a b", ["a", "b"], ["a b"]])
def test_scopes_may_be_text_or_a_list(scope: Any) -> None:
    event = event_of_claims({"sub": "x", "jti": "j", "scope": scope})
    assert event["credential"]["scopes"] == ["a", "b"]


def test_chain_without_an_end_is_cut() -> None:
    act: Any = "first"
    for _ in range(60):
        act = {"sub": "x", "act": act}
    assert len(actors_of(act)) == 16


@given(st.recursive(st.none() | st.text() | st.integers(), lambda one: st.dictionaries(
    st.sampled_from(["sub", "act", "client_id"]), one), max_leaves=30))  # fmt: skip
def test_any_actor_claim_gives_names(act: Any) -> None:
    assert all(isinstance(name, str) and name for name in [*actors_of(act), "x"])


def test_inactive_token_gives_no_event() -> None:
    assert events_of("oauth", {"active": False}) == []


def test_opaque_token_is_a_digest() -> None:
    event = event_of(
        "oauth", {"sub": "a", "azp": "bot", "token": "opaque-secret", "iat": 1767600000}
    )
    assert event["credential"]["id"] == digest("opaque-secret")
    assert "opaque-secret" not in str(event)


def test_token_without_an_id_is_named_by_its_claims() -> None:
    claims = {"sub": "a", "azp": "bot", "scope": "read", "iat": 1767600000, "exp": 1767603600}
    one, other = (event_of_claims(claims | {"iat": at})["credential"]["id"] for at in (1, 2))
    assert one.startswith("sha256:")
    assert one != other
    assert event_of_claims({"sub": "a", "azp": "bot"})["credential"] == {}


ENTRA_TOKEN = {"tid": "t", "sub": "of-this-application", "oid": "u-7", "azp": "8cd0",
               "idtyp": "user", "scp": "Mail.Read", "xms_sub_fct": "2 3",
               "xms_act_fct": "11 9 3"}  # fmt: skip


def test_person_of_an_entra_token_is_the_one_of_its_sign_ins() -> None:
    event = event_of("oauth", {"time": 1767600000, "claims": ENTRA_TOKEN})
    assert (event["agent"]["id"], event["human"]["id"]) == ("8cd0", "u-7")
    assert event["mode"] == "delegated"


def test_user_account_of_an_entra_agent_is_not_a_human() -> None:
    event = event_of("oauth", {"time": 1767600000, "claims": ENTRA_TOKEN | {"xms_sub_fct": "13 3"}})
    assert event["mode"] == "autonomous"
    assert "human" not in event


def test_entra_application_alone_names_its_service_principal() -> None:
    alone = {"tid": "t", "sub": "s", "oid": "sp-1", "azp": "8cd0", "idtyp": "app"}
    event = event_of("oauth", {"time": 1767600000, "claims": alone})
    assert (event["agent"]["id"], event["mode"]) == ("8cd0", "autonomous")
    assert event["attributes"]["service_principal"] == "sp-1"


def test_list_of_actors_is_a_chain() -> None:
    event = event_of_claims({"sub": "ana", "act": [{"sub": "a"}, {"sub": "b"}, {"sub": "c"}]})
    assert (event["agent"]["id"], event["human"]["id"]) == ("a", "ana")
    assert event["delegation"] == ["a", "b", "c"]


def test_all_audiences_are_kept() -> None:
    event = event_of("oauth", {"sub": "a", "azp": "b", "iat": 1767600000, "aud": ["x", "y"]})
    assert event["resource"]["id"] == "x"
    assert event["attributes"]["audiences"] == ["x", "y"]


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"status": 403}, "denied"),
        ({"status_code": "200"}, "ok"),
        ({"decision": "deny"}, "denied"),
        ({"outcome": "Failed"}, "error"),
        ({}, None),
    ],
)
def test_outcome_may_be_a_status_or_a_decision(more: dict[str, Any], outcome: str | None) -> None:
    event = event_of("oauth", {"time": 1767600000, "claims": {"sub": "a", "azp": "b"}} | more)
    assert event.get("outcome") == outcome


@pytest.mark.parametrize("claims", ["eyJ", {"sub": ["a"]}, {"azp": 7, "sub": None}])
def test_claims_of_no_agent_are_refused(claims: Any) -> None:
    with pytest.raises(MalformedEvent, match="names an agent"):
        events_of("oauth", {"time": 1767600000, "claims": claims})
