"""Log records of Gemini CLI (``gemini_cli.*``). They have no id of a call: the record makes one."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pipeline.formats.bounds import cut
from pipeline.formats.members import number
from pipeline.formats.otlp.emitters.log_parts import begun_us, model_and_tokens, user_prompt
from pipeline.formats.otlp.names import arguments_of, content, first
from pipeline.formats.otlp.payload import Unusable
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.formats.otlp.payload import LogRecord

NAME = "gemini-cli"
_HUMAN = ("enduser.id", "user.email")
_TOKENS = (("input_token_count",), ("output_token_count",))
_SAME_CALL = ("call_id", "prompt_id", "function_name", "function_args", "event.timestamp")


def key_of(session: str) -> str:
    """Give the key of a session, the same for hooks and telemetry."""
    return f"{NAME}/{session}"


def parts_of_log(log: LogRecord, name: str) -> list[Part] | Unusable:
    """Give the parts of a log record, or why it cannot be used."""
    parts = _LOGS.get(name)
    if parts is None:
        return []
    session = first(log.attributes, ("session.id",)) or first(log.resource, ("session.id",))
    if session is None:
        return Unusable(log.index, "missing_key", "expected a text at `session.id`")
    if parts is _tool_call and first(log.attributes, ("function_name",)) is None:
        return Unusable(log.index, "missing_key", "expected a text at `function_name`")
    return [_about(log, session), *parts(log, key_of(session), session)]


def _about(log: LogRecord, session: str) -> Part:
    human = first(log.attributes, _HUMAN)
    mode = first(log.attributes, ("active_approval_mode",))
    event: dict[str, Any] = {
        "agent": {"kind": NAME, "version": first(log.resource, ("service.version",))},
        "session": cut(session, 256),
        "human": {"id": cut(human, 256)} if human else None,
        "attributes": {"permission_mode": cut(mode, 256)} if mode else None,
    }
    return Part(kind="about", session=key_of(session), event=event)


def _tool_call(log: LogRecord, key: str, session: str) -> Iterator[Part]:
    attributes = log.attributes
    event: dict[str, Any] = {"tool": first(attributes, ("function_name",))}
    arguments = arguments_of(content(attributes, ("function_args",)))
    if arguments:
        event["arguments"] = arguments
    server = first(attributes, ("mcp_server_name",))
    if server is not None:
        event["resource"] = {"id": cut(server, 2048), "type": "mcp_server"}
    took, size = number(attributes.get("duration_ms")), number(attributes.get("content_length"))
    outcome = "error" if attributes.get("success") in (False, "false") else "ok"
    if first(attributes, ("decision",)) == "reject":
        outcome = "denied"
    call = _id_of(log, session)
    yield Part(
        kind="call", session=key, call=call, event=event,
        time_us=begun_us(log),
    )  # fmt: skip
    yield Part(
        kind="result", session=key, call=call, time_us=log.time_us,
        event={"outcome": outcome, "duration_ms": took},
        size=None if size is None else min(int(size), 1 << 53),
    )  # fmt: skip


def _id_of(log: LogRecord, session: str) -> str:
    own = first(log.attributes, ("call_id",))
    if own is not None:
        return own
    said = [first(log.attributes, (name,)) or "" for name in _SAME_CALL]
    row = "\x1f".join([session, str(log.time_us), *said]).encode("utf-8", "replace")
    return f"{session[:64]}/{sha256(row).hexdigest()[:16]}"


def _api_response(log: LogRecord, key: str, _: str) -> Iterator[Part]:
    return model_and_tokens(log, key, _TOKENS)


_LOGS: dict[str, Callable[[LogRecord, str, str], Iterator[Part]]] = {
    "tool_call": _tool_call,
    "user_prompt": user_prompt,
    "api_response": _api_response,
}
