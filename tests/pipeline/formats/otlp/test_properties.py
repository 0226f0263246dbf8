"""Whatever comes in, a payload is read or refused, and its parts make events or refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import REJECT_REASONS, MalformedEvent
from pipeline.assembling.assembler import Assembler
from pipeline.formats import FORMATS, Native
from pipeline.formats.otlp import names
from pipeline.formats.otlp.json_payload import _read_tolerantly, read_json
from pipeline.formats.otlp.reader import OTLP, OTLP_PROTO_LOGS, OTLP_PROTO_TRACES, Otlp
from tests.pipeline.formats.otlp.payloads import (
    agent,
    log,
    logs,
    proto_of,
    span,
    tool,
    traces,
)

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
KNOWN = sorted(
    {
        name
        for value in vars(names).values()
        if isinstance(value, tuple)
        for name in value
        if isinstance(name, str) and "." in name
    }
    | {"mcp.method.name", "a2a.method.name", "openinference.span.kind", "traceloop.span.kind"}
    | {"service.name", "event.name", "tool_name", "session.id", "conversation.id", "error.type"}
)
OPERATIONS = ("execute_tool", "invoke_agent", "chat", "run_guardrail", "tools/call", "SendMessage")
KINDS = ("TOOL", "AGENT", "LLM", "tool", "agent", "deny", "crm.read", "\0", "x" * 300, "9" * 400)
RECORDED = ("claude_code.tool_result", "codex.tool_result", "gemini_cli.tool_call")
TEXTS = ('{"a":[1,{"b":"c"}]}', '{"n":' + "9" * 30 + "}", "1e308", "-1", "true", "reject")
WORDS = st.sampled_from((*OPERATIONS, *KINDS, *RECORDED, *TEXTS))
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "stringValue": WORDS | st.text(max_size=10) | JSON,
        "intValue": st.integers().map(str) | JSON,
        "kvlistValue": JSON,
        "arrayValue": st.fixed_dictionaries({"values": st.lists(JSON, max_size=3)}),
        "doubleValue": st.floats() | JSON,
        "boolValue": st.booleans() | JSON,
    },
)
PAIR = st.fixed_dictionaries({"key": st.sampled_from(KNOWN) | st.text(max_size=8), "value": VALUES})
PAIRS = st.lists(PAIR | JSON, max_size=8) | JSON
IDS = st.sampled_from([f"{one:016x}" for one in range(5)]) | JSON
EVENT = st.fixed_dictionaries({"name": WORDS, "attributes": PAIRS})
RECORD = st.fixed_dictionaries(
    {
        "traceId": st.sampled_from(["5b8efff798038103d269b633813fc60c", "0" * 32]),
        "spanId": IDS,
        "attributes": PAIRS,
    },
    optional={
        "parentSpanId": IDS,
        "kind": st.integers(-1, 6) | JSON,
        "name": st.sampled_from(["claude_code.tool", "claude_code.interaction", "x"]) | JSON,
        "eventName": WORDS | JSON,
        "body": VALUES | JSON,
        "startTimeUnixNano": st.integers().map(str) | JSON,
        "endTimeUnixNano": st.integers().map(str) | JSON,
        "timeUnixNano": st.integers().map(str) | JSON,
        "status": st.fixed_dictionaries({"code": st.integers(0, 3) | JSON}) | JSON,
        "events": st.lists(EVENT | JSON, max_size=2) | JSON,
    },
)
RECORDS = st.lists(RECORD | JSON, max_size=6)
REAL = [
    json.loads(traces(tool(3, parent=2, said={"gen_ai.tool.call.id": "c"}), span(2, {}), agent(1))),
    json.loads(logs(log("claude_code.tool_result", {"session.id": "s", "tool_name": "Bash"}))),
]


def refused(call: Any, value: bytes) -> Any:
    """Give what a reader makes of some bytes; None where it refuses them."""
    try:
        return call(value)
    except MalformedEvent as error:
        if error.reason not in REJECT_REASONS:
            raise
    return None


def check(wire: Otlp, value: bytes) -> None:
    """Read a payload as the stream does; only a refusal may come of it."""
    decoded = refused(wire.read, value)
    if decoded is None:
        return
    assert len(decoded.unusable) <= decoded.count
    assert all(one.reason in REJECT_REASONS for one in decoded.unusable)
    assembler = Assembler(7)
    lines = assembler.take(decoded.parts, ordered=wire.ordered, arrived_us=10**15)
    rows, _ = assembler.dump()
    Assembler(7).load(dict(rows))
    lines += assembler.due(whole=True)
    native = FORMATS["native"]
    assert isinstance(native, Native)
    for line in lines:
        refused(native.normalise, line)


def payload(signal: str, scope: str, below: str, records: Any, resource: Any) -> bytes:
    group = {"resource": {"attributes": resource}, scope: [{below: records}]}
    return json.dumps({signal: [group]}).encode("utf-8", "surrogatepass")


@given(value=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(value: bytes) -> None:
    check(OTLP, value)


@given(value=JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    for key in ("resourceSpans", "resourceLogs"):
        check(OTLP, json.dumps({key: value}).encode())
        check(OTLP, json.dumps({key: [value]}).encode())
    check(OTLP, json.dumps(value).encode())


@given(records=RECORDS, resource=PAIRS)
def test_any_spans_are_read_or_refused(records: Any, resource: Any) -> None:
    check(OTLP, payload("resourceSpans", "scopeSpans", "spans", records, resource))


@given(records=RECORDS, resource=PAIRS)
def test_any_log_records_are_read_or_refused(records: Any, resource: Any) -> None:
    check(OTLP, payload("resourceLogs", "scopeLogs", "logRecords", records, resource))


@given(records=RECORDS, resource=PAIRS)
def test_the_quick_reader_gives_what_the_tolerant_one_gives(records: Any, resource: Any) -> None:
    value = payload("resourceSpans", "scopeSpans", "spans", records, resource)
    try:
        quick = read_json(value)
    except MalformedEvent:
        return
    assert repr(quick) == repr(_read_tolerantly(value))


@given(data=st.data(), real=st.sampled_from(REAL))
def test_mutated_payloads_are_read_or_refused(data: st.DataObject, real: Any) -> None:
    changed = json.loads(json.dumps(real))
    at: Any = changed
    for _ in range(data.draw(st.integers(0, 9))):
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(at[key], dict | list) or data.draw(st.integers(0, 5)) == 0:
            at[key] = data.draw(JSON)
            break
        at = at[key]
    value = json.dumps(changed).encode()
    check(OTLP, value)
    cut = data.draw(st.integers(0, len(value)))
    check(OTLP, value[:cut])


@given(value=st.binary(max_size=200))
def test_any_bytes_are_protobuf_or_refused(value: bytes) -> None:
    pytest.importorskip("opentelemetry.proto.trace.v1.trace_pb2")
    check(OTLP_PROTO_TRACES, value)
    check(OTLP_PROTO_LOGS, value)


@given(data=st.data(), real=st.sampled_from(REAL))
def test_mutated_protobuf_is_read_or_refused(data: st.DataObject, real: Any) -> None:
    changed = bytearray(proto_of(json.dumps(real).encode()))
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    wire = OTLP_PROTO_TRACES if "resourceSpans" in real else OTLP_PROTO_LOGS
    check(wire, bytes(changed))
