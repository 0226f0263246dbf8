"""Messages of the Model Context Protocol, as `habitus tap` records them, one JSON object a line.

A record is ``{"ts","server","session","direction","message"}``. The tap adds ``agent``, ``call``,
``method``, ``duration_ms``, ``decision``, ``status`` and ``size`` where it knows them. Sources: the
MCP specification, revisions 2024-11-05 to 2026-07-28.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.formats.bounds import cut
from pipeline.formats.members import inner, number, object_of, text, texts, time_us
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "mcp"
CLIENT_INFO = "io.modelcontextprotocol/clientInfo"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
MAX_TOOLS = 2_000
"""Most tool definitions of one list that are read."""
_MAX_BATCH = 1_000
_NAME, _WORD, _PATH = 256, 256, 2_048
_TRACE_ID = 32
_REFUSED = (401, 403)
_ERROR = 400
_UP, _DOWN = "client_to_server", "server_to_client"


class Mcp:
    """Reader of recorded MCP messages.

    A call is a ``tools/call``, a ``resources/read`` or a ``prompts/get``. What the last two return
    is content that reaches the model too.

    Examples
    --------
    >>> reader = Mcp()
    >>> line = (
    ...     b'{"ts":"2026-11-24T10:00:00Z","server":"shop","session":"s","agent":"bot",'
    ...     b'"direction":"client_to_server","message":{"jsonrpc":"2.0","id":7,'
    ...     b'"method":"tools/call","params":{"name":"pay","arguments":{"to":"Ines"}}}}'
    ... )
    >>> [(part.kind, part.call, part.event["arguments"]) for part in reader.decode(line)]
    [('call', 's/7', {'to': 'Ines'})]
    """

    ordered = True
    whole_file = False
    supports = frozenset({"arguments", "results"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one record."""
        record = object_of(value)
        message = record.get("message")
        several = message[:_MAX_BATCH] if isinstance(message, list) else [message]
        return [part for one in several for part in _of_message(record, inner(one))]


def key_of(session: str) -> str:
    """Give the key of a session."""
    return f"{NAME}/{session}"


def _of_message(record: dict[str, Any], message: dict[str, Any]) -> Iterator[Part]:
    method, direction = text(message.get("method")), record.get("direction")
    if method is not None:
        if direction != _DOWN:
            yield from _of_client(record, message, method)
    elif direction != _UP:
        yield from _of_server(record, message)


def _of_client(record: dict[str, Any], message: dict[str, Any], method: str) -> Iterator[Part]:
    params = inner(message.get("params"))
    meta = inner(params.get("_meta"))
    info = inner(params.get("clientInfo") or meta.get(CLIENT_INFO))
    agent = {
        "id": _word(record.get("agent")) or _word(info.get("name")),
        "version": _word(info.get("version")),
    }
    if method == "initialize":
        yield Part(kind="about", session=_key(record), event=_common(record) | {"agent": agent})
    name = text(params.get("uri" if method == "resources/read" else "name"))
    call = _call_id(record, message)
    if name is None or call is None:
        return
    if method == "tools/call":
        event: dict[str, Any] = {"tool": name, "arguments": inner(params.get("arguments"))}
    elif method == "resources/read":
        resource = {"id": cut(name, _PATH), "type": "mcp_resource"}
        event = {"tool": method, "arguments": {"uri": name}, "resource": resource}
    elif method == "prompts/get":
        event = {"tool": method, "arguments": {"name": name} | inner(params.get("arguments"))}
    else:
        return
    event |= _common(record) | {"agent": agent, "trace_id": trace_of(meta.get("traceparent"))}
    yield Part(
        kind="call", session=_key(record), call=call, time_us=time_us(record.get("ts")),
        parent=_definition(event["tool"]), event=event,
    )  # fmt: skip


