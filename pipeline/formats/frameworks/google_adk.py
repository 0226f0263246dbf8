"""Google ADK: rows of its BigQuery agent analytics plugin, one JSON object a line.

The two rows of a call share the span. Source: the plugin of google-adk 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.conversation import content_text
from pipeline.formats.members import (
    arguments,
    epoch_us,
    inner,
    name,
    number,
    object_of,
    parsed,
    text,
    texts,
)
from pipeline.formats.part import Part
from pipeline.formats.usage import total_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "google-adk"
_ENDED = {"TOOL_COMPLETED": "ok", "TOOL_ERROR": "error"}
_NOBODY = frozenset({"user", "default", "default-user-id"})
_SECOND_US = 1_000_000


class GoogleAdk:
    r"""Reader of rows.

    Examples
    --------
    >>> row = (
    ...     b'{"event_type":"TOOL_STARTING","agent":"clerk","session_id":"s","span_id":"a1",'
    ...     b'"timestamp":"2026-10-05 08:00:00 UTC","content":"{\\"tool\\":\\"pay\\"}"}'
    ... )
    >>> [(part.kind, part.call) for part in GoogleAdk().decode(row)]
    [('about', ''), ('call', 's:a1')]
    """

    ordered = True
    whole_file = False
    supports = frozenset({"arguments", "results", "request", "human", "tokens"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one row."""
        return _of_row(object_of(value))


def _of_row(row: dict[str, Any]) -> Iterator[Part]:
    kind, session = text(row.get("event_type")), text(row.get("session_id")) or ""
    if kind is None:
        return
    key, at_us = f"{NAME}/{session}", _time(row.get("timestamp"))
    event: dict[str, Any] = {"session": name(session)}
    person = name(row.get("user_id"))
    if person and person not in _NOBODY:
        event["human"] = {"id": person}
    yield Part(kind="about", session=key, event=event)
    content = parsed(row.get("content"))
    content = content if isinstance(content, dict) else {"text": content}
    if kind == "USER_MESSAGE_RECEIVED":
        asked = text(content.get("text_summary")) or text(content_text(content))
        yield Part(kind="request", session=key, time_us=at_us, text=asked)
    elif kind == "LLM_REQUEST" and (said := text(content.get("system_prompt"))):
        yield Part(kind="system", session=key, time_us=at_us, text=said)
    elif kind == "LLM_RESPONSE" and (used := total_of(content.get("usage"))):
        yield Part(kind="usage", session=key, time_us=at_us, size=used)
    elif kind == "TOOL_STARTING" or kind in _ENDED:
        yield from _of_tool(row, content, kind, key, at_us)


def _of_tool(
    row: dict[str, Any], content: dict[str, Any], kind: str, key: str, at_us: int
) -> Iterator[Part]:
    tool, call = name(content.get("tool")), _call(row) or ""
    # The agent behind an `AgentTool` clears the spans, so the row of its end has none.
    match = f"{text(row.get('invocation_id')) or ''}:{tool}"
    if tool is None or (not call and kind == "TOOL_STARTING"):
        return
    event: dict[str, Any] = {"agent": {"id": name(row.get("agent")), "kind": NAME}, "tool": tool}
    if call:
        event["trace_id"] = name(row.get("trace_id"))
    if "args" in content:
        event["arguments"] = arguments(content["args"])
    origin = name(content.get("tool_origin"))
    if origin:
        event["attributes"] = {"tool_origin": origin}
    if kind == "TOOL_STARTING":
        yield Part(kind="call", session=key, call=call, match=match, time_us=at_us, event=event)
        return
    took = number(inner(parsed(row.get("latency_ms"))).get("total_ms"))
    failed = row.get("status") == "ERROR"
    event |= {"outcome": "error" if failed else _ENDED[kind], "duration_ms": took}
    said = content.get("result", row.get("error_message"))
    yield Part(
        kind="result", session=key, call=call, match=match, time_us=at_us, event=event,
        text=texts(said),
    )  # fmt: skip


def _call(row: dict[str, Any]) -> str | None:
    """Name a call after its span; a long-running tool ends in another one, under its own id."""
    adk = inner(inner(parsed(row.get("attributes"))).get("adk"))
    known = text(row.get("span_id")) or text(adk.get("function_call_id"))
    return f"{text(row.get('session_id')) or ''}:{known}" if known else None


def _time(value: Any) -> int:
    """Give the microseconds of a time as BigQuery exports it."""
    if isinstance(value, str):
        value = value.removesuffix(" UTC")
        seconds = number(value)
        value = value if seconds is None else seconds
    return epoch_us(value, _SECOND_US)
