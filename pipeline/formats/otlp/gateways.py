"""Access logs of MCP gateways as OTLP log records: agentgateway and Envoy AI Gateway.

One record is one request of a client, so it is a whole event. The agent is the caller whose
credential the gateway has checked: the actor of its token, else its client, else its workload.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.formats.bounds import cut
from pipeline.formats.members import number
from pipeline.formats.otlp.names import address, arguments_of, content, first
from pipeline.formats.otlp.payload import Unusable
from pipeline.formats.otlp.spans import service_of
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from pipeline.formats.otlp.payload import Attributes, LogRecord

_METHOD = ("mcp.method.name", "mcp.method", "mcp_method", "a2a.method", "a2a.method.name")
_TOOL = ("gen_ai.tool.name", "mcp.tool.name", "mcp_tool_name", "mcp.resource.name")
_TARGET = ("mcp.target", "mcp.server.name", "mcp_backend", "endpoint", "upstream_host")
_STATUS = ("http.status", "http.response.status_code", "response_code", "status")
_ERROR = ("mcp.error.code", "error.type", "error", "reason", "mcp_error_code")
_SOURCE = ("src.addr", "client.address", "downstream_remote_address")
_SESSION = ("mcp.session.id", "mcp_session_id", "x-session-id")
_REQUEST = ("request.id", "x-request-id", "x_request_id")
_SUBJECT = ("jwt.sub", "jwt_sub")
_CLIENT = ("jwt.client_id", "jwt.azp", "jwt_client_id", "jwt_azp")
_ACTOR = ("jwt.act.sub", "jwt_act_sub")
_WORKLOAD = ("src.identity", "downstream_peer_uri_san", "x-agent-id", "agent_id", "mcp.client.name")
_CALLS = frozenset(
    {
        "tools/call",
        "resources/read",
        "prompts/get",
        "message/send",
        "message/stream",
        "SendMessage",
        "SendStreamingMessage",
        "tasks/cancel",
        "CancelTask",
    }
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|µs|us|ms|s|m)")
_MILLISECONDS = {"ns": 1e-6, "µs": 1e-3, "us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
_DENIED = ("401", "403")


def parts_of_access(log: LogRecord) -> list[Part] | Unusable:
    """Give the event of a request; nothing where the record is no call of MCP or A2A."""
    attributes = log.attributes
    if isinstance(log.body, dict):
        attributes = log.body | attributes
    method = first(attributes, _METHOD)
    if method not in _CALLS:
        return []
    agent, human, mode = _identity(attributes)
    agent = agent or service_of(log.resource)
    if not agent:
        detail = "expected the caller at `jwt.sub` or `src.identity`, or `service.name`"
        return Unusable(log.index, "missing_key", detail)
    target, session = first(attributes, _TARGET), first(attributes, _SESSION)
    event: dict[str, Any] = {
        "agent": agent,
        "tool": first(attributes, _TOOL) if method == "tools/call" else None,
        "human": human,
        "mode": mode,
        "session": cut(session, 256) if session else None,
        "trace_id": log.trace or first(attributes, ("trace.id",)),
        "arguments": arguments_of(content(attributes, ("mcp.tool.arguments",))),
        "resource": {"id": cut(target, 2048), "type": "mcp_server"} if target else None,
        "network": _network(attributes),
        "volume": _volume(attributes),
        "outcome": _outcome(attributes),
        "duration_ms": _duration(attributes.get("duration")),
    }
    event["tool"] = event["tool"] or method
    known = {key: value for key, value in event.items() if value is not None}
    return [Part(kind="event", call=_id_of(log, attributes), time_us=log.time_us, event=known)]


def _id_of(log: LogRecord, attributes: Attributes) -> str:
    own = first(attributes, _REQUEST)
    if own is not None:
        return own
    span = log.span or first(attributes, ("span.id",))
    if span:
        return f"{log.trace}/{span}"
    rpc = first(attributes, ("mcp_request_id", "jsonrpc.request.id")) or ""
    return f"{log.time_us}/{first(attributes, _SOURCE) or ''}/{rpc}"


def _claim(attributes: Attributes, names: tuple[str, ...]) -> str | None:
    """Give a claim, which is an attribute or a member of an object ``jwt``."""
    found = first(attributes, names)
    claims = attributes.get("jwt")
    if found is None and isinstance(claims, dict):
        for name in names:
            path = name.removeprefix("jwt.").split(".")
            inner: Any = claims
            for one in path:
                inner = inner.get(one) if isinstance(inner, dict) else None
            if isinstance(inner, str) and inner:
                return inner
    return found


def _identity(
    attributes: Attributes,
) -> tuple[dict[str, Any] | None, dict[str, Any] | None, str | None]:
    """Give agent, human and mode; a subject that is not the agent is a person."""
    subject = _claim(attributes, _SUBJECT)
    actor, client = _claim(attributes, _ACTOR), _claim(attributes, _CLIENT)
    agent = actor or client or first(attributes, _WORKLOAD)
    if agent is None:
        return ({"id": cut(subject, 256)} if subject else None), None, None
    if subject is None or subject == agent:
        autonomous = subject is not None and subject == client and actor is None
        return {"id": cut(agent, 256)}, None, "autonomous" if autonomous else None
    if subject.startswith("spiffe://"):
        return {"id": cut(subject, 256)}, None, None
    return {"id": cut(agent, 256)}, {"id": cut(subject, 256)}, "delegated"


def _network(attributes: Attributes) -> dict[str, Any] | None:
    found = {"source_ip": address(first(attributes, _SOURCE))}
    destination = first(attributes, ("endpoint", "upstream_host"))
    if destination is not None:
        found["destination"] = cut(destination, 2048)
    return {key: value for key, value in found.items() if value} or None


def _volume(attributes: Attributes) -> dict[str, Any] | None:
    """Give the bytes as the agent sees them: what the gateway sent came in there."""
    given = {"bytes_in": "bytes_sent", "bytes_out": "bytes_received"}
    sizes = {key: number(attributes.get(name)) for key, name in given.items()}
    return {key: int(min(size, 1 << 53)) for key, size in sizes.items() if size is not None} or None


def _outcome(attributes: Attributes) -> str | None:
    status = first(attributes, _STATUS)
    if status in _DENIED:
        return "denied"
    if status is not None and status.isdecimal() and int(status[:9]) >= 400:
        return "error"
    error = first(attributes, _ERROR)
    if error is not None and error not in ("0", "-"):
        return "error"
    return "ok" if status is not None else None


def _duration(value: Any) -> float | None:
    """Give milliseconds.

    >>> _duration("716ms"), _duration("1m2.5s"), _duration(653), _duration("-")
    (716.0, 62500.0, 653.0, None)
    """
    plain = number(value)
    if plain is not None or not isinstance(value, str):
        return plain
    found = _DURATION.findall(value[:64])
    return sum(float(size) * _MILLISECONDS[unit] for size, unit in found) if found else None
