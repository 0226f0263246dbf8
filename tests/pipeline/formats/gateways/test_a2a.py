from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import A2A_REQUEST, A2A_RESPONSE, rpc

OLD_REQUEST = rpc("c", {"id": "r-1", "method": "message/send", "params": {"message": {
    "kind": "message", "messageId": "m-9", "role": "user",
    "parts": [{"kind": "text", "text": "pay invoice 42"}]}}},
    caller="spiffe://example.org/bot")  # fmt: skip


def old_response(result: dict[str, Any]) -> dict[str, Any]:
    return rpc("c", {"id": "r-1", "result": result})


def test_message_is_an_edge_from_caller_to_callee() -> None:
    event = event_of("a2a", A2A_REQUEST, A2A_RESPONSE)
    assert event["agent"] == {"id": "orders-bot"}
    assert event["human"] == {"id": "alice"}
    assert event["delegation"] == ["orders-bot"]
    assert event["tool"] == "SendMessage"
    assert event["operation"] == "send"
    assert event["resource"] == {"id": "billing-agent", "type": "agent"}
    assert event["network"] == {"destination": "https://billing.example.com/a2a"}
    assert (event["session"], event["task"]) == ("ctx-7", "t-3")
    assert event["arguments"] == {"message": "pay invoice 42"}
    assert event["outcome"] == "ok"
    assert event["volume"] == {"bytes_in": 4}
    assert event["attributes"]["reference_tasks"] == ["t-0"]
    assert event["attributes"]["protocol_version"] == "1.0"


def test_old_version_is_known_by_its_method() -> None:
    done = old_response({"kind": "task", "id": "t-1", "contextId": "x", "status": {
        "state": "completed"}})  # fmt: skip
    event = event_of("a2a", OLD_REQUEST, done)
    assert event["agent"] == {"id": "spiffe://example.org/bot"}
    assert (event["tool"], event["attributes"]["protocol_version"]) == ("message/send", "0.3")
    assert (event["session"], event["task"], event["outcome"]) == ("x", "t-1", "ok")


@pytest.mark.parametrize(
    ("new", "old", "outcome"),
    [
        ("TASK_STATE_REJECTED", "rejected", "denied"),
        ("TASK_STATE_AUTH_REQUIRED", "auth-required", "denied"),
        ("TASK_STATE_FAILED", "failed", "error"),
        ("TASK_STATE_INPUT_REQUIRED", "input-required", "ok"),
    ],
)
def test_state_of_the_task_is_the_outcome(new: str, old: str, outcome: str) -> None:
    done = rpc("conn-1", {"id": 1, "result": {"task": {"id": "t", "status": {"state": new}}}})
    assert event_of("a2a", A2A_REQUEST, done)["outcome"] == outcome
    done = old_response({"kind": "task", "id": "t", "status": {"state": old}})
    assert event_of("a2a", OLD_REQUEST, done)["outcome"] == outcome


def test_error_of_the_protocol_is_an_error() -> None:
    failed = rpc("conn-1", {"id": 1, "error": {"code": -32001, "message": "TaskNotFound"}})
    event = event_of("a2a", A2A_REQUEST, failed)
    assert event["outcome"] == "error"
    assert event["attributes"]["error_code"] == -32001


def test_stream_ends_with_its_last_state() -> None:
    begun = OLD_REQUEST["message"] | {"method": "message/stream"}
    working = old_response({"kind": "status-update", "taskId": "t", "status": {"state": "working"}})
    artifact = old_response({"kind": "artifact-update", "taskId": "t", "artifact": {}})
    failed = old_response({"kind": "status-update", "taskId": "t", "status": {"state": "failed"},
                           "final": True})  # fmt: skip
    event = event_of("a2a", OLD_REQUEST | {"message": begun}, working, artifact, failed)
    assert (event["outcome"], event["task"]) == ("error", "t")


def test_pair_without_a_session_is_one_event() -> None:
    pair = {"ts": A2A_REQUEST["ts"], "request": A2A_REQUEST["message"],
            "response": A2A_RESPONSE["message"]}  # fmt: skip
    event = event_of("a2a", pair)
    assert (event["agent"]["id"], event["outcome"]) == ("a2a-client", "ok")


def test_agent_card_and_other_methods_give_no_event() -> None:
    card = {"name": "billing", "version": "1", "skills": [], "supportedInterfaces": []}
    other = rpc("c", {"id": 1, "method": "tools/call", "params": {}})
    assert events_of("a2a", card, other) == []


def test_client_credentials_are_autonomous() -> None:
    event = event_of("a2a", A2A_REQUEST | {"token": {"sub": "bot", "client_id": "bot"}})
    assert (event["agent"]["id"], event["mode"]) == ("bot", "autonomous")
    assert "human" not in event
