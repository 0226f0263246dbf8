"""A2A over HTTP+JSON and gRPC gives the events of the same operations over JSON-RPC."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import A2A_REQUEST, A2A_RESPONSE


def exchange(response: Any = None, **transport: Any) -> dict[str, Any]:
    known = {key: A2A_REQUEST[key] for key in ("ts", "token", "server")}
    body = A2A_REQUEST["message"]["params"]
    return known | transport | {"request": body, "response": response}


def http(path: str, status: int | None = 200, method: str = "POST") -> dict[str, Any]:
    return {"http": {"method": method, "path": path, "status": status}}


def grpc(name: str, status: int = 0) -> dict[str, Any]:
    return {"grpc": {"method": f"/lf.a2a.v1.A2AService/{name}", "status": status}}


def bare(event: dict[str, Any]) -> dict[str, Any]:
    """Leave out what names the exchange."""
    attributes = {
        key: value
        for key, value in event["attributes"].items()
        if key not in ("call_id", "jsonrpc_id")
    }
    return {key: event[key] for key in event if key not in ("id", "attributes")} | attributes


@pytest.mark.parametrize(
    "transport",
    [http("/message:send"), http("/v1/message:send?x=1"), http("/acme/message:send"),
     grpc("SendMessage")],
)  # fmt: skip
def test_exchange_is_the_event_of_json_rpc(transport: dict[str, Any]) -> None:
    event = event_of("a2a", exchange(A2A_RESPONSE["message"]["result"], **transport))
    assert bare(event) == bare(event_of("a2a", A2A_REQUEST, A2A_RESPONSE))
    assert "jsonrpc_id" not in event["attributes"]


@pytest.mark.parametrize(
    ("transport", "outcome"),
    [
        (http("/message:send", 403), "denied"),
        (http("/message:send", 401), "denied"),
        (http("/message:send", 500), "error"),
        (grpc("SendMessage", 7), "denied"),
        (grpc("SendMessage", 16), "denied"),
        (grpc("SendMessage", 14), "error"),
    ],
)
def test_status_is_the_outcome(transport: dict[str, Any], outcome: str) -> None:
    failed = {"error": {"code": 403, "message": "not for this agent"}}
    event = event_of("a2a", exchange(failed, **transport))
    assert event["outcome"] == outcome
    assert event["volume"]["bytes_in"] == len("not for this agent")


@pytest.mark.parametrize(
    ("method", "path", "tool"),
    [
        ("GET", "/tasks/t-3", "GetTask"),
        ("GET", "/tasks", "ListTasks"),
        ("POST", "/tasks/t-3:cancel", "CancelTask"),
        ("POST", "/tasks/t-3:subscribe", "SubscribeToTask"),
        ("POST", "/tasks/t-3/pushNotificationConfigs", "CreateTaskPushNotificationConfig"),
        ("GET", "/tasks/t-3/pushNotificationConfigs", "ListTaskPushNotificationConfigs"),
        ("GET", "/tasks/t-3/pushNotificationConfigs/c-1", "GetTaskPushNotificationConfig"),
        ("DELETE", "/tasks/t-3/pushNotificationConfigs/c-1", "DeleteTaskPushNotificationConfig"),
        ("GET", "/extendedAgentCard", "GetExtendedAgentCard"),
    ],
)
def test_path_names_operation_and_task(method: str, path: str, tool: str) -> None:
    record = {"session": "c", "request": None, "response": {}} | http(path, 200, method)
    event = event_of("a2a", record)
    assert event["tool"] == tool
    assert event.get("task") == ("t-3" if "t-3" in path else None)


def test_streamed_response_ends_with_its_last_state() -> None:
    states = ("TASK_STATE_WORKING", "TASK_STATE_FAILED")
    updates = [{"statusUpdate": {"taskId": "t-3", "status": {"state": state}}} for state in states]
    event = event_of("a2a", exchange(updates, **http("/message:stream")))
    assert (event["outcome"], event["task"]) == ("error", "t-3")
    assert event["attributes"]["task_state"] == "failed"


@pytest.mark.parametrize("path", ["/.well-known/agent-card.json", "/message:sent", "/", ""])
def test_another_path_gives_no_event(path: str) -> None:
    assert events_of("a2a", exchange({}, **http(path))) == []


def test_exchanges_of_one_connection_are_apart() -> None:
    records = [
        {"session": "c", "ts": f"2026-01-05T08:00:0{second}Z", "request": {}, "response": {}}
        | http("/message:send")
        for second in (1, 2)
    ]
    assert len({event["id"] for event in events_of("a2a", *records)}) == 2
