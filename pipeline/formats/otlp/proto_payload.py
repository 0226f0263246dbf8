"""OTLP in protobuf. The classes are imported with the first payload: that takes 40 to 70 ms."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from models.errors import MalformedEvent
from pipeline.formats.otlp.payload import (
    ERROR,
    MAX_DEPTH,
    MAX_RECORDS,
    Attributes,
    LogRecord,
    Payload,
    Span,
    Unusable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_ID = bytes(8)


def read_traces(value: bytes) -> Payload:
    """Read an ``ExportTraceServiceRequest``; raise `MalformedEvent` for anything else."""
    found = Payload(signals=("traces",))
    for group in _parsed("traces", value).resource_spans:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_spans:
            _check(found.count + len(scope.spans))
            for span in scope.spans:
                _add_span(found, span, resource)
    return found


def read_logs(value: bytes) -> Payload:
    """Read an ``ExportLogsServiceRequest``; raise `MalformedEvent` for anything else."""
    found = Payload(signals=("logs",))
    for group in _parsed("logs", value).resource_logs:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_logs:
            _check(found.count + len(scope.log_records))
            for record in scope.log_records:
                _add_log(found, record, resource)
    return found


@cache
def _classes() -> tuple[dict[str, Any], type[Exception]]:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return {"traces": ExportTraceServiceRequest, "logs": ExportLogsServiceRequest}, DecodeError


def _parsed(signal: str, value: bytes) -> Any:
    classes, error = _classes()
    try:
        return classes[signal].FromString(value)
    except (error, RecursionError):
        raise MalformedEvent(
            "bad_value", f"record of {len(value)} bytes is no protobuf of OTLP {signal}"
        ) from None


def _check(count: int) -> None:
    if count > MAX_RECORDS:
        raise MalformedEvent("too_long", f"expected at most {MAX_RECORDS} spans or records")


def _id(raw: bytes, length: int) -> str:
    return raw.hex() if len(raw) == length and any(raw) else ""


def _add_span(found: Payload, span: Any, resource: Attributes) -> None:
    index, found.count = found.count, found.count + 1
    if _is_of_another_kind(span):
        found.unusable.append(Unusable(index, "wrong_type", "expected a span of OTLP"))
        return
    trace, own = _id(span.trace_id, 16), _id(span.span_id, 8)
    if not trace or not own:
        key, length = ("spanId", 8) if trace else ("traceId", 16)
        reason = "bad_value" if (span.span_id if trace else span.trace_id) else "missing_key"
        detail = f"expected {length} bytes that are not all zero at `{key}`"
        found.unusable.append(Unusable(index, reason, detail))
        return
    found.spans.append(
        Span(
            trace,
            own,
            _id(span.parent_span_id, 8),
            span.name,
            span.kind,
            span.start_time_unix_nano // 1000,
            span.end_time_unix_nano // 1000,
            span.status.code == ERROR,
            _attributes(span.attributes),
            resource,
            [(event.name, _attributes(event.attributes)) for event in span.events],
            index,
        )
    )


def _add_log(found: Payload, record: Any, resource: Attributes) -> None:
    index, found.count = found.count, found.count + 1
    if _is_of_another_kind(record):
        found.unusable.append(Unusable(index, "wrong_type", "expected a log record of OTLP"))
        return
    found.logs.append(
        LogRecord(
            record.event_name,
            (record.time_unix_nano or record.observed_time_unix_nano) // 1000,
            _id(record.trace_id, 16),
            _id(record.span_id, 8),
            _value(record.body, 0),
            _attributes(record.attributes),
            resource,
            index,
        )
    )


def _is_of_another_kind(record: Any) -> bool:
    """Return whether known fields have other types than in the protocol.

    The messages of traces and logs differ in nothing else.
    """
    from google.protobuf.unknown_fields import UnknownFieldSet

    known = record.DESCRIPTOR.fields_by_number
    return any(one.field_number in known for one in UnknownFieldSet(record))


def _attributes(pairs: Iterable[Any], depth: int = 0) -> Attributes:
    found: Attributes = {}
    for pair in pairs:
        value = pair.value
        found[pair.key] = value.string_value or _value(value, depth)
    return found


def _value(raw: Any, depth: int) -> Any:
    kind = raw.WhichOneof("value")
    if kind == "string_value":
        return raw.string_value
    if kind is None or depth > MAX_DEPTH:
        return None
    if kind == "array_value":
        return [_value(one, depth + 1) for one in raw.array_value.values]
    if kind == "kvlist_value":
        return _attributes(raw.kvlist_value.values, depth + 1)
    if kind == "bytes_value":
        return raw.bytes_value.hex()
    return getattr(raw, kind, None)
