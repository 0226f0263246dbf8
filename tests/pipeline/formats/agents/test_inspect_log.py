"""Inspect: archives, their damage, agents, outcomes, logs without events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.errors import MalformedEvent
from pipeline.formats import archive as archives
from tests.pipeline.formats.archives import STORED, ZSTANDARD, archive, evaluation, tool
from tests.pipeline.formats.page_examples import events_of, part_format


def log(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    sample = {"id": "s", "epoch": 1, "uuid": "u", "input": "hello", "events": list(events)} | more
    return {"eval": {"eval_id": "ev1", "task": "desk"}, "samples": [sample]}


@pytest.mark.parametrize("method", [STORED, ZSTANDARD])
def test_archive_gives_the_calls_of_each_sample(method: int) -> None:
    made = events_of("inspect", archive(evaluation(), method))
    assert [(one["session"], one["tool"]) for one in made] == [
        ("u0", "read_note"), ("u0", "send"), ("u1", "read_note"), ("u1", "send"),
    ]  # fmt: skip
    assert made[3]["argument_origins"] == {"to": [["ines@example.com", ["result:read_note"]]]}


def test_archive_and_json_give_the_same_events() -> None:
    documents = evaluation()
    header = documents.pop("header.json")
    whole = header | {"samples": list(documents.values())}
    assert events_of("inspect", whole) == events_of("inspect", archive(evaluation()))


def test_archive_of_a_run_that_was_stopped_has_a_journal() -> None:
    documents = evaluation()
    documents["_journal/start.json"] = documents.pop("header.json")
    assert len(events_of("inspect", archive(documents))) == 4


@pytest.mark.parametrize("sample", [b"{", b"[]", b"\xff"])
def test_archive_with_a_damaged_sample_is_refused_before_its_first_event(sample: bytes) -> None:
    value = archive(evaluation() | {"samples/s9_epoch_1.json": sample})
    with pytest.raises(MalformedEvent):
        part_format("inspect").decode(value)


def test_every_cut_archive_is_refused() -> None:
    whole = archive(evaluation(1))
    wire = part_format("inspect")
    for length in range(2, len(whole), 7):
        with pytest.raises(MalformedEvent):
            wire.decode(whole[:length])


def test_every_changed_byte_gives_parts_or_is_refused() -> None:
    whole = archive(evaluation(1))
    wire, refused = part_format("inspect"), 0
    for at in range(len(whole)):
        changed = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        try:
            list(wire.decode(changed))
        except MalformedEvent:
            refused += 1
    assert 0 < refused < len(whole)


def test_entry_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_WHOLE", 1_000)
    value = archive(evaluation() | {"samples/s9_epoch_1.json": {"input": "x" * 100_000}})
    with pytest.raises(MalformedEvent, match="too_long"):
        part_format("inspect").decode(value)


def test_archive_with_too_many_entries_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 2)
    with pytest.raises(MalformedEvent, match="too_long: archive has 3 entries"):
        part_format("inspect").decode(archive(evaluation()))


def test_archive_without_a_header_is_refused() -> None:
    with pytest.raises(MalformedEvent, match="missing_key"):
        part_format("inspect").decode(archive({"other.json": {}}))


def test_agent_is_the_nearest_agent_span() -> None:
    spans = [
        {"event": "span_begin", "id": "a", "type": "agent", "name": "boss"},
        {"event": "span_begin", "id": "b", "type": "agent", "name": "writer", "parent_id": "a"},
        {"event": "span_begin", "id": "t", "type": "tool", "name": "send", "parent_id": "b"},
    ]
    calls = [
        tool(0, number, "send", {}, "", span_id=span) for number, span in enumerate(["t", "a", "x"])
    ]
    made = events_of("inspect", log(*spans, *calls))
    assert [one["agent"]["id"] for one in made] == ["writer", "boss", "desk"]


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({}, "ok"),
        ({"error": {"type": "approval", "message": "no"}}, "denied"),
        ({"error": {"type": "timeout", "message": "no"}}, "error"),
        ({"failed": True}, "error"),
    ],
)
def test_tool_event_gives_the_outcome(more: dict[str, Any], outcome: str) -> None:
    (made,) = events_of("inspect", log(tool(0, 1, "send", {}, "x", **more)))
    assert made["outcome"] == outcome


def test_result_after_a_later_call_is_not_an_origin_of_it() -> None:
    early = tool(0, 1, "read", {}, "DE-77") | {"completed": "2026-10-05T09:00:00+00:00"}
    made = events_of("inspect", log(early, tool(0, 2, "pay", {"card": "DE-77"}, "")))
    assert [one["argument_origins"] for one in made if one["tool"] == "pay"] == [
        {"card": [["DE-77", []]]}
    ]


def test_calls_inside_of_a_tool_event_are_calls() -> None:
    nested = tool(0, 2, "look_up", {}, "x")
    made = events_of("inspect", log(tool(0, 1, "ask_writer", {}, "", events=[nested])))
    assert sorted(one["tool"] for one in made) == ["ask_writer", "look_up"]


def test_attachments_are_the_arguments_and_results_that_they_hold() -> None:
    attached = {"h1": "DE-77", "h2": "card DE-77"}
    made = events_of(
        "inspect",
        log(
            tool(0, 1, "read", {}, "attachment://h2"),
            tool(0, 2, "pay", {"card": "attachment://h1"}, ""),
            attachments=attached,
        ),
    )
    assert made[1]["argument_origins"] == {"card": [["DE-77", ["result:read"]]]}


def test_log_without_events_gives_the_calls_of_its_messages() -> None:
    call = {"id": "c", "function": "send", "arguments": {"to": "Ines"}, "type": "function"}
    messages = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "sent"},
    ]
    (made,) = events_of("inspect", log(messages=messages, started_at="2026-10-05T08:00:00Z"))
    assert made["attributes"]["call_id"] == "u:c"
    assert (made["outcome"], made["volume"]) == (
        "ok",
        {"bytes_in": 4},
    )
    assert made["time"] == "2026-10-05T08:00:00.000000Z"


def test_json_that_is_not_a_log_is_refused() -> None:
    with pytest.raises(MalformedEvent, match="missing_key"):
        part_format("inspect").decode(json.dumps({"samples": []}).encode())
