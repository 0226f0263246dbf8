"""Claude Code over OTLP: its log records and its spans.

They name calls and sessions as hooks and transcripts do, so a call that arrives several times is
one event. Tokens are counted from log records only: spans repeat them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.agents.claude_code import NAME, key_of
from pipeline.formats.bounds import cut
from pipeline.formats.members import number
from pipeline.formats.otlp.emitters.log_parts import begun_us, denial, model_and_tokens, user_prompt
from pipeline.formats.otlp.names import arguments_of, content, decoded, first
from pipeline.formats.otlp.payload import Unusable
from pipeline.formats.otlp.roles import CLAUDE_CODE
from pipeline.formats.part import Part
from pipeline.formats.usage import IN_AND_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.formats.otlp.payload import Attributes, LogRecord, Span

_CALL = ("tool_use_id", "gen_ai.tool.call.id")
_HUMAN = ("enduser.id", "user.email", "user.account_uuid", "user.account_id")
"""`user.id` names the installation, not a person."""
_BASH = {
    "full_command": "command",
    "timeout": "timeout",
    "description": "description",
    "dangerouslyDisableSandbox": "dangerouslyDisableSandbox",
}


def parts_of_span(span: Span) -> Iterator[Part]:
    """Give the parts of a span, in the session of hooks and transcripts."""
    attributes = span.attributes
    session = first(attributes, ("session.id",)) or ""
    key = key_of(session or span.trace)
    kind = span.name.removeprefix(CLAUDE_CODE)
    call = first(attributes, _CALL) or ""
    tool = first(attributes, ("tool_name", "gen_ai.tool.name"))
    yield _about(session, attributes, span.resource, span.trace)
    own: dict[str, Any] = {}
    if kind == "interaction":
        asked = content(attributes, ("user_prompt",))
        if isinstance(asked, str):
            yield Part(kind="request", session=key, time_us=span.start_us, text=asked)
    elif kind == "tool" and call and tool:
        own = {"tool": tool}
        yield from _tool_span(span, key, call, tool)
    elif kind in ("tool.blocked_on_user", "tool.execution"):
        yield from _inside(span, key, kind)
    yield Part(
        kind="span", session=key, span=span.span, parent=span.parent, call=call if own else "",
        event=own,
    )  # fmt: skip


def _tool_span(span: Span, key: str, call: str, tool: str) -> Iterator[Part]:
    attributes = span.attributes
    event: dict[str, Any] = {"tool": tool}
    event |= _of_subagent(attributes)
    arguments = arguments_of(content(attributes, ("tool_input", "gen_ai.tool.call.arguments")))
    if arguments is None:
        given = {"command": "full_command", "file_path": "file_path"}
        texts = {name: content(attributes, (where,)) for name, where in given.items()}
        arguments = {name: value for name, value in texts.items() if value is not None}
    if arguments:
        event["arguments"] = arguments
    said = [content(more, ("content", "output")) for name, more in span.events if name == _OUTPUT]
    ended: dict[str, Any] = {"outcome": "error" if span.failed or _failed(attributes) else "ok"}
    if span.end_us >= span.start_us > 0:
        ended["duration_ms"] = (span.end_us - span.start_us) / 1000
    yield Part(
        kind="call", session=key, call=call, time_us=span.start_us, span=span.span,
        parent=span.parent, event=event, via="log",
    )  # fmt: skip
    text = "\n".join(one for one in said if isinstance(one, str)) if said else None
    yield Part(
        kind="result", session=key, call=call, time_us=span.end_us, span=span.span,
        parent=span.parent, event=ended, text=text,
    )  # fmt: skip


_OUTPUT = "tool.output"


def _inside(span: Span, key: str, kind: str) -> Iterator[Part]:
    """Give what the wait for a person, or the execution, says of the call above."""
    attributes = span.attributes
    event: dict[str, Any] = {}
    if kind == "tool.execution":
        event["outcome"] = "error" if span.failed or _failed(attributes) else "ok"
    else:
        decision, source = first(attributes, ("decision",)), first(attributes, ("source",)) or ""
        if decision in ("reject", "deny", "denied", "rejected"):
            event["outcome"] = "denied"
        elif source.startswith("user_") and span.end_us >= span.start_us > 0:
            event["attributes"] = {"approval_seconds": (span.end_us - span.start_us) / 1e6}
    if event:
        yield Part(
            kind="result", session=key, time_us=span.end_us, span=span.span, parent=span.parent,
            event=event,
        )  # fmt: skip


def _failed(attributes: Attributes) -> bool:
    return attributes.get("success") in (False, "false")


def _of_subagent(attributes: Attributes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    instance, kind = first(attributes, ("agent_id",)), first(attributes, ("agent_type",))
    if instance is not None:
        found["agent"] = {"instance": cut(instance, 256)}
    if kind is not None:
        found["attributes"] = {"subagent": cut(kind, 256)}
    return found


def _about(session: str, attributes: Attributes, resource: Attributes, trace: str) -> Part:
    version = first(attributes, ("app.version",)) or first(resource, ("service.version",))
    human = first(attributes, _HUMAN) or first(resource, _HUMAN)
    event: dict[str, Any] = {
        "agent": {"kind": NAME, "version": version},
        "session": cut(session, 256) or None,
        "human": {"id": cut(human, 256)} if human else None,
    }
    return Part(kind="about", session=key_of(session or trace), event=event)


# ---------------------------------------------------------------------- log records


def parts_of_log(log: LogRecord, name: str) -> list[Part] | Unusable:
    """Give the parts of a log record, or why it cannot be used."""
    parts = _LOGS.get(name)
    session = first(log.attributes, ("session.id",))
    if parts is None:
        return []
    if session is None:
        return Unusable(log.index, "missing_key", "expected a text at `session.id`")
    if name.startswith("tool_") and first(log.attributes, ("tool_name",)) is None:
        return Unusable(log.index, "missing_key", "expected a text at `tool_name`")
    return [
        _about(session, log.attributes, log.resource, log.trace),
        *parts(log, key_of(session), session),
    ]


def _tool_of(attributes: Attributes, parameters: dict[str, Any]) -> str:
    tool = first(attributes, ("tool_name",)) or ""
    server, name = parameters.get("mcp_server_name"), parameters.get("mcp_tool_name")
    if isinstance(server, str) and isinstance(name, str) and not tool.startswith("mcp__"):
        return f"mcp__{server}__{name}"
    return tool


def _call(log: LogRecord, key: str, session: str) -> Part:
    attributes = log.attributes
    given = decoded(content(attributes, ("tool_parameters",)))
    parameters = given if isinstance(given, dict) else {}
    arguments = arguments_of(content(attributes, ("tool_input",)))
    if arguments is None:
        arguments = {_BASH[one]: parameters[one] for one in parameters if one in _BASH}
    event: dict[str, Any] = {"tool": _tool_of(attributes, parameters)}
    event |= _of_subagent(attributes)
    if arguments:
        event["arguments"] = arguments
    return Part(
        kind="call", session=key, call=_id_of(log, session), event=event,
        time_us=begun_us(log),
        via="log" if first(attributes, _CALL) else "",
    )  # fmt: skip


def _id_of(log: LogRecord, session: str) -> str:
    """Give the call's id; before version 2.1.119 it is the place in the session."""
    attributes = log.attributes
    place = first(attributes, ("event.sequence", "event.timestamp")) or str(log.time_us)
    return first(attributes, _CALL) or f"{session}/{place}"


