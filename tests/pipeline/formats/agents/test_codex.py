"""Codex CLI: outcomes, kinds of calls, files that end in the middle of a line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.errors import MalformedEvent
from tests.pipeline.formats.page_examples import events_of, part_format

META = {"type": "session_meta", "payload": {"id": "s-1", "cli_version": "0.80.0"}}


def item(**payload: Any) -> dict[str, Any]:
    return {
        "timestamp": "2026-10-05T08:00:00Z", "type": "response_item", "payload": payload,
    }  # fmt: skip


def session(*records: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in (META, *records))


def shell(output: Any) -> dict[str, Any]:
    (event,) = events_of(
        "codex",
        session(
            item(type="function_call", name="shell", arguments="{}", call_id="c"),
            item(type="function_call_output", call_id="c", output=output),
        ),
    )
    return event


@pytest.mark.parametrize(
    ("output", "outcome"),
    [
        ("done", "ok"),
        ("exec command rejected by user", "denied"),
        ('{"output":"no","metadata":{"exit_code":1}}', "error"),
        ('{"output":"yes","metadata":{"exit_code":0}}', "ok"),
        ("Exit code: 2\nWall time: 0.1 seconds\nOutput:\nno", "error"),
        ("Chunk ID: 1\nProcess exited with code 0\nOutput:\nExit code: 1", "ok"),
        ({"content": "no", "success": False}, "error"),
        ([{"type": "input_text", "text": "done"}], "ok"),
    ],
)
def test_output_gives_the_outcome(output: Any, outcome: str) -> None:
    assert shell(output)["outcome"] == outcome


def test_size_is_that_of_the_output_without_its_envelope() -> None:
    assert shell('{"output":"12345","metadata":{"exit_code":0}}')["volume"] == {"bytes_in": 5}


def test_each_kind_of_call_has_its_tool_and_arguments() -> None:
    action = {"type": "exec", "command": ["ls"], "env": {"TOKEN": "secret"}}
    made = events_of(
        "codex",
        session(
            item(type="local_shell_call", call_id="c-1", action=action),
            item(type="function_call_output", call_id="c-1", output=""),
            item(type="custom_tool_call", call_id="c-2", name="apply_patch", input="*** Begin"),
            item(type="custom_tool_call_output", call_id="c-2", output="Success"),
            item(
                type="web_search_call", status="completed", action={"type": "search", "query": "x"}
            ),
            item(
                type="function_call", call_id="c-4", name="list", namespace="github", arguments="{}"
            ),
        ),
    )
    assert [(one["tool"], one["arguments"]) for one in made] == [
        ("local_shell", {"command": ["ls"]}),
        ("apply_patch", {"input": "*** Begin"}),
        ("web_search", {"query": "x"}),
        ("github.list", {}),
    ]
    assert "outcome" not in made[3]


def test_call_of_an_mcp_server_that_is_reported_twice_is_one_event() -> None:
    ended = {
        "type": "mcp_tool_call_end", "call_id": "c",
        "invocation": {"server": "crm", "tool": "find", "arguments": {"name": "Ines"}},
        "result": {"Ok": {"content": [{"type": "text", "text": "one"}], "isError": True}},
    }  # fmt: skip
    made = events_of(
        "codex",
        session(
            item(type="function_call", call_id="c", name="crm__find", arguments='{"name":"Ines"}'),
            {"type": "event_msg", "payload": ended},
            item(type="function_call_output", call_id="c", output="one"),
        ),
    )
    assert [(one["tool"], one["outcome"]) for one in made] == [("mcp__crm__find", "error")]


def test_line_that_was_cut_is_left_out() -> None:
    call = item(type="function_call", name="shell", arguments="{}", call_id="c")
    made = events_of("codex", session(call) + b'\n{"timestamp":"2026-10-05T08')
    assert [one["session"] for one in made] == ["s-1"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]\n{}", b"\xff\n{}"])
def test_file_without_a_first_line_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedEvent):
        list(part_format("codex").decode(content))


def test_early_version_without_envelopes_is_read() -> None:
    lines = [
        {"id": "s-0", "timestamp": "2026-10-05T08:00:00Z"},
        {"type": "function_call", "name": "shell", "arguments": "{}", "call_id": "c"},
        {"type": "function_call_output", "call_id": "c", "output": "done"},
    ]
    (made,) = events_of("codex", b"\n".join(json.dumps(one).encode() for one in lines))
    assert (made["session"], made["tool"], made["outcome"]) == ("s-0", "shell", "ok")


def message(text: str) -> dict[str, Any]:
    return item(type="message", role="user", content=[{"type": "input_text", "text": text}])


def event(text: str) -> dict[str, Any]:
    return {"type": "event_msg", "payload": {"type": "user_message", "message": text}}


def requests_of(*records: dict[str, Any]) -> list[str | None]:
    parts = part_format("codex").decode(session(*records))
    return [part.text for part in parts if part.kind == "request"]


@pytest.mark.parametrize(
    "records",
    [
        [message("Fix it"), message("Go on"), message("Go on")],
        [event("Fix it"), event("Go on"), event("Go on")],
        [message("Fix it"), event("Fix it"), message("Go on"), event("Go on"), event("Go on")],
        [event("Fix it"), message("Fix it "), message("Go on"), message("Go on"), event("Go on")],
    ],
)
def test_request_counts_once_as_message_event_or_both(records: list[dict[str, Any]]) -> None:
    assert [str(one).strip() for one in requests_of(*records)] == ["Fix it", "Go on", "Go on"]


def test_request_of_a_message_alone_is_the_purpose() -> None:
    (made,) = events_of(
        "codex",
        session(
            message("<environment_context>\n<cwd>work</cwd>\n</environment_context>"),
            message("Mail DE0050"),
            item(type="message", role="assistant", content=[{"type": "text", "text": "Yes"}]),
            item(type="function_call", call_id="c", name="pay", arguments='{"iban":"DE0050"}'),
            item(type="function_call_output", call_id="c", output="done"),
        ),
    )
    assert made["purpose"] == "Mail DE0050"
    assert made["argument_origins"] == {"iban": [["DE0050", ["request"]]]}
