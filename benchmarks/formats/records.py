"""The records that an emitter of each format sends of some sessions."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from benchmarks.formats.sessions import calls_in_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from benchmarks.formats.sessions import Call, Session

SPANS, ROWS = 100, 50
"""Spans or log records of a payload, and rows of a post."""
_TIMES = ("startTimeUnixNano", "endTimeUnixNano", "timeUnixNano")
_encode = msgspec.json.Encoder().encode


class Sent(NamedTuple):
    """One record, its reporter, and when it was sent."""

    value: bytes
    reporter: str
    at_us: int


def hooks(sessions: list[Session]) -> Iterator[Sent]:
    """Give what the hooks of a coding agent post: two for each call."""
    for session, at in calls_in_time(sessions):
        call = session.calls[at]
        common = {"session_id": session.name, "transcript_path": f"{session.name}.jsonl",
                  "cwd": "work", "permission_mode": "default"}  # fmt: skip
        if at == 0:
            asked = common | {"hook_event_name": "UserPromptSubmit", "prompt": session.request}
            yield Sent(_encode(asked), session.agent, call.at_us)
        given = common | {"hook_event_name": "PreToolUse", "tool_name": call.tool,
                          "tool_input": call.arguments, "tool_use_id": call.id}  # fmt: skip
        yield Sent(_encode(given), session.agent, call.at_us)
        ended = given | {"duration_ms": call.took_us // 1000}
        if call.outcome == "ok":
            said = {"stdout": call.result, "stderr": "", "interrupted": False}
            ended |= {"hook_event_name": "PostToolUse", "tool_response": said}
        else:
            ended |= {"hook_event_name": "PostToolUseFailure", "error": call.result}
        yield Sent(_encode(ended), session.agent, call.at_us + call.took_us)


def litellm(sessions: list[Session]) -> Iterator[Sent]:
    """Give the rows of model requests; each repeats the conversation so far."""
    rows: list[dict[str, Any]] = []
    for session, at in calls_in_time(sessions):
        rows.append(_row(session, at))
        if at == len(session.calls) - 1:
            rows.append(_row(session, at + 1))
        if len(rows) >= ROWS:
            yield Sent(_encode(rows), "", session.calls[at].at_us)
            rows = []
    if rows:
        yield Sent(_encode(rows), "", sessions[-1].calls[-1].at_us)


def _row(session: Session, at: int) -> dict[str, Any]:
    before = session.calls[:at]
    messages: list[dict[str, Any]] = [{"role": "user", "content": session.request}]
    for call in before:
        messages.append({"role": "assistant", "tool_calls": [_asked(call)]})
        messages.append({"role": "tool", "tool_call_id": call.id, "content": call.result})
    call = session.calls[min(at, len(session.calls) - 1)]
    start = call.at_us / 1e6 if at < len(session.calls) else (call.at_us + call.took_us) / 1e6
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if at < len(session.calls):
        message |= {"tool_calls": [_asked(call)]}
    return {
        "id": f"chatcmpl-{session.name}-{at}", "trace_id": session.trace, "status": "success",
        "call_type": "acompletion", "startTime": start, "endTime": start, "model": "gpt-5",
        "total_tokens": 800 + 90 * at, "response_cost": 0.002, "end_user": "",
        "metadata": {"user_api_key_alias": session.agent,
                     "user_api_key_hash": "b" * 64, "user_api_key_team_alias": "desk"},
        "messages": messages, "response": {"choices": [{"message": message}]},
    }  # fmt: skip


def _asked(call: Call) -> dict[str, Any]:
    function = {"name": call.tool, "arguments": _encode(call.arguments).decode()}
    return {"id": call.id, "type": "function", "function": function}


# ---------------------------------------------------------------------- OTLP


def spans(sessions: list[Session]) -> Iterator[Sent]:
    """Give the payloads of spans: those of calls as they end, that of the agent at last."""
    ended = []
    for session, at in calls_in_time(sessions):
        ended.append((session, _tool_span(session, at)))
        if at == len(session.calls) - 1:
            ended.append((session, _agent_span(session)))
    yield from _payloads(ended, "resourceSpans", "scopeSpans", "spans")


def logs(sessions: list[Session]) -> Iterator[Sent]:
    """Give the payloads of the log records of Claude Code: one for each call, without results."""
    logged: list[tuple[Session, dict[str, Any]]] = []
    for session, at in calls_in_time(sessions):
        call = session.calls[at]
        common = {"session.id": session.name, "user.id": "u" * 64, "event.sequence": 2 * at + 2,
                  "organization.id": "o-1", "terminal.type": "xterm"}  # fmt: skip
        if at == 0:
            asked = common | {"event.name": "user_prompt", "prompt": session.request}
            logged.append((session, _log("claude_code.user_prompt", call.at_us, asked)))
        said = common | {
            "event.name": "tool_result", "tool_name": call.tool, "tool_use_id": call.id,
            "success": "true" if call.outcome == "ok" else "false",
            "duration_ms": call.took_us // 1000, "tool_input": _encode(call.arguments).decode(),
            "tool_result_size_bytes": len(call.result),
        }  # fmt: skip
        logged.append((session, _log("claude_code.tool_result", call.at_us + call.took_us, said)))
    yield from _payloads(logged, "resourceLogs", "scopeLogs", "logRecords")


def in_protobuf(sent: Iterable[Sent]) -> Iterator[Sent]:
    """Give the same payloads of spans as protobuf."""
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for one in sent:
        body = _in_base64(msgspec.json.decode(one.value))
        message = ParseDict(body, ExportTraceServiceRequest())
        yield one._replace(value=message.SerializeToString())


def _in_base64(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_base64(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(one)).decode()
        if key in ("traceId", "spanId", "parentSpanId")
        else _in_base64(one)
        for key, one in value.items()
    }


def _payloads(
    logged: list[tuple[Session, dict[str, Any]]], above: str, between: str, below: str
) -> Iterator[Sent]:
    for start in range(0, len(logged), SPANS):
        part = logged[start : start + SPANS]
        groups: dict[str, list[dict[str, Any]]] = {}
        of = {session.agent: session for session, _ in part}
        for session, one in part:
            groups.setdefault(session.agent, []).append(one)
        body = {
            above: [
                {"resource": {"attributes": _pairs(_resource(of[agent]))},
                 between: [{"scope": {"name": "agent.sdk"}, below: group}]}
                for agent, group in groups.items()
            ]
        }  # fmt: skip
        last = part[-1][1]
        at_us = max(int(last.get(key, 0)) for key in _TIMES) // 1000
        yield Sent(_encode(body), "", at_us)


def _resource(session: Session) -> dict[str, Any]:
    return {"service.name": session.agent, "service.version": session.version,
            "telemetry.sdk.language": "python", "host.name": "node-7"}  # fmt: skip


def _tool_span(session: Session, at: int) -> dict[str, Any]:
    call = session.calls[at]
    said: dict[str, Any] = {
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": call.tool,
        "gen_ai.tool.call.id": call.id, "gen_ai.tool.type": "function",
        "gen_ai.tool.call.arguments": _encode(call.arguments).decode(),
        "gen_ai.tool.call.result": call.result,
    }  # fmt: skip
    if call.outcome != "ok":
        said["error.type"] = "permission_denied" if call.outcome == "denied" else "tool_error"
    span = _span(session, at + 2, call.at_us, call.at_us + call.took_us, said, call.tool)
    return span | {
        "parentSpanId": f"{1:016x}",
        "status": {"code": 0 if call.outcome == "ok" else 2},
    }


def _agent_span(session: Session) -> dict[str, Any]:
    said = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": session.agent,
            "gen_ai.conversation.id": session.name}  # fmt: skip
    first, last = session.calls[0], session.calls[-1]
    return _span(session, 1, first.at_us, last.at_us + last.took_us, said, "invoke_agent")


def _span(
    session: Session, number: int, begin_us: int, end_us: int, said: dict[str, Any], name: str
) -> dict[str, Any]:
    return {
        "traceId": session.trace, "spanId": f"{number:016x}", "name": name, "kind": 1,
        "startTimeUnixNano": str(begin_us * 1000), "endTimeUnixNano": str(end_us * 1000),
        "attributes": _pairs(said),
    }  # fmt: skip


def _log(name: str, at_us: int, said: dict[str, Any]) -> dict[str, Any]:
    at = str(at_us * 1000)
    return {"timeUnixNano": at, "observedTimeUnixNano": at, "severityNumber": 9,
            "body": {"stringValue": name}, "attributes": _pairs(said)}  # fmt: skip


def _pairs(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int)
         else {"stringValue": value}}
        for key, value in said.items()
    ]  # fmt: skip


STREAMS: dict[str, tuple[str, Callable[[list[Session]], Iterator[Sent]]]] = {
    "claude-code": ("hooks of Claude Code", hooks),
    "litellm": ("rows of LiteLLM", litellm),
    "otlp": ("OTLP spans, JSON", spans),
    "otlp-proto-traces": ("OTLP spans, protobuf", lambda given: in_protobuf(spans(given))),
    "otlp-logs": ("OTLP log records, JSON", logs),
}
"""Streams by name, with what they are; the name is that of the format up to ``-logs``."""
