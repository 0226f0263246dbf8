"""OpenAI Agents SDK: what its trace exporter sends, ``{"data": [...]}``.

An item is a trace or a span. A function span is a call, with arguments and result. The agent is the
nearest agent span above. Source: ``agents.tracing`` of openai-agents 0.4 and later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.errors import MalformedEvent
from pipeline.events.examined import Examined
from pipeline.formats.conversation import request_of, system_of
from pipeline.formats.members import arguments, inner, name, object_of, text, texts, time_us
from pipeline.formats.part import Part
from pipeline.formats.usage import total_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "openai-agents"
_DENIED = "guardrail"


class OpenAIAgents:
    """Reader of exported traces.

    Examples
    --------
    >>> payload = (
    ...     b'{"data":[{"object":"trace.span","id":"span_1","trace_id":"trace_1","span_data":'
    ...     b'{"type":"function","name":"pay","input":"{}","output":"paid"}}]}'
    ... )
    >>> [(part.kind, part.call) for part in OpenAIAgents().decode(payload)]
    [('span', ''), ('call', 'span_1'), ('result', 'span_1')]
    """

    ordered = False
    whole_file = False
    supports = frozenset({"arguments", "results", "request", "human", "tokens"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one payload, or of one item."""
        payload = object_of(value)
        items = payload.get("data")
        given = items if isinstance(items, list) else [payload]
        return (part for item in given for part in _of_item(inner(item)))

    def examine(self, value: bytes) -> Examined:
        """Count the items, and name those that are no trace and no span.

        >>> found = OpenAIAgents().examine(b'{"data":[{"object":"trace","id":"t"},{"object":"x"}]}')
        >>> found.records, found.faults
        (2, ['1: expected `object` trace or trace.span'])
        """
        payload = object_of(value)
        items = payload.get("data", [payload] if payload else [])
        if not isinstance(items, list):
            raise MalformedEvent("wrong_type", "expected `array` at $.data")
        faults = [f"{at}: {fault}" for at, item in enumerate(items) if (fault := _fault(item))]
        return Examined(len(items), faults)


def _fault(item: Any) -> str:
    kind = inner(item).get("object")
    if kind not in ("trace", "trace.span"):
        return "expected `object` trace or trace.span"
    names = ("id",) if kind == "trace" else ("id", "trace_id")
    missing = next((key for key in names if text(item.get(key)) is None), None)
    return f"expected `{missing}`" if missing else ""


def _of_item(item: dict[str, Any]) -> Iterator[Part]:
    kind, known = item.get("object"), text(item.get("id"))
    if kind == "trace" and known is not None:
        yield _of_trace(item, known)
    elif kind == "trace.span" and known is not None:
        trace = text(item.get("trace_id"))
        if trace is not None:
            yield from _of_span(item, known, f"{NAME}/{trace}")


def _of_trace(trace: dict[str, Any], known: str) -> Part:
    person = name(inner(trace.get("metadata")).get("user_id"))
    event: dict[str, Any] = {
        "agent": {"id": name(trace.get("workflow_name")), "kind": NAME},
        "session": name(trace.get("group_id")),
        "trace_id": name(known),
    }
    if person:
        event["human"] = {"id": person}
    return Part(kind="about", session=f"{NAME}/{known}", event=event)


def _of_span(span: dict[str, Any], known: str, key: str) -> Iterator[Part]:
    data, parent = inner(span.get("span_data")), text(span.get("parent_id")) or ""
    began_us, kind = time_us(span.get("started_at")), data.get("type")
    if kind == "function":
        yield from _of_function(span, data, known, key)
        return
    event: dict[str, Any] = {}
    if kind == "agent" and (called := name(data.get("name"))):
        event["agent"] = {"id": called}
    yield Part(kind="span", session=key, span=known, parent=parent, time_us=began_us, event=event)
    if kind in ("generation", "response"):
        asked, said = request_of(data.get("input")), system_of(data.get("input"))
        if asked and said:
            yield Part(kind="system", session=key, time_us=began_us, text=said)
        if asked:
            yield Part(kind="request", session=key, time_us=began_us, span=known, text=asked)
        if used := _tokens(data):
            ended_us = max(began_us, time_us(span.get("ended_at")))
            yield Part(kind="usage", session=key, time_us=ended_us, size=used)


def _tokens(data: dict[str, Any]) -> int:
    """Give the tokens of a turn, in and out; 0 where the span has none.

    >>> _tokens({"usage": {"input_tokens": 800, "output_tokens": 12}})
    812
    """
    usage = inner(data.get("usage")) or inner(inner(data.get("response")).get("usage"))
    return total_of(usage)


def _of_function(
    span: dict[str, Any], data: dict[str, Any], known: str, key: str
) -> Iterator[Part]:
    tool = name(data.get("name"))
    if tool is None:
        return
    parent = text(span.get("parent_id")) or ""
    began_us, ended_us = time_us(span.get("started_at")), time_us(span.get("ended_at"))
    event: dict[str, Any] = {"tool": tool, "arguments": arguments(data.get("input"))}
    if server := name(inner(data.get("mcp_data")).get("server")):
        event["attributes"] = {"mcp_server": server}
    yield Part(kind="span", session=key, span=known, parent=parent, time_us=began_us)
    yield Part(kind="call", session=key, call=known, time_us=began_us, parent=known, event=event)
    if not ended_us and data.get("output") is None and not span.get("error"):
        return
    event = {"outcome": _outcome(span)}
    if ended_us >= began_us > 0:
        event["duration_ms"] = (ended_us - began_us) / 1_000
    said = texts(data.get("output"))
    yield Part(
        kind="result", session=key, call=known, time_us=max(began_us, ended_us), event=event,
        text=said,
    )  # fmt: skip


def _outcome(span: dict[str, Any]) -> str:
    if not span.get("error"):
        return "ok"
    message = text(inner(span["error"]).get("message")) or ""
    return "denied" if _DENIED in message.lower() else "error"
