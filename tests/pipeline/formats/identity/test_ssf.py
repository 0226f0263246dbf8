from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import MalformedEvent
from pipeline.formats.identity.security_events import meaning_of, name_of
from pipeline.formats.identity.subjects import subject_of
from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import SECURITY_EVENT

USER = {"format": "iss_sub", "iss": "https://idp.example", "sub": "u-7"}


def test_user_and_session_of_a_revocation_are_in_the_event() -> None:
    event = event_of("ssf", SECURITY_EVENT)
    assert event["kind"] == "security_event"
    assert event["agent"] == {"id": "u-7"}
    assert event["session"] == "s-1"
    assert event["attributes"] | {"call_id": ""} == {
        "call_id": "", "security_event": "session-revoked", "effect": "revoked",
        "issuer": "https://idp.example.com", "subject": "u-7", "by": "admin", "reason": "stolen",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        (USER, ["u-7"]),
        ({"format": "email", "email": "a@example.com"}, ["a@example.com"]),
        ({"format": "opaque", "id": "bot"}, ["bot"]),
        ({"format": "uri", "uri": "spiffe://a.example/bot"}, ["spiffe://a.example/bot"]),
        ({"format": "did", "url": "did:example:1"}, ["did:example:1"]),
        ({"format": "account", "uri": "acct:a@example.com"}, ["acct:a@example.com"]),
        ({"subject_type": "iss-sub", "iss": "x", "sub": "old"}, ["old"]),
        ({"format": "complex", "application": {"format": "opaque", "id": "bot"}, "user": USER},
         ["bot", "u-7"]),
        ({"user": USER, "device": {"format": "opaque", "id": "d"}}, ["u-7"]),
        ({"format": "aliases", "identifiers": [USER, {"format": "opaque", "id": "b"}]},
         ["u-7", "b"]),
        ({"format": "jwt_id", "iss": "x", "jti": "j"}, []),
        ({"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": [USER]}]}, []),
        ({"format": "strange", "id": "x"}, []),
    ],
)  # fmt: skip
def test_subjects_of_each_format_have_names(subject: dict[str, Any], names: list[str]) -> None:
    assert subject_of({"sub_id": subject}, {}).names == names


def test_subject_may_be_in_the_event_or_in_sub_as_in_drafts() -> None:
    assert subject_of({}, {"subject": USER}).names == ["u-7"]
    assert subject_of({"sub": "u-8"}, {}).user == "u-8"


def test_revocation_of_all_sessions_names_the_user_alone() -> None:
    every = {"user": USER, "session": {"format": "opaque", "id": "ALL"}}
    assert subject_of({"sub_id": every}, {}).session == ""


@pytest.mark.parametrize(
    ("name", "payload", "effect"),
    [
        ("credential-change", {"change_type": "revoke"}, "revoked"),
        ("credential-change", {"change_type": "update"}, "changed"),
        ("token-claims-change", {"claims": {"role": "x"}}, "changed"),
        ("assurance-level-change", {"change_direction": "decrease"}, "changed"),
        ("assurance-level-change", {"change_direction": "increase"}, "none"),
        ("device-compliance-change", {"current_status": "not-compliant"}, "changed"),
        ("risk-level-change", {"current_level": "HIGH"}, "revoked"),
        ("risk-level-change", {"current_level": "MEDIUM"}, "changed"),
        ("account-disabled", {"reason": "hijacking"}, "revoked"),
        ("account-enabled", {}, "none"),
        ("credential-compromise", {}, "revoked"),
        ("session-presented", {}, "none"),
    ],
)
def test_each_event_has_its_effect(name: str, payload: dict[str, Any], effect: str) -> None:
    assert meaning_of(name, payload)[1] == effect


def test_event_types_of_others_are_never_taken_for_standard_ones() -> None:
    assert meaning_of(name_of("https://evil.example/session-revoked"), {})[1] == "none"


def test_events_about_the_stream_give_no_event() -> None:
    kind = "https://schemas.openid.net/secevent/ssf/event-type/verification"
    assert events_of("ssf", SECURITY_EVENT | {"events": {kind: {"state": "x"}}}) == []


@given(st.recursive(st.none() | st.text() | st.integers(), lambda one: st.lists(one, max_size=3)
                    | st.dictionaries(st.sampled_from(
                        ["format", "sub_id", "user", "session", "identifiers", "id", "events"]),
                        one, max_size=3), max_leaves=12))  # fmt: skip
def test_any_subject_is_read_without_an_error(value: Any) -> None:
    found = subject_of({"sub_id": value, "sub": value}, {"subject": value})
    assert [name for name in found.names if not isinstance(name, str)] == []


@pytest.mark.parametrize("events", ["session-revoked", [], {}, None])
def test_token_without_an_event_is_refused(events: Any) -> None:
    with pytest.raises(MalformedEvent, match="an object with an event"):
        events_of("ssf", SECURITY_EVENT | {"events": events})
