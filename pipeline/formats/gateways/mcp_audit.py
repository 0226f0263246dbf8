"""MCP: audit records of a gateway, and raw JSON-RPC messages of a proxy.

An audit record is one request with its response, or one of them. Sources: the MCP specification of
2026-07-28 and before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.formats.bounded_event import bounded, ip_of, result_of
from pipeline.formats.gateways.chat_messages import said_in
from pipeline.formats.gateways.http_outcomes import is_housekeeping, outcome_of
from pipeline.formats.gateways.json_rpc import Message, id_of, messages_in, time_of
from pipeline.formats.identity.claims import event_of_claims
from pipeline.formats.json_records import object_in, parts_in
from pipeline.formats.members import inner, number, text
from pipeline.formats.part import Part
from pipeline.formats.secrets import digest, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "mcp"
_META = "io.modelcontextprotocol/"
_DENIALS = {-32001, -32003, -32401, -32403}
_HOUR_US = 3_600_000_000
_LARGEST = 1 << 62
_TYPES = {"resources": "resource", "prompts": "prompt", "tools": "mcp_server"}
_MAX_TOOLS = 1_000
_OF_SERVER = {"sampling/createMessage", "elicitation/create", "roots/list"}
_FROM_SERVER, _FROM_CLIENT = ("server", "s2c"), ("client", "c2s")
_ANSWERED = ("result_bytes", "is_error", "error_code", "http_status", "duration_ms")
_CONTENT = ("content", "structuredContent", "isError", "contents", "messages", "tools",
            "resources", "resourceTemplates", "prompts", "completion")  # fmt: skip


class McpAudit:
    """Reader of MCP traffic.

    Examples
    --------
    >>> line = (
    ...     b'{"ts":"2026-01-05T08:00:00Z","direction":"client_to_server","method":"tools/call",'
    ...     b'"name":"send_payment","jsonrpc_id":"1","session_id":"s1","is_error":false,'
    ...     b'"token":{"sub":"alice","act":{"sub":"invoice-bot"}}}'
    ... )
    >>> call, result = McpAudit().decode(line)
    >>> call.event["agent"]["id"], call.event["human"]["id"], result.event["outcome"]
    ('invoice-bot', 'alice', 'ok')
    """

    ordered = True
    whole_file = False
    supports = frozenset({"arguments", "results", "human", "network"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one record."""
        return parts_in(value, _record)


def _record(record: dict[str, Any]) -> Iterator[Part]:
    if "method" in record and "jsonrpc" not in record:
        yield from _audit(record)
        return
    for message in messages_in(record):
        yield from _raw(message)


# ---------------------------------------------------------------------- audit records


def _audit(record: dict[str, Any]) -> Iterator[Part]:
    method, at_us = text(record.get("method")), time_of(record)
    if method is None or is_housekeeping(method):
        return
    server, client = inner(record.get("server")), inner(record.get("client_info"))
    event = _who(object_in(record.get("token")), client)
    trace, span = trace_of(record.get("traceparent"))
    session = text(record.get("session_id")) or trace
    place = session or event.get("credential", {}).get("id")
    place = place or f"{event['agent']['id'] or NAME}/{_named(server)}/{at_us // _HOUR_US}"
    number_of = id_of(record.get("jsonrpc_id"))
    call = f"{place}/{number_of or span or digest(repr(sorted(map(repr, record.items()))))}"
    call, key = without_secrets(call), f"{NAME}/{place}"
    event |= _target(method, text(record.get("name")), _named(server), text(server.get("url")))
    event |= {
        "session": session,
        "trace_id": trace,
        "arguments": inner(record.get("arguments")),
        "volume": {"bytes_out": _count(record.get("args_bytes"))},
    }
    event["network"] = event["network"] | {"source_ip": ip_of(record.get("src_ip"))}
    event["attributes"] |= {
        "jsonrpc_id": number_of or None,
        "arguments_sha256": text(record.get("args_sha256")),
        "transport": text(record.get("transport")),
        "protocol_version": text(record.get("protocol_version")),
        "tool_digest": text(record.get("tool_digest")),
    }
    answered = any(record.get(name) is not None for name in _ANSWERED)
    if record.get("direction") != "server_to_client":
        yield Part(kind="call", session=key, call=call, time_us=at_us, event=bounded(event))
    if answered or record.get("direction") == "server_to_client":
        code = record.get("error_code")
        failed = record.get("is_error") is True or code is not None
        outcome = outcome_of(record.get("http_status"), failed=failed) or (
            "error" if failed else "ok"
        )
        ended = {
            "outcome": "denied" if _number(code) in _DENIALS else outcome,
            "duration_ms": number(record.get("duration_ms")),
            "attributes": {"error_code": code if isinstance(code, int) else None},
        }
        yield Part(kind="result", session=key, call=call, time_us=at_us, event=bounded(ended),
                   size=_count(record.get("result_bytes")))  # fmt: skip


# ---------------------------------------------------------------------- raw messages


def _raw(message: Message) -> Iterator[Part]:
    key, call = f"{NAME}/{message.place}", f"{message.place}/{message.id}"
    method, params = message.method, inner(message.body.get("params"))
    sender = (text(message.record.get("direction")) or "").lower()
    if method in _OF_SERVER or sender.startswith(_FROM_SERVER if method else _FROM_CLIENT):
        return  # A server asks the client, whose answer follows: no action of the agent.
    if method == "initialize":
        about = {"agent": _agent(inner(params.get("clientInfo")))}
        yield Part(kind="about", session=key, event=bounded(about))
    elif method is not None:
        if message.id and not is_housekeeping(method) and not _is_retry(params):
            yield from _request(message, key, call, method, params)
    elif message.id:
        yield from _response(message, key, call)


