from __future__ import annotations

from typing import Any

import pytest

from models.errors import MalformedEvent
from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import GITLAB_AUDIT, GITLAB_LOG


@pytest.mark.parametrize("turned", [False, True])
def test_human_of_the_log_joins_the_agent_of_the_audit_event(turned: bool) -> None:
    records = (GITLAB_AUDIT, GITLAB_LOG) if turned else (GITLAB_LOG, GITLAB_AUDIT)
    event = event_of("gitlab", *records)
    assert event["agent"] == {"id": "71", "instance": "c-1"}
    assert event["human"] == {"id": "123"}
    assert event["mode"] == "delegated"
    assert event["tool"] == "gitlab:git-receive-pack"
    assert event["operation"] == "write"
    assert event["outcome"] == "ok"
    assert event["duration_ms"] == 250
    assert event["attributes"]["scoped_user"] == "ines"
    assert event["attributes"]["call_id"] == "1"


def test_composite_account_without_scoped_user_is_visible() -> None:
    log = {key: one for key, one in GITLAB_LOG.items() if "scoped" not in key}
    event = event_of("gitlab", log | {"composite_identity_enforced": True}, GITLAB_AUDIT)
    assert "human" not in event
    assert "mode" not in event
    assert event["attributes"]["has_scoped_user"] is False
    assert event["attributes"]["composite_identity"] is True


def test_scope_of_the_token_names_the_human_without_a_log() -> None:
    details = GITLAB_AUDIT["details"] | {"token_scopes": "ai_workflows mcp user:123"}  # type: ignore[operator]
    event = event_of("gitlab", GITLAB_AUDIT | {"details": details, "correlation_id": None})
    assert event["human"] == {"id": "123"}
    assert event["attributes"]["composite_identity"] is True


def test_audit_events_of_one_request_are_separate_events() -> None:
    second = GITLAB_AUDIT | {"id": "2", "event_type": "project_name_updated", "details": {}}
    events = events_of("gitlab", GITLAB_AUDIT, second, GITLAB_LOG)
    assert sorted(one["tool"] for one in events) == [
        "gitlab:git-receive-pack", "gitlab:project_name_updated",
    ]  # fmt: skip
    assert {one["human"]["id"] for one in events} == {"123"}


def test_log_without_an_audit_event_gives_no_event() -> None:
    assert events_of("gitlab", GITLAB_LOG) == []


@pytest.mark.parametrize("number", ["1", 1])
def test_id_is_text_in_the_stream_and_a_number_in_the_api(number: Any) -> None:
    assert event_of("gitlab", GITLAB_AUDIT | {"id": number})["id"] == "gitlab-audit-event/1"


def test_message_may_be_text() -> None:
    event = event_of("gitlab", GITLAB_AUDIT | {"details": {"custom_message": "Added a key"}})
    assert event["tool"] == "gitlab:repository_git_operation"
    assert event["attributes"]["message"] == "Added a key"


@pytest.mark.parametrize(("status", "outcome"), [(403, "denied"), (500, "error"), (None, None)])
def test_status_of_the_log_is_the_outcome(status: int | None, outcome: str | None) -> None:
    event = event_of("gitlab", GITLAB_LOG | {"status": status}, GITLAB_AUDIT)
    assert event.get("outcome") == outcome


def test_deploy_keys_are_not_one_agent() -> None:
    keys = [GITLAB_AUDIT | {"id": name, "author_id": -3, "author_name": name, "details": {}}
            for name in ("release", "backup")]  # fmt: skip
    agents = {one["agent"]["id"] for one in events_of("gitlab", *keys)}
    assert agents == {"gitlab:-3/release", "gitlab:-3/backup"}


def test_audit_event_without_an_author_is_refused() -> None:
    with pytest.raises(MalformedEvent, match="author_id"):
        events_of("gitlab", GITLAB_AUDIT | {"author_id": [71]})


def test_audit_event_that_names_the_human_is_one_of_the_account_that_acts() -> None:
    log = GITLAB_LOG | {"meta.user_id": 71}
    event = event_of("gitlab", log, GITLAB_AUDIT | {"author_id": 123, "author_name": "ines"})
    assert event["agent"]["id"] == "71"
    assert event["human"] == {"id": "123"}
    assert event["mode"] == "delegated"
    assert event_of("gitlab", log, GITLAB_AUDIT)["human"] == {"id": "123"}


@pytest.mark.parametrize(
    ("author", "name"), [(-1, "An unauthenticated user"), ("-1", None), (-2, None)]
)
def test_event_of_an_unnamed_author_is_refused(author: Any, name: str | None) -> None:
    failed = GITLAB_AUDIT | {
        "event_type": "login_failed", "author_id": author, "author_name": name, "details": {},
    }  # fmt: skip
    with pytest.raises(MalformedEvent, match="unattributed"):
        events_of("gitlab", failed)


def test_account_of_the_log_acts_where_it_has_no_number() -> None:
    audit = GITLAB_AUDIT | {"author_id": 123, "author_name": "ines"}
    event = event_of("gitlab", GITLAB_LOG, audit)
    assert event["agent"] == {"id": "ai-flow-acme", "instance": "c-1"}
    assert (event["human"], event["mode"]) == ({"id": "123"}, "delegated")


def test_person_for_whom_an_account_acts_gives_no_event() -> None:
    details = GITLAB_AUDIT["details"] | {"token_scopes": "ai_workflows user:123"}  # type: ignore[operator]
    own = {"correlation_id": None, "author_id": 123, "author_name": "ines"}
    composite = GITLAB_AUDIT | {"details": details, "correlation_id": None}
    events = events_of("gitlab", composite, GITLAB_AUDIT | own | {"id": "2"})
    assert [one["agent"]["id"] for one in events] == ["71"]
