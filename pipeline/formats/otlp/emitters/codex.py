"""Log records of Codex CLI (``codex.*``).

Arguments and output are never left out there; the time of a record may be 0, which the reader of
log records has replaced already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounds import cut
from pipeline.formats.members import number
from pipeline.formats.otlp.emitters.log_parts import begun_us, denial, tokens, user_prompt
from pipeline.formats.otlp.names import arguments_of, content, first
from pipeline.formats.otlp.payload import Unusable
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.formats.otlp.payload import LogRecord

NAME = "codex"
_SESSION = ("conversation.id", "conversation_id")
_HUMAN = ("enduser.id", "user.email", "user.account_id")
_TOKENS = (("input_token_count",), ("output_token_count",))
_REFUSED = ("denied", "deny", "reject", "rejected", "abort", "aborted")


def key_of(session: str) -> str:
    """Give the key of a session, the same for transcripts and telemetry."""
    return f"{NAME}/{session}"


def parts_of_log(log: LogRecord, name: str) -> list[Part] | Unusable:
    """Give the parts of a log record, or why it cannot be used."""
    parts = _LOGS.get(name)
    if parts is None:
        return []
    session = first(log.attributes, _SESSION)
    if session is None:
        return Unusable(log.index, "missing_key", "expected a text at `conversation.id`")
    if name.startswith("tool_") and first(log.attributes, ("tool_name",)) is None:
        return Unusable(log.index, "missing_key", "expected a text at `tool_name`")
    return [_about(log, session), *parts(log, key_of(session), session)]


def _about(log: LogRecord, session: str) -> Part:
    attributes = log.attributes
    version = first(attributes, ("app.version",)) or first(log.resource, ("service.version",))
    model, human = first(attributes, ("model", "slug")), first(attributes, _HUMAN)
    event: dict[str, Any] = {
        "agent": {"kind": NAME, "version": version, "model": model},
        "session": cut(session, 256),
        "human": {"id": cut(human, 256)} if human else None,
    }
    return Part(kind="about", session=key_of(session), event=event)


def _id_of(log: LogRecord, session: str) -> str:
    """Give the call's id; a tool that was not found has none."""
    attributes = log.attributes
    place = first(attributes, ("tool_result_seq", "event.timestamp")) or str(log.time_us)
    return first(attributes, ("call_id",)) or f"{session}/{place}"


def _call(log: LogRecord, key: str, session: str) -> Part:
    attributes = log.attributes
    event: dict[str, Any] = {"tool": first(attributes, ("tool_name",))}
    arguments = arguments_of(content(attributes, ("arguments",)))
    if arguments:
        event["arguments"] = arguments
    server = first(attributes, ("mcp_server",))
    if server is not None:
        event["resource"] = {"id": cut(server, 2048), "type": "mcp_server"}
    subagent = first(attributes, ("agent_name",))
    if subagent is not None:
        event["attributes"] = {"subagent": cut(subagent, 256)}
    return Part(
        kind="call", session=key, call=_id_of(log, session), event=event,
        time_us=begun_us(log),
    )  # fmt: skip


def _tool_result(log: LogRecord, key: str, session: str) -> Iterator[Part]:
    attributes = log.attributes
    yield _call(log, key, session)
    said = attributes.get("output")
    event = {
        "outcome": "error" if attributes.get("success") in (False, "false") else "ok",
        "duration_ms": number(attributes.get("duration_ms")),
    }
    yield Part(
        kind="result", session=key, call=_id_of(log, session), time_us=log.time_us, event=event,
        text=said if isinstance(said, str) else None,
    )  # fmt: skip


def _tool_decision(log: LogRecord, key: str, session: str) -> Iterator[Part]:
    decision = (first(log.attributes, ("decision",)) or "").lower()
    if decision not in _REFUSED:
        return
    yield _call(log, key, session)
    yield denial(log, key, _id_of(log, session))


def _stream(log: LogRecord, key: str, _: str) -> Iterator[Part]:
    if first(log.attributes, ("event.kind",)) != "response.completed":
        return
    yield from tokens(log, key, _TOKENS)


_LOGS: dict[str, Callable[[LogRecord, str, str], Iterator[Part]]] = {
    "tool_result": _tool_result,
    "tool_decision": _tool_decision,
    "user_prompt": user_prompt,
    "sse_event": _stream,
}
