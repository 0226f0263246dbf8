"""Read the finished spans of the OpenTelemetry SDK, as a payload of OTLP would have them."""

from __future__ import annotations

from typing import Any

from pipeline.formats.otlp.payload import ERROR, INTERNAL, MAX_DEPTH, Attributes, Span


def span_of(span: Any, index: int) -> Span:
    """Give a ``ReadableSpan`` as a span of a payload.

    Parameters
    ----------
    index
        Its place among the spans that are read together.
    """
    context, parent = span.context, span.parent
    return Span(
        trace=format(context.trace_id, "032x"),
        span=format(context.span_id, "016x"),
        parent="" if parent is None else format(parent.span_id, "016x"),
        name=span.name,
        kind=span.kind.value + INTERNAL,  # OTLP counts from 1
        start_us=(span.start_time or 0) // 1000,
        end_us=(span.end_time or 0) // 1000,
        failed=span.status.status_code.value == ERROR,
        attributes=_attributes(span.attributes),
        resource=_attributes(span.resource.attributes),
        events=[(event.name, _attributes(event.attributes)) for event in span.events],
        index=index,
    )


def _attributes(found: Any) -> Attributes:
    return {str(key): _value(value, 0) for key, value in (found or {}).items()}


def _value(value: Any, depth: int) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, tuple | list):
        return [_value(one, depth + 1) for one in value]
    if hasattr(value, "items"):
        return {str(key): _value(one, depth + 1) for key, one in value.items()}
    return value
