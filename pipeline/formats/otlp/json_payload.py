"""OTLP in JSON, read by hand: ids are hexadecimal, 64-bit integers are text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Struct

from models.errors import MalformedEvent
from pipeline.formats.members import inner, kind_of, object_of
from pipeline.formats.otlp.payload import (
    ERROR,
    MAX_DEPTH,
    MAX_RECORDS,
    Attributes,
    LogRecord,
    Payload,
    Span,
    Unusable,
    hex_id,
    integer_of,
    microseconds_of,
)
from pipeline.formats.reasons import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_SIGNALS = {
    "resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics",
    "resourceProfiles": "profiles",
}  # fmt: skip


_T = TypeVar("_T", dict[str, Any], list[Any])


class _Value(Struct, rename="camel", gc=False):
    string_value: str | None = None
    int_value: str | int | None = None
    bool_value: bool | None = None
    double_value: float | int | str | None = None
    array_value: Any = None
    kvlist_value: Any = None
    bytes_value: str | None = None


class _Pair(Struct, gc=False):
    key: str
    value: _Value


class _Resource(Struct, gc=False):
    attributes: list[_Pair] = []


class _Event(Struct, gc=False):
    name: str = ""
    attributes: list[_Pair] = []


class _Status(Struct, gc=False):
    code: int = 0


class _Span(Struct, rename="camel", gc=False):
    trace_id: str
    span_id: str
    parent_span_id: str = ""
    name: str = ""
    kind: int = 0
    start_time_unix_nano: str | int = 0
    end_time_unix_nano: str | int = 0
    attributes: list[_Pair] = []
    events: list[_Event] = []
    status: _Status | None = None


class _ScopeSpans(Struct, gc=False):
    spans: list[_Span] = []


class _ResourceSpans(Struct, rename="camel", gc=False):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] = []


class _Traces(Struct, rename="camel", gc=False, forbid_unknown_fields=True):
    resource_spans: list[_ResourceSpans]


_decode_traces = msgspec.json.Decoder(_Traces).decode


def read_json(value: bytes) -> Payload:
    """Read a payload; traces, logs or both, by its keys. Metrics give nothing.

    Traces whose members all have the type of the protocol are read in one pass; others, and log
    records, member by member: those with a member of another type are unusable, and the rest is
    read.

    Raises
    ------
    MalformedEvent
        The bytes are no JSON object, or no payload.
    """
    try:
        traces = _decode_traces(value)
    except REFUSALS:
        return _read_tolerantly(value)
    found = Payload(signals=("traces",))
    for group in traces.resource_spans:
        resource = _plain(group.resource.attributes) if group.resource is not None else {}
        for scope in group.scope_spans:
            for span in scope.spans:
                _take(found, span, resource)
    return found


def _take(found: Payload, span: _Span, resource: Attributes) -> None:
    index = _next(found)
    trace, own = hex_id(span.trace_id, _NO_TRACE), hex_id(span.span_id, _NO_SPAN)
    if not trace or not own:
        _refuse_id(found, index, "spanId" if trace else "traceId", "bad_value")
        return
    found.spans.append(
        Span(
            trace,
            own,
            hex_id(span.parent_span_id, _NO_SPAN),
            span.name,
            span.kind,
            microseconds_of(span.start_time_unix_nano),
            microseconds_of(span.end_time_unix_nano),
            span.status is not None and span.status.code == ERROR,
            _plain(span.attributes),
            resource,
            [(event.name, _plain(event.attributes)) for event in span.events],
            index,
        )
    )


def _plain(pairs: list[_Pair]) -> Attributes:
    found: Attributes = {}
    for pair in pairs:
        value = pair.value
        text = value.string_value
        found[pair.key] = text if text is not None else _other(value)
    return found


def _other(value: _Value) -> Any:
    if value.int_value is not None:
        return integer_of(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    if value.array_value is not None:
        return value_of({"arrayValue": value.array_value}, 0)
    if value.kvlist_value is not None:
        return value_of({"kvlistValue": value.kvlist_value}, 0)
    return value.bytes_value if value.double_value is None else value.double_value


def _read_tolerantly(value: bytes) -> Payload:
    body = object_of(value)
    if body and not any(name in body for name in _SIGNALS):
        raise MalformedEvent("missing_key", "expected `resourceSpans` or `resourceLogs` at $")
    found = Payload(signals=tuple(_SIGNALS[name] for name in _SIGNALS if name in body))
    for resource, record in _records(body, "resourceSpans", "scopeSpans", "spans"):
        _add_span(found, record, resource)
    for resource, record in _records(body, "resourceLogs", "scopeLogs", "logRecords"):
        _add_log(found, record, resource)
    return found


def _refuse_id(found: Payload, index: int, key: str, reason: str) -> None:
    digits = 16 if key == "spanId" else 32
    detail = f"expected {digits} hexadecimal digits that are not all zero at `{key}`"
    found.unusable.append(Unusable(index, reason, detail))


def _records(
    body: dict[str, Any], above: str, between: str, below: str
) -> Iterator[tuple[Attributes, Any]]:
    for at, group in _objects(body, above, "$"):
        where = f"{at}.resource"
        resource = attributes_of(_typed(group.get("resource"), dict, where).get("attributes"))
        for place, scope in _objects(group, between, at):
            for record in _typed(scope.get(below), list, f"{place}.{below}"):
                yield resource, record


def _objects(above: dict[str, Any], name: str, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the objects of a list, each with its path; raise `MalformedEvent` for anything else."""
    for number, one in enumerate(_typed(above.get(name), list, f"{at}.{name}")):
        place = f"{at}.{name}[{number}]"
        yield place, _typed(one, dict, place)