def _of_server(record: dict[str, Any], message: dict[str, Any]) -> Iterator[Part]:
    result, method = inner(message.get("result")), text(record.get("method"))
    tools = result.get("tools")
    if isinstance(tools, list) and method in (None, "tools/list"):
        yield from _definitions(record, tools[:MAX_TOOLS])
    call, outcome = _call_id(record, message), _outcome(record, message)
    if call is None or outcome is None or method not in (None, *_CALLS):
        return
    said = result_text(result) if "result" in message else texts(inner(message.get("error")))
    size = number(record.get("size"))
    server = _common(record)["attributes"]
    event = {"outcome": outcome, "duration_ms": number(record.get("duration_ms"))}
    event |= {"attributes": server} if server else {}
    yield Part(
        kind="result", session=_key(record), call=call, time_us=time_us(record.get("ts")),
        event=event, text=said, size=None if size is None else int(size),
    )  # fmt: skip


_CALLS = ("tools/call", "resources/read", "prompts/get")


def _outcome(record: dict[str, Any], message: dict[str, Any]) -> str | None:
    """Give how a call ended; None where it has not, or where the message says nothing."""
    if record.get("decision") == "deny":
        return "denied"
    if "error" in message:
        return "error"
    if "result" in message:
        result = inner(message["result"])
        if result.get("resultType", "complete") != "complete":
            return None  # the client repeats the call with what the server asked for
        return "error" if result.get("isError") is True else "ok"
    status = number(record.get("status")) or 0
    if status in _REFUSED:
        return "denied"
    return "error" if status >= _ERROR else None


def result_text(result: dict[str, Any]) -> str:
    """Give the texts of a result that reach the model."""
    found: list[str] = []
    for member in ("content", "contents", "messages"):
        blocks = result.get(member)
        for block in blocks if isinstance(blocks, list) else ():
            one = inner(inner(block).get("content")) or inner(block)
            held = inner(one.get("resource")) or one
            found += [held[key] for key in ("text", "uri") if isinstance(held.get(key), str)]
    return "\n".join(found) or texts(result.get("structuredContent"))


def _definitions(record: dict[str, Any], tools: list[Any]) -> Iterator[Part]:
    for tool in map(inner, tools):
        name = text(tool.get("name"))
        digest = None if name is None else digest_of_tool(tool)
        if name is not None and digest is not None:
            event = {"attributes": {"tool_digest": digest}}
            yield Part(kind="span", session=_key(record), span=_definition(name), event=event)


def digest_of_tool(tool: dict[str, Any]) -> str | None:
    """Give the digest of a tool's definition, whatever the order of its members.

    >>> one = digest_of_tool({"name": "pay", "description": "Pay a bill"})
    >>> one == digest_of_tool({"description": "Pay a bill", "name": "pay", "_meta": {"n": 1}})
    True
    """
    kept = {key: value for key, value in tool.items() if key != "_meta"}
    try:
        return sha256(msgspec.json.encode(kept, order="deterministic")).hexdigest()[:32]
    except (RecursionError, UnicodeEncodeError, msgspec.MsgspecError):
        return None


def trace_of(value: Any) -> str | None:
    """Give the trace id of a W3C traceparent.

    >>> trace_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    '4bf92f3577b34da6a3ce929d0e0e4736'
    """
    parts = value.split("-") if isinstance(value, str) else []
    return parts[1] if len(parts) > 2 and len(parts[1]) == _TRACE_ID else None


def _common(record: dict[str, Any]) -> dict[str, Any]:
    server = _word(record.get("server"))
    return {
        "session": _word(record.get("session")),
        "attributes": {"mcp_server": server} if server else {},
    }


def _key(record: dict[str, Any]) -> str:
    return key_of(text(record.get("session")) or "")


def _call_id(record: dict[str, Any], message: dict[str, Any]) -> str | None:
    """Give the tap's id of a call, else one of the session and the JSON-RPC id."""
    given, found = text(record.get("call")), message.get("id")
    if given is not None:
        return given
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    shown = found if isinstance(found, str) else msgspec.json.encode(found).decode()
    return f"{text(record.get('session')) or ''}/{shown}"


def _definition(tool: str) -> str:
    """Name the definition of a tool, of which its calls inherit the digest."""
    return f"tool/{cut(tool, _NAME)}"


def _word(value: Any) -> str | None:
    found = text(value)
    return None if found is None else cut(found, _WORD)
