from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.formats.decoding import assembled, event_of, events_of
from tests.pipeline.formats.samples import MCP_ROW, asks_for, model_row

# What the callback of LiteLLM 1.108 sent for two turns, without prices and parameters.
RECORDED = json.loads((Path(__file__).parent / "litellm.jsonl").read_bytes())
ASK = [
    {"role": "system", "content": "You mail."},
    {"role": "user", "content": "mail the report to Ines"},
]
FIRST = model_row(1767600001.0, ASK, asks_for("call-1", "send", to="Ines", note="report"))
ANSWERED = model_row(
    1767600003.0,
    [*ASK, {"role": "assistant", "tool_calls": [{"id": "call-1"}]},
     {"role": "tool", "tool_call_id": "call-1", "content": "sent to ines@example.com"}],
    asks_for("call-2", "log", address="ines@example.com"),
)  # fmt: skip


def test_mcp_row_is_a_call_with_its_result() -> None:
    event = event_of("litellm", MCP_ROW)
    assert event["agent"] == {"id": "mail-bot"}
    assert event["human"] == {"id": "ines@example.com"}
    assert event["mode"] == "delegated"
    assert event["tool"] == "mail/send"
    assert event["arguments"] == {"to": "a@example.com"}
    assert event["outcome"] == "ok"
    assert event["duration_ms"] == 250
    assert event["volume"] == {"bytes_in": 4}
    assert event["network"] == {"source_ip": "192.0.2.7"}
    assert event["credential"] == {"id": "sha256:ba7816bf8f01cfea"}
    assert event["attributes"]["call_id"] == "row-1"


def test_result_of_a_call_is_a_message_of_the_next_request() -> None:
    sent, logged = events_of("litellm", FIRST, ANSWERED)
    assert (sent["attributes"]["call_id"], sent["tool"]) == ("call-1", "send")
    assert sent["outcome"] == "ok"
    assert sent["purpose"] == "mail the report to Ines"
    assert sent["human"] == {"id": "ines"}
    assert sent["volume"]["bytes_in"] == len("sent to ines@example.com")
    assert sent["argument_origins"]["to"] == [("Ines", ["request"])]
    assert logged["argument_origins"] == {"address": [("ines@example.com", ["result:send"])]}
    assert "outcome" not in logged


def test_array_lines_and_single_rows_give_the_same_events() -> None:
    rows = [FIRST, ANSWERED]
    lines = "\n".join(json.dumps(row) for row in rows)
    assert events_of("litellm", rows) == events_of("litellm", *rows) == events_of("litellm", lines)
    assert events_of("litellm", rows[::-1]) == events_of("litellm", rows)


def test_repeated_conversation_is_read_once() -> None:
    lines, count = assembled("litellm", json.dumps([FIRST, ANSWERED]).encode())
    assert len(lines) == 2
    assert count["parts_repeated"] == 0


def test_calls_of_other_model_interfaces_are_read() -> None:
    use = {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {"to": "a"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no", "is_error": True}
    asked = model_row(1.0, ASK, {"content": [use]})
    answer = model_row(2.0, [{"role": "user", "content": [result]}], {})
    assert event_of("litellm", asked, answer)["outcome"] == "error"
    call = {"type": "function_call", "call_id": "fc_1", "name": "send", "arguments": '{"to":"a"}'}
    output = {"type": "function_call_output", "call_id": "fc_1", "output": "ok"}
    asked = model_row(1.0, "mail", {"output": [call]})
    answer = model_row(2.0, [output], {})
    assert event_of("litellm", asked, answer)["arguments"] == {"to": "a"}


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"status": "failure", "error_information": {"error_code": "403"}}, "denied"),
        ({"status": "failure", "error_str": "timeout"}, "error"),
        ({"status_fields": {"guardrail_status": "guardrail_intervened"}}, "denied"),
    ],
)
def test_failed_row_has_its_outcome(more: dict[str, Any], outcome: str) -> None:
    assert event_of("litellm", MCP_ROW | more)["outcome"] == outcome


def test_tool_error_is_an_error() -> None:
    row = json.loads(json.dumps(MCP_ROW))
    row["metadata"]["mcp_tool_call_metadata"]["result"]["isError"] = True
    assert event_of("litellm", row)["outcome"] == "error"


def test_key_without_an_alias_names_the_agent_by_its_digest() -> None:
    metadata = {
        **MCP_ROW["metadata"],  # type: ignore[dict-item]
        "user_api_key_alias": None,
        "user_api_key_user_email": None,
        "user_api_key_user_id": "default_user_id",
    }
    event = event_of("litellm", MCP_ROW | {"metadata": metadata})
    assert event["agent"] == {"id": "litellm-key-ba7816bf8f01cfea"}
    assert "human" not in event
    assert "mode" not in event


SENT = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


def test_secret_of_a_request_is_shown_as_its_kind() -> None:
    ask = [{"role": "user", "content": f"use {SENT} to push"}]
    event = event_of("litellm", model_row(1.0, ask, asks_for("c", "push", key=SENT)))
    assert "ghp_" not in json.dumps(event)
    assert event["argument_origins"]["key"] == [
        ("***github_token***", ["request", "secret:github_token"])
    ]


def test_member_with_the_name_of_a_secret_is_hidden() -> None:
    event = event_of("litellm", model_row(1.0, [], asks_for("c", "login", Password="abc")))  # noqa: S106
    assert event["arguments"] == {"Password": "***named_secret***"}


def test_secret_of_a_result_that_is_sent_is_a_leak() -> None:
    ask = [{"role": "user", "content": "deploy it"}]
    answered = [
        *ask,
        {"role": "assistant", "tool_calls": [{"id": "c-1"}]},
        {"role": "tool", "tool_call_id": "c-1", "content": f"token: {SENT}"},
    ]
    events = events_of(
        "litellm",
        model_row(1.0, ask, asks_for("c-1", "vault.read", path="ci")),
        model_row(2.0, answered, asks_for("c-2", "mail.send", text=f"it is {SENT}")),
    )
    assert "ghp_" not in json.dumps(events)
    leaked = [event["attributes"].get("leaked_secret") for event in events]
    assert leaked == [None, "github_token out of vault.read to mail.send"]


def test_tokens_and_cost_of_a_turn_with_two_calls_count_once() -> None:
    choices = [asks_for(call, "send", to="Ines")["choices"][0] for call in ("c-1", "c-2")]
    events = events_of("litellm", model_row(1.0, ASK, {"choices": choices}, response_cost=0.5))
    assert [one["attributes"].get("tokens") for one in events] == [40, None]
    assert [one["attributes"].get("cost_usd") for one in events] == [0.5, None]


def test_recorded_rows_of_the_proxy_give_a_call_with_its_result() -> None:
    (event,) = events_of("litellm", RECORDED)
    assert (event["tool"], event["outcome"]) == ("get_weather", "ok")
    assert event["argument_origins"] == {"city": [("Bonn", ["request"])]}
    assert event["human"] == {"id": "ines@example.com"}
    assert event["session"] == "s-1"
    assert event["agent"]["model"] == "openai/gpt-5"
    assert event["agent"]["id"].startswith("litellm-key-")