def _tool_result(log: LogRecord, key: str, session: str) -> Iterator[Part]:
    attributes = log.attributes
    yield _call(log, key, session)
    size = number(attributes.get("tool_result_size_bytes"))
    event = {
        "outcome": "error" if _failed(attributes) else "ok",
        "duration_ms": number(attributes.get("duration_ms")),
    }
    if first(attributes, ("decision_type", "decision")) in ("reject", "deny"):
        event["outcome"] = "denied"
    yield Part(
        kind="result", session=key, call=_id_of(log, session), time_us=log.time_us, event=event,
        size=None if size is None else min(int(size), 1 << 53),
    )  # fmt: skip


def _tool_decision(log: LogRecord, key: str, session: str) -> Iterator[Part]:
    if first(log.attributes, ("decision",)) not in ("reject", "deny"):
        return
    yield _call(log, key, session)
    yield denial(log, key, _id_of(log, session))


def _api_request(log: LogRecord, key: str, _: str) -> Iterator[Part]:
    return model_and_tokens(log, key, IN_AND_OUT)


def _mode(log: LogRecord, key: str, session: str) -> Iterator[Part]:
    """Give the change of the permission mode, which is an event: it widens what is allowed."""
    given = {name: first(log.attributes, (name,)) for name in ("from_mode", "to_mode", "trigger")}
    known = {name: cut(value, 256) for name, value in given.items() if value is not None}
    if "to_mode" in known:
        event = {"attributes": {"permission_mode": known["to_mode"]}}
        yield Part(kind="about", session=key, time_us=log.time_us, event=event)
        place = first(log.attributes, ("event.sequence",)) or str(log.time_us)
        call = f"{session}/permission_mode/{place}"
        changed = {"tool": "permission_mode_changed", "operation": "admin", "arguments": known}
        yield Part(kind="call", session=key, call=call, time_us=log.time_us, event=changed)
        yield Part(
            kind="result", session=key, call=call, time_us=log.time_us, event={"outcome": "ok"}
        )


_LOGS: dict[str, Callable[[LogRecord, str, str], Iterator[Part]]] = {
    "tool_result": _tool_result,
    "tool_decision": _tool_decision,
    "user_prompt": user_prompt,
    "api_request": _api_request,
    "permission_mode_changed": _mode,
}
