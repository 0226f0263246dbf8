"""Reading payloads: what the two encodings hold, and what of a payload is unusable."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from models.errors import MalformedEvent
from pipeline.formats.otlp.json_payload import _read_tolerantly, read_json
from pipeline.formats.otlp.payload import MAX_RECORDS
from pipeline.formats.otlp.reader import OTLP, OTLP_PROTO_LOGS, OTLP_PROTO_TRACES
from tests.pipeline.formats.otlp.payloads import (
    TRACE,
    agent,
    events_of,
    log,
    logs,
    proto_of,
    span,
    tool,
    traces,
)

SAID = {
    "text": "a",
    "whole": -3,
    "flag": True,
    "real": 1.5,
    "list": ["a", 2, ["b"]],
    "object": {"city": "Bonn", "deep": {"n": 1}},
    "empty": "",
}


def test_values_of_every_type_are_plain() -> None:
    (read,) = read_json(traces(span(7, SAID, parent=1, kind=3, failed=True))).spans
    assert read.attributes == SAID
    assert (read.trace, read.span, read.parent) == (TRACE, f"{7:016x}", f"{1:016x}")
    assert (read.kind, read.failed, read.end_us - read.start_us) == (3, True, 250_000)


def test_the_quick_and_the_tolerant_reader_agree() -> None:
    payload = traces(
        span(7, SAID, events=[("e", SAID)]), span(8, {}), {"traceId": "x", "spanId": ""}
    )
    quick, tolerant = read_json(payload), _read_tolerantly(payload)
    assert quick == tolerant
    assert len(quick.spans) == 2


def test_ids_in_any_case_are_one_trace() -> None:
    lower = tool(2, parent=1)
    lower["traceId"], lower["parentSpanId"] = TRACE, f"{1:016x}"
    (event,) = events_of(traces(lower, agent(1)))
    assert event["agent"]["id"] == "weather-bot"


def test_attributes_that_cannot_be_read_are_missing_and_unknown_members_ignored() -> None:
    strange = tool(1) | {
        "kind": "SPAN_KIND_CLIENT",
        "startTimeUnixNano": "soon",
        "events": None,
        "status": None,
        "later": {"a": 1},
    }
    strange["attributes"] += [5, {"key": "x"}, {"value": {}}, {"key": {}, "value": {}}]
    (event,) = events_of(traces(strange))
    assert (event["tool"], "duration_ms" in event) == ("get_weather", False)


@pytest.mark.parametrize(
    ("name", "value"),
    [("name", 5), ("attributes", {}), ("events", {}), ("status", []), ("kind", []),
     ("parentSpanId", 1), ("endTimeUnixNano", 1.5)],
)  # fmt: skip
def test_span_with_a_member_of_another_type_is_unusable(name: str, value: Any) -> None:
    decoded = OTLP.read(traces(tool(1), tool(2) | {name: value}))
    ((at, reason, detail),) = decoded.unusable
    assert (at, reason) == (1, "wrong_type")
    assert detail.endswith(f"at `{name}`")
    assert [part.call for part in decoded.parts if part.kind == "call"] == [f"{1:016x}"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"traceId": None}, "missing_key"),
        ({"traceId": "W47/95gDgQPSabYzgT/GDA=="}, "bad_value"),
        ({"traceId": "0" * 32}, "bad_value"),
        ({"spanId": "xyz"}, "bad_value"),
        ({"spanId": 5}, "bad_value"),
    ],
)
def test_a_span_without_a_usable_id_is_unusable(wrong: dict[str, Any], reason: str) -> None:
    decoded = OTLP.read(traces(tool(1), tool(2) | wrong, agent(3)))
    assert [(one.place, one.reason) for one in decoded.unusable] == [(1, reason)]
    assert decoded.count == 3
    assert [part.call for part in decoded.parts if part.kind == "call"] == [f"{1:016x}"]


def test_a_call_without_the_name_of_its_tool_is_unusable() -> None:
    nameless = span(2, {"gen_ai.operation.name": "execute_tool"})
    decoded = OTLP.read(traces(tool(1), nameless))
    assert [(one.place, one.reason) for one in decoded.unusable] == [(1, "missing_key")]


def test_a_record_of_a_wrong_type_is_unusable() -> None:
    value = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [5, {}]}]}]}).encode()
    assert [(one.place, one.reason) for one in OTLP.read(value).unusable] == [(0, "wrong_type")]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "malformed_json"),
        (b"[]", "wrong_type"),
        (b'{"spans":[]}', "missing_key"),
        (b"\xff", "not_utf8"),
        (b'{"resourceSpans":[{"resource":' + b"[" * 5_000, "malformed_json"),
    ],
)
def test_other_bytes_are_refused(value: bytes, reason: str) -> None:
    with pytest.raises(MalformedEvent) as caught:
        OTLP.decode(value)
    assert caught.value.reason == reason


@pytest.mark.parametrize("value", [b"{}", b'{"resourceSpans":[]}', b'{"resourceMetrics":[{}]}'])
def test_an_empty_payload_and_metrics_give_nothing(value: bytes) -> None:
    assert (OTLP.read(value).parts, OTLP.read(value).unusable) == ([], [])


def test_the_number_of_spans_is_bounded() -> None:
    value = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"5," * MAX_RECORDS + b"5]}]}]}"
    with pytest.raises(MalformedEvent, match="too_long"):
        OTLP.decode(value)


def test_traces_and_log_records_may_stand_in_one_payload() -> None:
    both = json.loads(traces(tool(1))) | json.loads(logs(log("unknown", {})))
    assert OTLP.read(json.dumps(both).encode()).count == 2


@pytest.mark.shared
@pytest.mark.parametrize("name", ["trace.json", "logs.json", "events.json"])
def test_the_examples_of_the_protocol_are_read(shared_dir: Any, name: str) -> None:
    value = (shared_dir / "fixtures" / "otlp" / name).read_bytes()
    payload = read_json(value)
    assert (payload.count, payload.unusable) == (1, [])
    assert all(one.trace == TRACE and one.start_us > 0 for one in payload.spans)
    assert all(one.time_us > 0 for one in payload.logs)
    if name == "logs.json":
        assert payload.logs[0].attributes["int.attribute"] == 10
        assert payload.logs[0].attributes["map.attribute"] == {"some.map.key": "some value"}
    assert [part for part in OTLP.decode(value) if part.kind != "span"] == []


# ---------------------------------------------------------------------- protobuf


def test_protobuf_and_json_give_the_same_parts() -> None:
    payload = traces(
        tool(2, parent=1, said={"gen_ai.tool.call.arguments": {"city": "Bonn", "days": [1, 2]}}),
        agent(1, events=[("gen_ai.user.message", {"content": "Weather?"})], failed=True),
    )
    assert OTLP_PROTO_TRACES.read(proto_of(payload)) == OTLP.read(payload)
    records = logs(log("codex.tool_result", {"conversation.id": "c", "tool_name": "shell"}))
    assert OTLP_PROTO_LOGS.read(proto_of(records)) == OTLP.read(records)


def test_a_protobuf_span_without_an_id_is_unusable() -> None:
    payload = json.loads(traces(tool(1), tool(2)))
    payload["resourceSpans"][0]["scopeSpans"][0]["spans"][1].pop("spanId")
    decoded = OTLP_PROTO_TRACES.read(proto_of(json.dumps(payload).encode()))
    assert [(one.place, one.reason) for one in decoded.unusable] == [(1, "missing_key")]


def test_other_bytes_than_protobuf_are_refused() -> None:
    pytest.importorskip("opentelemetry.proto.trace.v1.trace_pb2")
    for wire in (OTLP_PROTO_TRACES, OTLP_PROTO_LOGS):
        assert wire.decode(b"") == []
        for value in (b"\xff\xff", b'{"resourceSpans":[]}'):
            with pytest.raises(MalformedEvent, match="bad_value"):
                wire.decode(value)


def test_the_classes_of_protobuf_are_imported_with_the_first_payload() -> None:
    code = "import sys, pipeline.formats; print('google.protobuf' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "False"
