"""The spans of one session: what holds below them, and which of them are one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from pipeline.assembling.state.weights import ENTRY, weight_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.formats.part import Part

MAX_SPANS = 5_000
"""Most spans of a session that are remembered."""
MAX_DEPTH = 128
"""Most spans from the one above a call up to its agent; each part of a call walks over them."""
_MAX_DELEGATION = 16


class OpenSpan(Struct):
    """A span: the one above it, what it says of the calls below, and the call that it is.

    `messages` says that log records with the messages of the span report calls.
    """

    parent: str
    event: dict[str, Any]
    call: str = ""
    tool: str = ""
    named: bool = True
    weight: int = 0
    messages: bool = False


Spans = dict[str, OpenSpan]


def add_span(spans: Spans, part: Part) -> int:
    """Remember a span; the oldest one is dropped for room. Give by how much all weigh more."""
    freed = 0
    if len(spans) >= MAX_SPANS:
        freed += spans.pop(next(iter(spans))).weight
    if part.span in spans:
        freed += spans[part.span].weight
    event, tool = part.event, ""
    if part.call:
        event = {key: value for key, value in event.items() if key != "tool"}
        tool = str(part.event.get("tool", ""))
    names = len(part.span) + len(part.parent) + len(part.call) + len(tool)
    weight = ENTRY + names + weight_of(event)
    spans[part.span] = OpenSpan(
        part.parent, event, part.call, tool, part.named, weight, messages=part.via == "message"
    )
    return weight - freed


def facts_above(spans: Mapping[str, OpenSpan], span: str) -> list[dict[str, Any]]:
    """Give what a span and those above it say, the outermost first.

    Their delegations add up, the newest first: a session that a session began has both.
    """
    found = [one.event for one in above(spans, span) if one.event]
    delegation = dict.fromkeys(one for event in found for one in event.get("delegation") or ())
    if delegation:
        found.insert(0, {"delegation": list(delegation)[:_MAX_DELEGATION]})
    return found[::-1]


def agents_at(spans: Mapping[str, OpenSpan], span: str) -> int:
    """Count the agents of a span and of those above it; several spans of one agent count once.

    >>> outer, inner = OpenSpan("", {"agent": {"id": "a"}}), OpenSpan("s1", {"agent": {"id": "a"}})
    >>> agents_at({"s1": outer, "s2": inner}, "s2")
    1
    """
    found = (one.event["agent"] for one in above(spans, span) if "agent" in one.event)
    return len({agent.get("id") for agent in found}) if span else 0


def call_of(spans: Mapping[str, OpenSpan], part: Part) -> tuple[str, bool]:
    """Give the call that a part belongs to, and whether a span inside the call reports it.

    A span below another one is the same call if it has the same id, or the same tool where the
    emitter has not named both calls.

    >>> from pipeline.formats.part import Part
    >>> spans = {"s1": OpenSpan("", {}, "call-1", "pay"), "s2": OpenSpan("s1", {}, "t/9", "pay")}
    >>> call_of(spans, Part(kind="call", call="t/9", named=False, span="s2", parent="s1"))
    ('call-1', True)
    """
    name, inner = part.call, False
    if not part.parent or not part.span:
        return name, inner
    own = spans.get(part.span)
    tool = own.tool if own is not None else ""
    for outer in above(spans, part.parent):
        if outer.call and (
            outer.call == name
            or not name
            or (not (outer.named and part.named) and _same_tool(outer.tool, tool))
        ):
            name, inner = outer.call, True
        if "agent" in outer.event:
            break  # what an agent does that is itself a tool are other calls
    return name, inner


def above(spans: Mapping[str, OpenSpan], span: str) -> Iterator[OpenSpan]:
    """Give a span and those above it, the innermost first."""
    for _ in range(MAX_DEPTH):
        found = spans.get(span)
        if found is None:
            return
        yield found
        if not found.parent or found.parent == span:
            return
        span = found.parent


def _same_tool(one: str, other: str) -> bool:
    """Return whether two names are those of one tool; a framework may put a server before it.

    >>> _same_tool("mcp__pay__send", "send"), _same_tool("resend", "send")
    (True, False)
    """
    short, long = sorted((one, other), key=len)
    return bool(short) and (short == long or long.endswith(tuple(mark + short for mark in "_-./:")))
