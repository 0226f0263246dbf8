"""Made-up OTLP payloads, and the native events that they give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.assembling.assembler import Assembler
from pipeline.formats import FORMATS, Native
from pipeline.formats.otlp.reader import Otlp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TRACE = "5b8efff798038103d269b633813fc60c"
BEGIN_NS = 1_764_000_000_000_000_000
SECOND_NS = 1_000_000_000
NATIVE = FORMATS["native"]
CHAT = {"gen_ai.operation.name": "chat"}


def value_of(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [value_of(one) for one in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": pairs(value)}}
    return {"stringValue": value}


def pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value_of(value)} for key, value in attributes.items()]


def asked(text: str, role: str = "user") -> str:
    """Give a message in the form of the conventions."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def span(
    number: int,
    attributes: Mapping[str, Any],
    *,
    parent: int = 0,
    at: float = 0.0,
    took: float = 0.25,
    kind: int = 1,
    failed: bool = False,
    name: str = "anything",
    trace: str = TRACE,
    events: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> dict[str, Any]:
    begin = BEGIN_NS + int(at * SECOND_NS)
    return {
        "traceId": trace.upper(),
        "spanId": f"{number:016X}",
        "parentSpanId": f"{parent:016X}" if parent else "",
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(begin + int(took * SECOND_NS)),
        "attributes": pairs(attributes),
        "events": [{"name": event, "attributes": pairs(more)} for event, more in events],
        "status": {"code": 2} if failed else {},
        "droppedAttributesCount": 0,
    }


def agent(number: int, name: str = "weather-bot", **more: Any) -> dict[str, Any]:
    said = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
    return span(number, said | more.pop("said", {}), took=60.0, **more)


def tool(number: int, name: str = "get_weather", **more: Any) -> dict[str, Any]:
    said = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}
    return span(number, said | more.pop("said", {}), **more)


def traces(*spans: dict[str, Any], service: str = "orders", **resource: Any) -> bytes:
    attributes = pairs({"service.name": service} | resource)
    group = {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": list(spans)}]}
    return json.dumps({"resourceSpans": [group]}).encode()


def log(name: str, attributes: Mapping[str, Any], *, at: float = 0.0, **more: Any) -> Any:
    time = str(BEGIN_NS + int(at * SECOND_NS))
    record = {"timeUnixNano": time, "body": {"stringValue": name}, "attributes": pairs(attributes)}
    return record | more


def logs(*records: dict[str, Any], service: str = "any", **resource: Any) -> bytes:
    attributes = pairs({"service.name": service} | resource)
    group = {"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": list(records)}]}
    return json.dumps({"resourceLogs": [group]}).encode()


def events_of(*payloads: bytes, fmt: str = "otlp") -> list[dict[str, Any]]:
    """Give the native events of payloads, in order of time; each is one that the reader accepts."""
    assembler, lines = Assembler(7), []
    for place, payload in enumerate(payloads):
        wire = FORMATS[fmt]
        assert isinstance(wire, Otlp)
        arrived_us = (BEGIN_NS // 1000) + place
        lines += assembler.take(wire.decode(payload), ordered=wire.ordered, arrived_us=arrived_us)
    lines += assembler.due(whole=True)
    assert isinstance(NATIVE, Native)
    for line in lines:
        NATIVE.normalise(line)
    return sorted((json.loads(line) for line in lines), key=lambda event: str(event["time"]))


def proto_of(value: bytes) -> bytes:
    """Encode a payload of the helpers as protobuf."""
    pytest.importorskip("opentelemetry.proto.trace.v1.trace_pb2")
    from google.protobuf import json_format
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    body = json.loads(value)
    message = ExportTraceServiceRequest() if "resourceSpans" in body else ExportLogsServiceRequest()
    ids: list[tuple[str, str, str]] = []
    for group in body.get("resourceSpans", []) + body.get("resourceLogs", []):
        for scope in group.get("scopeSpans", []) + group.get("scopeLogs", []):
            for one in scope.get("spans", []) + scope.get("logRecords", []):
                keys = ("traceId", "spanId", "parentSpanId")
                ids.append(tuple(one.pop(key, "") for key in keys))  # type: ignore[arg-type]
    json_format.ParseDict(body, message)
    groups: Any = message.resource_spans if "resourceSpans" in body else message.resource_logs
    for group in groups:
        for scope in group.scope_spans if "resourceSpans" in body else group.scope_logs:
            for one in scope.spans if "resourceSpans" in body else scope.log_records:
                trace, own, parent = ids.pop(0)
                one.trace_id, one.span_id = bytes.fromhex(trace), bytes.fromhex(own)
                if parent:
                    one.parent_span_id = bytes.fromhex(parent)
    return bytes(message.SerializeToString())
