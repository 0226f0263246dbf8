"""Calls between processes: one call in several spans is one event."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from tests.pipeline.formats.otlp.payloads import TRACE, agent, events_of, span, tool, traces

CLIENT, SERVER = 3, 2
CALL = {
    "mcp.method.name": "tools/call",
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "send_payment",
    "jsonrpc.request.id": "3",
}


def framework(**said: Any) -> dict[str, Any]:
    return tool(2, "send_payment", parent=1, at=1, took=1.0, said=said)


def client(**said: Any) -> dict[str, Any]:
    more = {"server.address": "mcp.example.com", "network.transport": "tcp"}
    return span(3, CALL | more | said, parent=2, at=1.1, took=0.8, kind=CLIENT)


def server(parent: int = 3, **said: Any) -> dict[str, Any]:
    more = {"client.address": "192.0.2.5"}
    return span(4, CALL | more | said, parent=parent, at=1.2, took=0.5, kind=SERVER)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize(
    "ids", [{}, {"gen_ai.tool.call.id": "call_0123456789abcdef"}], ids=["no id", "id of the model"]
)
def test_a_call_in_three_spans_is_one_event(order: tuple[int, ...], ids: dict[str, str]) -> None:
    result = {"gen_ai.tool.call.result": "paid"}
    spans = [
        traces(framework(**ids, **result)),
        traces(client()),
        traces(server(), service="payments"),
    ]
    (event,) = events_of(*(spans[one] for one in order), traces(agent(1)))
    assert (event["agent"]["id"], event["tool"]) == ("weather-bot", "send_payment")
    assert event["network"] == {"destination": "mcp.example.com", "source_ip": "192.0.2.5"}
    assert (event["outcome"], event["volume"], event["duration_ms"]) == (
        "ok",
        {"bytes_in": 4},
        1000.0,
    )
    if ids:
        assert event["id"] == event["attributes"]["call_id"] == "call_0123456789abcdef"
    else:
        assert event["id"] == f"{TRACE}/{2:016x}"
        assert event["attributes"]["call_id"] == f"{2:016x}"


def test_client_and_server_are_one_event_by_their_request() -> None:
    payloads = traces(client()), traces(server(parent=9), service="payments"), traces(agent(1))
    (event,) = events_of(*payloads)
    assert event["duration_ms"] == 800.0


def test_a_request_id_that_comes_again_is_another_call() -> None:
    def connection(number: int, at: float) -> list[dict[str, Any]]:
        sent = span(number, CALL, parent=1, at=at, took=0.8, kind=CLIENT)
        return [span(number + 1, CALL, parent=9, at=at + 0.1, took=0.5, kind=SERVER), sent]

    events = events_of(traces(*connection(2, 1), *connection(4, 2)), traces(agent(1)))
    assert [one["id"] for one in events] == [f"{TRACE}/{2:016x}", f"{TRACE}/{4:016x}"]
    apart = [traces(*connection(2, 1), agent(1)), traces(*connection(4, 2), agent(1))]
    assert [one["id"] for one in events_of(*apart)] == [one["id"] for one in events]


@pytest.mark.parametrize("parent", [0, 9])
def test_a_server_alone_is_an_event_of_its_service(parent: int) -> None:
    (event,) = events_of(traces(server(parent), service="payments"))
    assert (event["agent"]["id"], event["network"]) == ("payments", {"source_ip": "192.0.2.5"})


@pytest.mark.parametrize("first", [True, False])
def test_a_client_without_an_agent_is_of_the_service_of_the_client(first: bool) -> None:
    payloads = [traces(server(), service="payments"), traces(client())]
    (event,) = events_of(*(payloads if first else payloads[::-1]))
    assert event["agent"]["id"] == "orders"


def test_an_error_that_only_the_client_knows_is_the_outcome() -> None:
    payload = traces(server(), client(**{"error.type": "tool_error"}), framework(), agent(1))
    (event,) = events_of(payload)
    assert event["outcome"] == "error"
    assert event["attributes"]["error_type"] == "tool_error"


def test_a_refusal_of_the_server_is_denied() -> None:
    payload = traces(server(**{"http.response.status_code": 403}), client(), framework(), agent(1))
    (event,) = events_of(payload)
    assert event["outcome"] == "denied"


def test_two_calls_of_one_tool_are_two_events() -> None:
    first = tool(2, "read", parent=1, at=1, said={"gen_ai.tool.call.id": "a"})
    second = tool(3, "read", parent=1, at=2, said={"gen_ai.tool.call.id": "b"})
    within = tool(4, "read", parent=3, at=2, said={"gen_ai.tool.call.id": "c"})
    assert len(events_of(traces(first, second, within, agent(1)))) == 3


def test_a_framework_may_put_the_server_before_the_name() -> None:
    outer = tool(2, "mcp__payments__send_payment", parent=1, at=1)
    (event,) = events_of(traces(client(), outer, agent(1)))
    assert event["tool"] == "mcp__payments__send_payment"


def test_the_calls_of_an_agent_that_is_a_tool_are_separate_events() -> None:
    payload = traces(
        tool(4, "ask", parent=3, at=2),
        agent(3, "inner", parent=2, at=1),
        tool(2, "ask", parent=1, at=1),
        agent(1, "outer"),
    )
    assert [one["agent"]["id"] for one in events_of(payload)] == ["outer", "inner"]


def test_reading_a_resource_is_a_call_and_listing_tools_is_none() -> None:
    read = {"mcp.method.name": "resources/read", "mcp.resource.uri": "file:///notes.txt"}
    payload = traces(
        span(2, read, parent=1, kind=CLIENT),
        span(3, {"mcp.method.name": "tools/list"}, parent=1, kind=CLIENT),
        agent(1),
    )
    (event,) = events_of(payload)
    assert event["tool"] == "resources/read"
    assert event["resource"] == {"id": "file:///notes.txt", "type": "mcp_resource"}


def test_the_names_that_gateways_use_for_mcp_before_the_conventions() -> None:
    said = {"mcp.method.name": "tools/call", "mcp.tool.name": "fetch", "mcp.request.id": "7"}
    (event,) = events_of(traces(span(1, said, kind=SERVER), service="gateway"))
    assert (event["tool"], event["attributes"]["call_id"]) == ("fetch", "jsonrpc/7/fetch")


@pytest.mark.parametrize("method", ["SendMessage", "message/send"])
def test_a_message_to_another_agent_is_a_call_of_the_agent_that_sends_it(method: str) -> None:
    said = {
        "a2a.method.name": method,
        "gen_ai.agent.name": "Billing",
        "gen_ai.conversation.id": "ctx-7",
        "server.address": "billing.example.com",
        "a2a.task.id": "t-3",
    }
    below = {"gen_ai.tool.call.arguments": '{"invoice":"42"}'}
    payload = [
        traces(tool(4, "ledger.read", parent=3, at=2, said=below), service="billing"),
        traces(span(3, said, parent=2, at=1, kind=SERVER), service="billing"),
        traces(span(2, said, parent=1, at=1, kind=CLIENT), agent(1, "planner")),
    ]
    sent, read = events_of(*payload)
    assert (sent["agent"]["id"], sent["tool"]) == ("planner", method)
    assert sent["resource"] == {"id": "Billing", "type": "agent"}
    assert sent["network"] == {"destination": "billing.example.com"}
    assert sent["session"] == TRACE
    assert (read["agent"]["id"], read["tool"]) == ("Billing", "ledger.read")


@pytest.mark.parametrize("state", ["TASK_STATE_REJECTED", "TASK_STATE_AUTH_REQUIRED"])
def test_a_task_that_the_other_agent_refuses_is_denied(state: str) -> None:
    said = {"a2a.method.name": "SendMessage", "a2a.task.state": state}
    (event,) = events_of(traces(span(2, said, parent=1, kind=CLIENT), agent(1)))
    assert event["outcome"] == "denied"


def test_polling_a_task_gives_nothing() -> None:
    said = {"a2a.method.name": "GetTask"}
    assert events_of(traces(span(2, said, parent=1, kind=CLIENT), agent(1))) == []
