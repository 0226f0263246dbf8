"""Calls that only log records with the messages of a model report."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest

from pipeline.assembling.assembler import WAIT_US, Assembler
from pipeline.formats.otlp.reader import OTLP
from tests.pipeline.formats.otlp.payloads import (
    BEGIN_NS,
    CHAT,
    TRACE,
    agent,
    events_of,
    log,
    logs,
    span,
    tool,
    traces,
    value_of,
)  # fmt: skip

ASKED = [{
    "id": "call_0123456789abcdef", "type": "function",
    "function": {"name": "refund", "arguments": '{"to":"Ines","order":"1041"}'},
}]  # fmt: skip
REQUEST = {"content": "Refund order 1041 to Ines"}
ANSWER = {"index": 0, "finish_reason": "tool_calls"}
HISTORY = [
    {"role": "user", "content": "Refund order 1041 to Ines"},
    {"role": "assistant", "tool_calls": ASKED},
    {"role": "tool", "tool_call_id": "call_0123456789abcdef", "content": "refunded 40"},
]


def said(name: str, body: Any, number: int, *, at: float, **more: Any) -> dict[str, Any]:
    """Give a log record of the model call whose span has a number."""
    ids = {"traceId": TRACE, "spanId": f"{number:016x}", "body": value_of(body)}
    return log("", {"event.name": name} | more, at=at) | ids  # type: ignore[no-any-return]


FIRST = [
    said("gen_ai.user.message", REQUEST, 2, at=0),
    said("gen_ai.choice", ANSWER | {"message": {"role": "assistant", "tool_calls": ASKED}}, 2,
         at=0.25),
]  # fmt: skip
SECOND = [
    said("gen_ai.user.message", REQUEST, 3, at=1),
    said("gen_ai.assistant.message", {"tool_calls": ASKED}, 3, at=1),
    said("gen_ai.tool.message", {"id": ASKED[0]["id"], "content": "refunded 40"}, 3, at=1),
    said("gen_ai.choice", ANSWER | {"message": {"role": "assistant", "content": "Done"}}, 3,
         at=1.25),
]  # fmt: skip
CHATS = [span(2, CHAT, parent=1), span(3, CHAT, parent=1, at=1)]
LOGGED, SPANS = logs(*FIRST, *SECOND), traces(*CHATS, agent(1))


@pytest.mark.parametrize("payloads", [*permutations([logs(*FIRST), logs(*SECOND), SPANS])])
def test_call_in_log_records_is_one_event_of_the_agent_around(payloads: list[bytes]) -> None:
    (event,) = events_of(*payloads)
    assert (event["tool"], event["agent"]["id"]) == ("refund", "weather-bot")
    assert (event["id"], event["volume"]) == ("call_0123456789abcdef", {"bytes_in": 11})
    assert event["purpose"] == "Refund order 1041 to Ines"
    assert event["arguments"] == {"to": "Ines", "order": "1041"}
    assert event["argument_origins"]["to"] == [["Ines", ["request"]]]
    assert "outcome" not in event


@pytest.mark.parametrize("apart", [False, True])
def test_an_answer_of_old_instrumentations_has_its_calls_beside_the_message(apart: bool) -> None:
    body = ANSWER | {"message": {"role": "assistant"}, "tool_calls": ASKED}
    if apart:
        body = ANSWER | {"message": {"role": "assistant", "tool_calls": ASKED}}
    answer = said("gen_ai.choice", body, 2, at=0.25)
    (event,) = events_of(logs(answer), SPANS)
    assert (event["tool"], event["time"]) == ("refund", "2025-11-24T16:00:00.250000Z")
    assert "volume" not in event


def test_details_of_an_operation_in_a_log_record_have_calls_too() -> None:
    name = "gen_ai.client.inference.operation.details"
    record = said(name, "", 3, at=1, **{"gen_ai.input.messages": json.dumps(HISTORY)})
    (event,) = events_of(logs(record), SPANS)
    assert (event["tool"], event["volume"]) == ("refund", {"bytes_in": 11})
    mixed = [said("gen_ai.user.message", REQUEST, 3, at=1), record, *SECOND]
    assert len(events_of(logs(*mixed), logs(*reversed(mixed)), SPANS)) == 1


def test_content_of_spans_and_log_records_is_one_event() -> None:
    more = CHAT | {"gen_ai.input.messages": json.dumps(HISTORY)}
    both = traces(CHATS[0], span(3, more, parent=1, at=1), agent(1))
    for payloads in ([both, LOGGED], [LOGGED, both]):
        (event,) = events_of(*payloads)
        assert (event["tool"], event["agent"]["id"]) == ("refund", "weather-bot")


def test_log_records_add_nothing_to_spans_of_tools() -> None:
    spans = traces(*CHATS, tool(4, "refund", parent=1, at=0.5), agent(1))
    for payloads in ([spans, LOGGED], [LOGGED, spans]):
        (event,) = events_of(*payloads)
        assert event["outcome"] == "ok"


GATEWAY = CHAT | {"metadata.user_api_key_hash": "88dc28d0"}


@pytest.mark.parametrize(
    "spans",
    [
        [],
        [span(3, CHAT, at=1), span(4, {}, parent=3, at=1)],  # a request below it is not around it
        [span(2, GATEWAY, parent=1), span(3, GATEWAY, parent=1, at=1), span(1, {})],
    ],
)
@pytest.mark.parametrize("early", [False, True])
def test_log_records_of_no_span_in_a_loop_make_no_event_and_are_counted(
    spans: list[dict[str, Any]], early: bool
) -> None:
    assembler, payloads = Assembler(7), [logs(*SECOND), traces(*spans)]
    now_us = BEGIN_NS // 1000
    for payload in payloads if early else reversed(payloads):
        parts = OTLP.decode(payload)
        assert assembler.take(parts, ordered=False, arrived_us=now_us) == []
    assembler.has_due(now_us + WAIT_US)
    assert assembler.due() == []
    assembler.has_due(now_us + 2 * WAIT_US)
    assert assembler.due() == []
    counted = assembler.counted()
    assert counted.pop("assembly_calls_without_span") == 1
    assert counted.keys() <= {"assembly_agents_late"}


def test_call_in_log_records_waits_for_its_span_where_others_waited_in_vain() -> None:
    now_us, assembler = BEGIN_NS // 1000, Assembler(7)
    orphan = traces(tool(9, parent=8, trace="0" * 31 + "1"), service="")
    assembler.take(OTLP.decode(orphan), ordered=False, arrived_us=now_us)
    assembler.has_due(now_us + WAIT_US)
    assembler.due()
    now_us += 2 * WAIT_US
    assembler.has_due(now_us)
    assert len(assembler.due()) == 1
    assembler.take(OTLP.decode(LOGGED), ordered=False, arrived_us=now_us)
    now_us += WAIT_US // 5
    assembler.has_due(now_us)
    assert assembler.due() == []
    rows, _ = assembler.dump()
    assembler = Assembler(7)
    assembler.load(dict(rows))
    (line,) = assembler.take(OTLP.decode(SPANS), ordered=False, arrived_us=now_us)
    assert json.loads(line)["agent"]["id"] == "weather-bot"


def test_log_records_that_wait_in_vain_teach_nothing_about_spans() -> None:
    now_us, assembler = BEGIN_NS // 1000, Assembler(7)
    assembler.take(OTLP.decode(LOGGED), ordered=False, arrived_us=now_us)
    for later_us in (WAIT_US, 2 * WAIT_US):
        assembler.has_due(now_us + later_us)
        assert assembler.due() == []
    now_us += 2 * WAIT_US
    late = traces(tool(9, parent=8, trace="0" * 31 + "1"), service="")
    assembler.take(OTLP.decode(late), ordered=False, arrived_us=now_us)
    assembler.has_due(now_us + WAIT_US // 5)
    assert assembler.due() == []
