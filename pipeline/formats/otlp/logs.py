"""The parts of log records, by the emitter that their name says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from pipeline.formats.members import inner, time_us
from pipeline.formats.otlp import gateways
from pipeline.formats.otlp.emitters import claude_code, codex, gemini_cli
from pipeline.formats.otlp.messages import messages_of
from pipeline.formats.otlp.model_calls import INPUT, OUTPUT, parts_of_model
from pipeline.formats.otlp.names import first
from pipeline.formats.otlp.payload import INTERNAL, Span, Unusable
from pipeline.formats.otlp.span_events import DETAILS
from pipeline.formats.otlp.spans import session_of
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.formats.otlp.payload import LogRecord

_EMITTERS: dict[str, Callable[[LogRecord, str], list[Part] | Unusable]] = {
    "claude_code": claude_code.parts_of_log,
    "codex": codex.parts_of_log,
    "gemini_cli": gemini_cli.parts_of_log,
}
_SERVICES = {"claude-code": "claude_code", "claude-code-desktop": "claude_code"}
_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
}
_ANSWER = "gen_ai.choice"
_Models = dict[tuple[str, str], Span]


def parts_of_logs(logs: Sequence[LogRecord], unusable: list[Unusable]) -> list[Part]:
    """Give the parts of the records of a payload; what cannot be used is added to `unusable`."""
    parts: list[Part] = []
    about: Part | None = None
    models: _Models = {}
    for log in logs:
        found = _parts_of(log, models)
        if isinstance(found, Unusable):
            unusable.append(found)
            continue
        if found and found[0].kind == "about":
            if found[0] == about:
                found = found[1:]
            else:
                about = found[0]
        parts += found
    for span in models.values():
        calls = parts_of_model(span, session_of(span.trace))
        parts += (replace(one, via="message") for one in calls)
    return parts


def name_of(log: LogRecord) -> str:
    """Give the name of an event: a member, an attribute, or the body.

    >>> from pipeline.formats.otlp.payload import LogRecord
    >>> name_of(LogRecord("", 0, "", "", "claude_code.tool_result", {}, {}, 0))
    'claude_code.tool_result'
    """
    name = log.name or first(log.attributes, ("event.name",)) or ""
    if "." in name:
        return name
    if isinstance(log.body, str) and log.body.partition(".")[0] in _EMITTERS:
        return log.body
    service = _SERVICES.get(first(log.resource, ("service.name",)) or "")
    return f"{service}.{name}" if service and name else name


def _parts_of(log: LogRecord, models: _Models) -> list[Part] | Unusable:
    if not log.time_us:
        log.time_us = time_us(log.attributes.get("event.timestamp"))
    name = name_of(log)
    emitter, _, event = name.partition(".")
    read = _EMITTERS.get(emitter)
    if read is not None:
        return read(log, event)
    if name == DETAILS or name in _ROLES:
        return _messages(log, name, models)
    return gateways.parts_of_access(log)


def _messages(log: LogRecord, name: str, models: _Models) -> list[Part]:
    """Give the messages that an instrumentation logs instead of setting them on the span.

    Which calls are new is known from all messages of a model call, so `models` collects them.
    """
    if not log.trace:
        return []
    body: dict[str, Any] = log.body if isinstance(log.body, dict) else {}
    attributes = body | log.attributes if name == DETAILS else log.attributes
    span = Span(
        log.trace, log.span, log.span, "", INTERNAL, log.time_us, log.time_us, False, attributes,
        log.resource, [(name, body)], log.index,
    )  # fmt: skip
    if log.span:
        model = models.setdefault((log.trace, log.span), replace(span, attributes=dict(attributes)))
        model.end_us = max(model.end_us, log.time_us)
        if name in _ROLES:
            member = OUTPUT if name == _ANSWER else INPUT
            if not isinstance(model.attributes.get(member), list):
                model.attributes[member] = []
            model.attributes[member].append(_message(_ROLES[name], body))
        else:
            model.attributes |= attributes
    return [
        Part(
            kind="request" if role == "user" else "system", session=session_of(log.trace),
            time_us=log.time_us, span=log.span, text=said,
        )
        for role, said in messages_of(span, root=False)
    ]  # fmt: skip


def _message(role: str, body: dict[str, Any]) -> dict[str, Any]:
    """Give what a log record says as a message of OpenAI's interface."""
    said = body | inner(body.get("message"))
    found = {key: said.get(key) for key in ("content", "tool_calls")}
    return found | {"role": role, "tool_call_id": body.get("id")}
