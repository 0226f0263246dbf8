"""Content that an instrumentation writes in the events of a span, not in its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.members import inner
from pipeline.formats.otlp.names import content, decoded

if TYPE_CHECKING:
    from pipeline.formats.otlp.payload import Attributes, Span

DETAILS = "gen_ai.client.inference.operation.details"
_ASKED, _ANSWERED = "gen_ai.tool.message", "gen_ai.choice"
_ARGUMENTS = ("gen_ai.input.messages", "tool_call", "arguments")
_RESULT = ("gen_ai.output.messages", "tool_call_response", "response")


def with_details(span: Span) -> Attributes:
    """Give the attributes of a span, and those of its events with the details of an operation.

    >>> from pipeline.formats.otlp.payload import Span
    >>> events = [(DETAILS, {"gen_ai.input.messages": "[]"})]
    >>> with_details(Span("", "", "", "", 1, 0, 0, False, {"a": 1}, {}, events, 0))
    {'gen_ai.input.messages': '[]', 'a': 1}
    """
    found = span.attributes
    for name, said in span.events:
        if name == DETAILS:
            found = said | found
    return found


def arguments_in(span: Span) -> Any:
    """Give the arguments of a call in the events of its span; None where there are none."""
    return _said(span, _ASKED, "content", _ARGUMENTS)


def result_in(span: Span) -> Any:
    """Give the result of a call in the events of its span; None where there is none."""
    return _said(span, _ANSWERED, "message", _RESULT)


def _said(span: Span, event: str, member: str, part: tuple[str, str, str]) -> Any:
    for name, said in span.events:
        if name == event:
            found = content(said, (member,))
            if found is not None:
                return found
    attribute, kind, key = part
    messages = decoded(span.attributes.get(attribute))
    for message in messages if isinstance(messages, list) else []:
        parts = inner(message).get("parts")
        for one in map(inner, parts if isinstance(parts, list) else []):
            if one.get("type") == kind:
                return one.get(key)
    return None