def _typed(value: Any, kind: type[_T], at: str) -> _T:
    """Give a value of a type, an empty one for null; raise `MalformedEvent` for anything else."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        expected = "object" if kind is dict else "array"
        raise MalformedEvent("wrong_type", f"expected `{expected}`, got `{kind_of(value)}` at {at}")
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _next(found: Payload) -> int:
    if found.count >= MAX_RECORDS:
        raise MalformedEvent("too_long", f"expected at most {MAX_RECORDS} spans or records")
    found.count += 1
    return found.count - 1


def _add_span(found: Payload, record: Any, resource: Attributes) -> None:
    index = _next(found)
    if not isinstance(record, dict):
        found.unusable.append(Unusable(index, "wrong_type", "expected an object"))
        return
    get = record.get
    trace, span = hex_id(get("traceId"), _NO_TRACE), hex_id(get("spanId"), _NO_SPAN)
    if not trace or not span:
        key = "spanId" if trace else "traceId"
        _refuse_id(found, index, key, "missing_key" if get(key) is None else "bad_value")
        return
    if _is_refused(found, index, record, _SPAN_TYPES):
        return
    status = inner(get("status"))
    name, kind, events = get("name"), get("kind"), get("events")
    found.spans.append(
        Span(
            trace,
            span,
            hex_id(get("parentSpanId"), _NO_SPAN),
            name if isinstance(name, str) else "",
            kind if isinstance(kind, int) else 0,
            microseconds_of(get("startTimeUnixNano")),
            microseconds_of(get("endTimeUnixNano")),
            status.get("code") == ERROR,
            attributes_of(get("attributes")),
            resource,
            [_event(one) for one in events] if isinstance(events, list) else [],
            index,
        )
    )


_TIME: tuple[type, ...] = (str, int)
_SPAN_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,), "kind": (int, str), "parentSpanId": (str,), "attributes": (list,),
    "events": (list,), "status": (dict,), "startTimeUnixNano": _TIME, "endTimeUnixNano": _TIME,
}  # fmt: skip
_LOG_TYPES: dict[str, tuple[type, ...]] = {
    "eventName": (str,), "body": (dict,), "attributes": (list,), "traceId": (str,),
    "spanId": (str,), "timeUnixNano": _TIME, "observedTimeUnixNano": _TIME,
}  # fmt: skip
_WORDS: dict[type, str] = {str: "str", int: "int", list: "array", dict: "object"}


def _is_refused(
    found: Payload, index: int, record: dict[str, Any], types: dict[str, tuple[type, ...]]
) -> bool:
    """Add a record with a member of another type than that of the protocol to the unusable ones."""
    for name, expected in types.items():
        value = record.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, expected)):
            words = " | ".join(_WORDS[one] for one in expected)
            detail = f"expected `{words}`, got `{kind_of(value)}` at `{name}`"
            found.unusable.append(Unusable(index, "wrong_type", detail))
            return True
    return False


def _event(value: Any) -> tuple[str, Attributes]:
    event = inner(value)
    name = event.get("name")
    return name if isinstance(name, str) else "", attributes_of(event.get("attributes"))


def _add_log(found: Payload, record: Any, resource: Attributes) -> None:
    index = _next(found)
    if not isinstance(record, dict):
        found.unusable.append(Unusable(index, "wrong_type", "expected an object"))
        return
    if _is_refused(found, index, record, _LOG_TYPES):
        return
    name, at_us = record.get("eventName"), microseconds_of(record.get("timeUnixNano"))
    found.logs.append(
        LogRecord(
            name if isinstance(name, str) else "",
            at_us or microseconds_of(record.get("observedTimeUnixNano")),
            hex_id(record.get("traceId"), _NO_TRACE),
            hex_id(record.get("spanId"), _NO_SPAN),
            value_of(record.get("body"), 0),
            attributes_of(record.get("attributes")),
            resource,
            index,
        )
    )


def attributes_of(value: Any, depth: int = 0) -> Attributes:
    """Give attributes as plain values; those that cannot be read are left out."""
    found: Attributes = {}
    if not isinstance(value, list):
        return found
    for one in value:
        try:
            key, raw = one["key"], one["value"]
            found[key] = raw["stringValue"] if len(raw) == 1 and "stringValue" in raw else (
                value_of(raw, depth)
            )  # fmt: skip
        except (KeyError, TypeError):
            continue
    return found


def value_of(raw: Any, depth: int) -> Any:
    """Give an `AnyValue` as a plain value; None where it cannot be read.

    >>> value_of({"intValue": "10"}, 0), value_of({"arrayValue": {"values": [{"boolValue": 1}]}}, 0)
    (10, [None])
    """
    if not isinstance(raw, dict) or depth > MAX_DEPTH:
        return None
    for name, value in raw.items():
        if name == "stringValue":
            return value if isinstance(value, str) else None
        if name == "intValue":
            return integer_of(value)
        if name == "boolValue":
            return value if isinstance(value, bool) else None
        if name == "doubleValue":
            return value if isinstance(value, int | float) else None
        if name == "arrayValue":
            return [value_of(one, depth + 1) for one in _list(inner(value).get("values"))]
        if name == "kvlistValue":
            return attributes_of(inner(value).get("values"), depth + 1)
        if name == "bytesValue":
            return value if isinstance(value, str) else None
    return None
