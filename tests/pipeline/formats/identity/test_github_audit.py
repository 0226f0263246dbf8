from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import GITHUB


def usage(kind: str, body: str) -> dict[str, Any]:
    return {
        "type": kind, "user_id": 7, "enterprise_id": 1, "endpoint": "/chat/completions",
        "body": body, "@timestamp": 1767600000000, "event_id": f"ev-{kind}",
        "github_request_id": "req-1",
    }  # fmt: skip


def test_entry_keeps_the_agent_and_the_person_who_began_it() -> None:
    event = event_of("github-audit", GITHUB)
    assert event["agent"] == {"id": "Copilot"}
    assert event["human"] == {"id": "octocat"}
    assert event["mode"] == "delegated"
    assert event["session"] == "012345a6"
    assert event["tool"] == "github:pull_request.create"
    assert event["time"] == "2026-01-05T08:00:00Z"
    assert event["credential"] == {"id": "sha256:ba7816bf8f01cfea", "scopes": ["repo", "read:org"]}


def test_entry_without_a_person_has_no_mode() -> None:
    event = event_of("github-audit", GITHUB | {"user": "Copilot"})
    assert "human" not in event
    assert "mode" not in event


def test_entry_of_a_person_gives_no_event() -> None:
    assert events_of("github-audit", GITHUB | {"actor_is_agent": False}) == []


def test_request_and_response_of_a_usage_record_are_one_event() -> None:
    event = event_of("github-audit", usage("request", "ask"), usage("response", "answer"))
    assert event["human"] == {"id": "7"}
    assert event["tool"] == "copilot:/chat/completions"
    assert event["volume"] == {"bytes_in": 6, "bytes_out": 3}
    assert "ask" not in str(event["attributes"])


def test_wrappers_of_a_stream_give_the_same_event() -> None:
    plain = event_of("github-audit", GITHUB)
    assert event_of("github-audit", {"time": 1767600000, "event": GITHUB}) == plain
    assert event_of("github-audit", {"records": [GITHUB]}) == plain


@pytest.mark.parametrize(
    ("said", "operation"),
    [("access", "read"), ("create", "write"), ("remove", "delete"), ("transfer", "admin")],
)
def test_operation_type_is_the_operation(said: str, operation: str) -> None:
    event = event_of("github-audit", GITHUB | {"action": "x.y", "operation_type": said})
    assert event["operation"] == operation
