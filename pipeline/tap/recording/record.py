"""One record of what passes, and how a message that is too long for it is shortened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Raw, Struct

from pipeline.formats.bounds import cut, fit
from pipeline.formats.gateways.mcp import MAX_TOOLS, digest_of_tool, result_text
from pipeline.formats.members import inner
from pipeline.tap.jsonrpc import one_line

if TYPE_CHECKING:
    from pipeline.tap.jsonrpc import Message

Direction = Literal["client_to_server", "server_to_client"]
UP: Direction = "client_to_server"
DOWN: Direction = "server_to_client"
UNNAMED = "mcp-client"
"""Name of an agent whose client has not introduced itself."""
MAX_RECORD = 1_000_000
"""Largest record in bytes; Kafka and the formats accept 1 MiB."""
_MOST_BLOCKS = 10_000
# A character takes at most six bytes of JSON.
_TEXT = 150_000


class Record(Struct, omit_defaults=True):
    """One line; the members that the format describes."""

    ts: str
    server: str
    session: str
    direction: Direction
    message: Raw
    agent: str | None = None
    call: str | None = None
    method: str | None = None
    duration_ms: float | None = None
    decision: str | None = None
    status: int | None = None
    size: int | None = None


class Line(Struct, frozen=True):
    """An encoded record, with the agent by which it is partitioned."""

    agent: str
    data: bytes


def encoded(record: Record, item: bytes, message: Message) -> Line:
    """Encode a record with its message."""
    if len(item) > MAX_RECORD - 4096:
        short, size = _shortened(item, message)
        record.message, record.size = Raw(short), size
    else:
        record.message = Raw(one_line(item))
    return Line(record.agent or UNNAMED, msgspec.json.encode(record))


def _shortened(item: bytes, message: Message) -> tuple[bytes, int]:
    """Give what the format reads of a message that is too long for a record, and its size."""
    size = len(item)
    whole = inner(msgspec.json.decode(item))
    short: dict[str, Any] = {key: whole[key] for key in ("jsonrpc", "id", "method") if key in whole}
    params, result = inner(whole.get("params")), inner(whole.get("result"))
    if message.method is not None:
        kept: dict[str, Any] = {key: params[key] for key in ("name", "uri") if key in params}
        kept |= {"arguments": inner(params.get("arguments")), "_meta": inner(params.get("_meta"))}
        short["params"] = {key: _fitted(value) for key, value in kept.items()}
    elif "result" in whole:
        short["result"] = _short_result(result)
        size = len(result_text(result).encode("utf-8", "replace"))
    else:
        short["error"] = _fitted(whole.get("error"))
    return msgspec.json.encode(short), size


def _short_result(result: dict[str, Any]) -> dict[str, Any]:
    short: dict[str, Any] = {key: result[key] for key in ("isError", "resultType") if key in result}
    for member in ("content", "contents", "messages"):
        blocks, room, kept = result.get(member), _TEXT, []
        for block in blocks[:_MOST_BLOCKS] if isinstance(blocks, list) else ():
            one = inner(inner(block).get("content")) or inner(block)
            found = (inner(one.get("resource")) or one).get("text")
            if isinstance(found, str) and room > 0:
                kept.append({"type": "text", "text": found[:room]})
                room -= len(found)
        if kept:
            short[member] = kept
    tools = result.get("tools")
    if isinstance(tools, list):
        named = [one for one in map(inner, tools[:MAX_TOOLS]) if isinstance(one.get("name"), str)]
        # The digest of this is another one than that of the tool, and changes whenever it does.
        short["tools"] = [
            {"name": cut(one["name"], 256), "definition": digest_of_tool(one)} for one in named
        ]
    return short


def _fitted(value: Any) -> Any:
    if isinstance(value, dict):
        return fit(value)
    return cut(value, 2048) if isinstance(value, str) else None
