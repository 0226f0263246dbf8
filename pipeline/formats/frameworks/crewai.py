"""CrewAI: events of its event bus as JSON, one object a line.

A listener in the process writes them (docs/integrations/crewai.md). A call is named by the event
that started it. An agent that works without a task (``Agent.kickoff``) is its own session. Tools of
MCP servers have these events too. Source: ``crewai.events`` of CrewAI 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.conversation import request_of
from pipeline.formats.members import arguments, inner, name, object_of, text, texts, time_us
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "crewai"
_ENDED = {
    "tool_usage_finished": "ok", "tool_usage_error": "error", "tool_validate_input_error": "error",
}  # fmt: skip
_OVER = frozenset({
    "task_completed", "task_failed", "lite_agent_execution_completed", "lite_agent_execution_error",
})  # fmt: skip


class CrewAI:
    """Reader of events.

    Examples
    --------
    >>> finished = (
    ...     b'{"type":"tool_usage_finished","event_id":"e-2","started_event_id":"e-1",'
    ...     b'"task_id":"t","agent_role":"Clerk","tool_name":"pay","tool_args":{},"output":"paid"}'
    ... )
    >>> [(part.kind, part.call) for part in CrewAI().decode(finished)]
    [('result', 'e-1')]
    """

    ordered = True
    whole_file = False
    supports = frozenset({"arguments", "results", "request"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one event."""
        return parts_of_event(object_of(value))


def parts_of_event(event: dict[str, Any]) -> Iterator[Part]:
    """Give the parts of one event that is decoded."""
    kind, task = text(event.get("type")), text(event.get("task_id"))
    alone = text(inner(event.get("agent_info")).get("id")) or text(event.get("agent_id"))
    session = task or alone or text(event.get("source_fingerprint"))
    key, at_us = f"{NAME}/{session or ''}", time_us(event.get("timestamp"))
    if kind == "task_started":
        described = inner(event.get("task"))
        asked = text(described.get("description")) or text(event.get("task_name"))
        more = text(event.get("context"))
        asked = "\n".join(one for one in (asked, more) if one)
        yield Part(kind="request", session=key, time_us=at_us, text=text(asked))
    elif kind == "lite_agent_execution_started":
        asked = request_of(event.get("messages"))
        yield Part(kind="request", session=key, time_us=at_us, text=asked)
    elif kind in _OVER:
        yield Part(kind="end", session=key, time_us=at_us)
    elif kind == "tool_usage_started" and (made := _made(event, session)):
        call = text(event.get("event_id"))
        if call is not None:
            yield Part(kind="call", session=key, call=call, time_us=at_us, event=made)
    elif kind in _ENDED and (made := _made(event, session)):
        call = text(event.get("started_event_id")) or text(event.get("event_id"))
        if call is not None:
            began_us = time_us(event.get("started_at")) or at_us
            made |= {"outcome": _outcome(event, _ENDED[kind]), "duration_ms": _took(event)}
            said = next((event[one] for one in ("output", "error") if one in event), None)
            yield Part(
                kind="result", session=key, call=call, time_us=began_us, event=made,
                text=texts(said),
            )  # fmt: skip


def _made(event: dict[str, Any], session: str | None) -> dict[str, Any]:
    """Give what an event says of a call; an empty object where it names no tool."""
    tool = name(event.get("tool_name"))
    if tool is None:
        return {}
    role, instance = name(event.get("agent_role")), name(event.get("agent_id"))
    agent = {"id": role, "kind": NAME, "instance": instance}
    made: dict[str, Any] = {
        "agent": {what: said for what, said in agent.items() if said},
        "tool": tool.strip() or tool,
        "arguments": arguments(event.get("tool_args")),
        "session": name(session),
        "task": name(event.get("task_name")),
    }
    return {what: said for what, said in made.items() if said is not None}


def _outcome(event: dict[str, Any], outcome: str) -> str:
    return "error" if event.get("failure") else outcome


def _took(event: dict[str, Any]) -> float | None:
    began_us, ended_us = time_us(event.get("started_at")), time_us(event.get("finished_at"))
    return (ended_us - began_us) / 1_000 if ended_us >= began_us > 0 else None
