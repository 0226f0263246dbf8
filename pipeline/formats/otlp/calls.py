"""The two halves of a call that one span reports: it begins with the span, and ends with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounds import cut
from pipeline.formats.conversation import answer_of
from pipeline.formats.members import text
from pipeline.formats.otlp import names
from pipeline.formats.otlp.names import address, arguments_of, content, decoded, first
from pipeline.formats.otlp.payload import SERVER
from pipeline.formats.otlp.span_events import arguments_in, result_in
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.formats.otlp.payload import Attributes, Span

_DENIED = frozenset(
    {
        "deny",
        "denied",
        "reject",
        "rejected",
        "block",
        "blocked",
        "permission_denied",
        "access_denied",
        "user_rejected",
        "unauthorized",
        "forbidden",
        "401",
        "403",
        "task_state_rejected",
        "task_state_auth_required",
        "auth_required",
        "auth-required",
    }
)
_NO_ID = "<not specified>"
"""What the Agent Development Kit writes for each call that failed."""
_PROCESS = {"instance": "service.instance.id", "version": "service.version"}
_AGENT = frozenset((*names.AGENT_ID, *names.AGENT_NAME))
_DENIES = frozenset((*names.VERDICT, "error.type", *names.STATUS, "a2a.task.state"))


def agent_of(attributes: Attributes, resource: Attributes) -> dict[str, Any]:
    """Give the agent that a span names itself; empty where it names none.

    >>> agent_of({"gen_ai.agent.name": "bot"}, {"service.name": "x", "service.version": "2"})
    {'id': 'bot', 'version': '2'}

    OpenLLMetry's id is that of the run, another one each time, so there the name counts.

    >>> said = {"traceloop.span.kind": "workflow", "gen_ai.agent.id": "01a2", "agent.name": "bot"}
    >>> agent_of(said, {})
    {'id': 'bot'}
    """
    if attributes.keys().isdisjoint(_AGENT):
        return {}
    own, name = first(attributes, names.AGENT_ID), first(attributes, names.AGENT_NAME)
    if name is not None and "traceloop.span.kind" in attributes:
        own = None
    if own is None and name is None:
        return {}
    found = {"id": cut(own or name or "", 256)} | process_of(resource)
    for key, where in (("version", names.AGENT_VERSION), ("model", names.MODEL)):
        said = first(attributes, where)
        if said is not None:
            found[key] = cut(said, 256)
    return found


def process_of(resource: Attributes) -> dict[str, str]:
    """Give the instance and the version of the process that an agent runs in."""
    found: dict[str, str] = {}
    for key, where in _PROCESS.items():
        said = first(resource, (where,)) if where in resource else None
        if said is not None:
            found[key] = cut(said, 256)
    return found


def is_denial(attributes: Attributes) -> bool:
    """Return whether a guardrail, a policy or a person refused.

    >>> is_denial({"gen_ai.guardrail.verdict.type": "deny"}), is_denial({"error.type": "timeout"})
    (True, False)
    """
    if attributes.keys().isdisjoint(_DENIES):
        return False
    return any(str(attributes.get(name)).lower() in _DENIED for name in _DENIES)


def outcome_of(span: Span) -> str:
    """Give how the action of a span ended; a status that is not set is no error."""
    if is_denial(span.attributes):
        return "denied"
    error = span.failed or text(span.attributes.get("error.type")) is not None
    return "error" if error else "ok"


def tool_of(span: Span) -> str | None:
    """Give the tool of a call; None where the span names none."""
    attributes = span.attributes
    if "a2a.method.name" in attributes:
        return first(attributes, ("a2a.method.name",))
    found = first(attributes, names.TOOL)
    if found is not None:
        return found
    method = first(attributes, ("mcp.method.name",))
    if method is not None:
        return None if method == "tools/call" else method
    operation = first(attributes, names.OPERATION)
    if operation is not None:
        return None if operation.lower().replace("_", "") == "executetool" else operation
    if "traceloop.span.kind" in attributes:
        return first(attributes, ("traceloop.entity.name",))
    return text(span.name) if "openinference.span.kind" in attributes else None


def call_parts(span: Span, tool: str, session: str) -> Iterator[Part]:
    """Give the parts of a span that is a call: its place in the trace, its start and its end."""
    attributes = span.attributes
    call = first(attributes, names.CALL)
    if call is None and "openinference.span.kind" in attributes:
        call = first(attributes, ("tool.id",))  # elsewhere, it is the id of the tool
    if call == _NO_ID:
        call = None
    named = call is not None
    if call is None:
        request = first(attributes, names.REQUEST_ID)
        call = span.span if request is None else f"jsonrpc/{request}/{tool}"
    event = _event_of(span, tool)
    if not named:
        event["id"] = f"{span.trace}/{span.span}"
    ended: dict[str, Any] = {"outcome": outcome_of(span)}
    if span.end_us >= span.start_us > 0:
        ended["duration_ms"] = (span.end_us - span.start_us) / 1000
    result = content(attributes, names.RESULT)
    if result is None:
        result = result_in(span)
    said, failed = (None, False) if result is None else answer_of(decoded(result))
    if failed and ended["outcome"] == "ok":
        ended["outcome"] = "error"
    at, above = span.span, span.parent
    start_us, end_us = span.start_us or span.end_us, span.end_us or span.start_us
    yield Part(
        kind="call", session=session, call=call, named=named, time_us=start_us, span=at,
        parent=above, event=event,
    )  # fmt: skip
    yield Part(
        kind="result", session=session, call=call, named=named, time_us=end_us, span=at,
        parent=above, event=ended, text=said,
    )  # fmt: skip
    yield Part(
        kind="span", session=session, call=call, named=named, span=at, parent=above,
        event={"tool": tool},
    )  # fmt: skip


def _event_of(span: Span, tool: str) -> dict[str, Any]:
    attributes = span.attributes
    event: dict[str, Any] = {"tool": tool}
    target = "a2a.method.name" in attributes
    agent = {} if target else agent_of(attributes, span.resource)
    if agent:
        agent.pop("model", None)
        event["agent"] = agent
    given = content(attributes, names.ARGUMENTS)
    arguments = arguments_of(arguments_in(span) if given is None else given)
    if arguments:
        event["arguments"] = arguments
    resource = _resource_of(attributes)
    if resource:
        event["resource"] = resource
    network: dict[str, Any] = {}
    destination = first(attributes, names.SERVER_ADDRESS)
    if destination is not None:
        network["destination"] = cut(destination, 2048)
    if span.kind == SERVER:
        source = address(first(attributes, names.CLIENT_ADDRESS))
        if source is not None:
            network["source_ip"] = source
    if network:
        event["network"] = network
    kept = {
        key: cut(first(attributes, (name,)) or "", 256)
        for name, key in _MORE.items()
        if name in attributes
    }
    if kept:
        event["attributes"] = kept
    return event


_MORE = {
    "gen_ai.tool.type": "tool_type",
    "error.type": "error_type",
    "mcp.session.id": "mcp_session",
    "a2a.context.id": "a2a_context",
    "a2a.task.id": "a2a_task",
}
_RESOURCES = {
    "mcp.resource.uri": "mcp_resource",
    "gen_ai.prompt.name": "mcp_prompt",
    "gen_ai.data_source.id": "data_source",
    "gen_ai.memory.store.id": "memory_store",
}

_OF_RESOURCE = frozenset(("a2a.method.name", *_RESOURCES))


def _resource_of(attributes: Attributes) -> dict[str, Any]:
    if attributes.keys().isdisjoint(_OF_RESOURCE):
        return {}
    if "a2a.method.name" in attributes:
        target = first(attributes, (*names.AGENT_ID, *names.AGENT_NAME, *names.SERVER_ADDRESS))
        return {"id": cut(target, 2048), "type": "agent"} if target else {}
    for name, kind in _RESOURCES.items():
        found = first(attributes, (name,)) if name in attributes else None
        if found is not None:
            return {"id": cut(found, 2048), "type": kind}
    return {}