def _request(
    message: Message, key: str, call: str, method: str, params: dict[str, Any]
) -> Iterator[Part]:
    meta, record = inner(params.get("_meta")), message.record
    client = inner(meta.get(f"{_META}clientInfo"))
    trace, _ = trace_of(meta.get("traceparent") or record.get("traceparent"))
    claims = object_in(record.get("token")) or object_in(record.get("claims"))
    event = _who(claims, client) if claims or client else {"attributes": {}, "network": {}}
    named = text(record.get("agent")) or text(record.get("client"))
    about = {"agent": {"id": named, "kind": f"{NAME}-client"}}
    yield Part(kind="about", session=key, event=bounded(about))
    server = inner(record.get("server"))
    named = text(params.get("name")) or text(params.get("uri"))
    event |= _target(method, named, _named(server), text(server.get("url")))
    event |= {
        "session": message.session or trace,
        "trace_id": trace,
        "arguments": inner(params.get("arguments")),
    }
    event["network"] = event["network"] | {"source_ip": ip_of(record.get("src_ip"))}
    event["attributes"] |= {
        "jsonrpc_id": message.id,
        "protocol_version": text(meta.get(f"{_META}protocolVersion")),
    }
    yield Part(kind="call", session=key, call=call, parent=_tool_span(named), time_us=message.at_us,
               event=bounded(event))  # fmt: skip


def _response(message: Message, key: str, call: str) -> Iterator[Part]:
    error, result = inner(message.body.get("error")), inner(message.body.get("result"))
    yield from _about_server(result, key)
    if error:
        outcome = "denied" if _number(error.get("code")) in _DENIALS else "error"
        yield result_of(
            key, call, message.at_us, {"outcome": outcome}, text(error.get("message")) or ""
        )
    elif result.get("resultType") == "input_required":
        # The retry has another id, and is the same call: the outcome stays unknown.
        waits = {"attributes": {"input_required": True}}
        yield Part(kind="result", session=key, call=call, time_us=message.at_us, event=waits)
    elif any(name in result for name in _CONTENT):
        outcome = "error" if result.get("isError") is True else "ok"
        said = next((result[name] for name in _CONTENT if name in result and name != "isError"), "")
        yield result_of(key, call, message.at_us, {"outcome": outcome}, said_in(said))


def _about_server(result: dict[str, Any], key: str) -> Iterator[Part]:
    """Give the server's name, and a digest of the definition of each tool that it lists."""
    server = inner(result.get("serverInfo")) or inner(
        inner(result.get("_meta")).get(f"{_META}serverInfo")
    )
    resource = {"id": text(server.get("name")), "type": "mcp_server"}
    if resource["id"]:
        yield Part(kind="about", session=key, event=bounded({"resource": resource}))
    tools = result.get("tools")
    for tool in map(inner, tools[:_MAX_TOOLS] if isinstance(tools, list) else []):
        name = text(tool.get("name"))
        if name:
            facts = {"attributes": {"tool_digest": definition_digest(tool)}}
            yield Part(kind="span", session=key, span=_tool_span(name), event=facts)


def definition_digest(tool: dict[str, Any]) -> str:
    """Give a digest of the definition of a tool: a change of it is a change of the tool.

    >>> definition_digest({"name": "pay", "description": "Pay."}) == definition_digest(
    ...     {"description": "Pay.", "name": "pay"}
    ... )
    True
    """
    return digest(msgspec.json.encode(tool, order="sorted").decode())


def _tool_span(name: str | None) -> str:
    return f"tool:{name}"[:256]


def _is_retry(params: dict[str, Any]) -> bool:
    return "requestState" in params or "inputResponses" in params


# ---------------------------------------------------------------------- both


def trace_of(traceparent: Any) -> tuple[str | None, str | None]:
    """Give the trace and the span of a W3C ``traceparent``.

    >>> trace_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")[1]
    '00f067aa0ba902b7'
    """
    parts = traceparent.split("-") if isinstance(traceparent, str) else []
    if len(parts) < 4 or not parts[1].strip("0") or len(parts[1]) != 32:
        return None, None
    return parts[1].lower(), parts[2].lower()


def _who(claims: dict[str, Any], client: dict[str, Any]) -> dict[str, Any]:
    """Give the identity of the token; without one, the name that the client gives itself."""
    event = event_of_claims(claims)
    declared = _agent(client)
    attributes = event["attributes"] | {"client": declared.get("id")}
    if not event["agent"]["id"]:
        event["agent"] = {"id": declared.get("id"), "kind": f"{NAME}-client"}
    event["agent"] |= {"version": declared.get("version")}
    return event | {"attributes": attributes}


def _agent(client: dict[str, Any]) -> dict[str, Any]:
    return {"id": text(client.get("name")), "version": text(client.get("version"))}


def _target(method: str, named: str | None, server: str, url: str | None) -> dict[str, Any]:
    """Give tool and resource: a tool is called by its name, other methods by theirs."""
    kind = _TYPES.get(method.partition("/")[0])
    is_tool = method == "tools/call" and named is not None
    resource = {"id": server or url, "type": "mcp_server"}
    if named and not is_tool:
        resource = {"id": named, "type": kind}
    return {
        "tool": named if is_tool else method,
        "resource": resource,
        "network": {"destination": url},
    }


def _named(server: dict[str, Any]) -> str:
    return text(server.get("name")) or text(server.get("url")) or ""


def _count(value: Any) -> int | None:
    found = number(value)
    return None if found is None or found > _LARGEST else int(found)


def _number(value: Any) -> int | None:
    try:
        return int(value) if isinstance(value, int | str) else None
    except ValueError:
        return None
