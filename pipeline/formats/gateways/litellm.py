"""LiteLLM: the ``StandardLoggingPayload`` of the ``generic_api`` callback.

An MCP row is a call with its result. A model row has the calls that the model asked for; their
results are messages of a later row of the same trace. Sources: LiteLLM's types and callbacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounded_event import bounded, instant_us, ip_of, result_of
from pipeline.formats.gateways.chat_messages import asked_in, calls_in, results_in, said_in, tail_of
from pipeline.formats.json_records import examined_in, parts_in
from pipeline.formats.members import inner, number, text
from pipeline.formats.part import Kind, Part
from pipeline.formats.secrets import digest, digest_of_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.events.examined import Examined

NAME = "litellm"
_MCP = "call_mcp_tool"
_REFUSED = {"401", "403"}
_NOBODY = {"default_user_id"}


class LiteLLM:
    """Reader of LiteLLM's logging payloads: an array, lines, or one object.

    Examples
    --------
    >>> row = (
    ...     b'{"id":"r1","trace_id":"t1","call_type":"call_mcp_tool","status":"success",'
    ...     b'"metadata":{"user_api_key_alias":"mail-bot","mcp_tool_call_metadata":'
    ...     b'{"name":"send","arguments":{"to":"a@example.com"},"result":{"content":[]}}}}'
    ... )
    >>> [(part.kind, part.call) for part in LiteLLM().decode(row)]
    [('call', 'r1'), ('result', 'r1')]
    """

    ordered = True
    whole_file = False
    supports = frozenset({"arguments", "results", "request", "human", "network", "tokens"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of the rows, in order of their start."""
        return parts_in(value, lambda row: _parts(row, _start_us(row)), order=_start_us)

    def examine(self, value: bytes) -> Examined:
        """Count the rows, and name those that are none of LiteLLM.

        >>> found = LiteLLM().examine(b'[{"id":"r1","call_type":"acompletion"},{"a":1},5]')
        >>> found.records, found.faults
        (3, ['1: expected `id`', '2: expected an object'])
        """
        return examined_in(value, _fault)


def _fault(row: dict[str, Any]) -> str:
    missing = next((key for key in ("id", "call_type") if text(row.get(key)) is None), None)
    return f"expected `{missing}`" if missing else ""


def key_of(trace: str) -> str:
    """Give the key of a trace."""
    return f"{NAME}/{trace}"


def _start_us(row: dict[str, Any]) -> int:
    return instant_us(row.get("startTime"))


def _parts(row: dict[str, Any], at_us: int) -> Iterator[Part]:
    metadata = inner(row.get("metadata"))
    called = inner(metadata.get("mcp_tool_call_metadata"))
    trace = text(row.get("trace_id")) or text(called.get("mcp_session_id")) or text(row.get("id"))
    key = key_of(trace or "")
    if called or row.get("call_type") == _MCP:
        yield from _mcp_call(row, metadata, called, key, at_us)
        return
    messages, first = tail_of(row.get("messages"))
    for role, said in asked_in(messages, first=first):
        asked: Kind = "system" if role == "system" else "request"
        yield Part(kind=asked, session=key, time_us=at_us, text=said)
    for call, said, failed in results_in(messages):
        outcome = {"outcome": "error" if failed else "ok"}
        yield result_of(key, call, at_us, outcome, said)
    ended_us = instant_us(row.get("endTime")) or at_us
    who = _who(row, metadata)
    for call, tool, arguments in calls_in(row.get("response")):
        event = who | {"tool": tool, "arguments": arguments}
        yield Part(kind="call", session=key, call=call, time_us=ended_us, event=bounded(event))
        # What a turn costs counts once, for its first call.
        who = who | {"attributes": who["attributes"] | {"tokens": None, "cost_usd": None}}


def _mcp_call(
    row: dict[str, Any], metadata: dict[str, Any], called: dict[str, Any], key: str, at_us: int
) -> Iterator[Part]:
    tool = text(called.get("namespaced_tool_name")) or text(called.get("name"))
    if tool is None:
        return
    call = text(row.get("id")) or digest(repr((at_us, tool, called.get("arguments"))))
    event = _who(row, metadata) | {
        "tool": tool,
        "arguments": inner(called.get("arguments")),
        "resource": {"id": text(called.get("mcp_server_name")), "type": "mcp_server"},
    }
    yield Part(kind="call", session=key, call=call, time_us=at_us, event=bounded(event))
    result = inner(called.get("result"))
    said = said_in(result.get("content") if "content" in result else called.get("result"))
    ended_us = instant_us(row.get("endTime"))
    ended: dict[str, Any] = {"outcome": _outcome(row, result)}
    if ended_us >= at_us > 0:
        ended["duration_ms"] = (ended_us - at_us) / 1000
    # The answer has the time of its request where the row has no end.
    yield result_of(key, call, ended_us or at_us, ended, said if result or said else None)


def _outcome(row: dict[str, Any], result: dict[str, Any]) -> str:
    status = inner(row.get("status_fields"))
    information = inner(row.get("error_information"))
    if status.get("guardrail_status") == "guardrail_intervened":
        return "denied"
    if row.get("status") == "failure":
        return "denied" if str(information.get("error_code")) in _REFUSED else "error"
    return "error" if result.get("isError") is True or text(row.get("error_str")) else "ok"


def _who(row: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """Give agent, human, session, network and cost of a row."""
    hashed, tags = text(metadata.get("user_api_key_hash")), row.get("request_tags")
    tokens, cost = number(row.get("total_tokens")), number(row.get("response_cost"))
    model = text(row.get("model"))
    human = next((name for key in _HUMANS if (name := _of(row, metadata, key))), None)
    named = next((name for key in _AGENTS if (name := _of(row, metadata, key))), None)
    credential = digest_of_hash(hashed) if hashed else None
    return {
        "agent": {
            "id": named or (f"{NAME}-key-{credential[-16:]}" if credential else None),
            "kind": NAME,
            "model": model if model and not model.startswith("MCP") else None,
        },
        "human": {"id": human if human not in _NOBODY else None},
        "session": text(row.get("trace_id")),
        "trace_id": text(row.get("trace_id")),
        "network": {
            "source_ip": ip_of(
                text(row.get("requester_ip_address")) or metadata.get("requester_ip_address")
            )
        },
        "credential": {"id": credential},
        "attributes": {
            "tokens": int(tokens) if tokens else None,
            "cost_usd": cost or None,
            "team": text(metadata.get("user_api_key_team_alias")),
            "tags": [tag for tag in tags if isinstance(tag, str)][:16]
            if isinstance(tags, list) and tags
            else None,
            "user_agent": text(metadata.get("user_agent")) or text(row.get("user_agent")),
            "mcp_session": text(
                inner(metadata.get("mcp_tool_call_metadata")).get("mcp_session_id")
            ),
        },
    }


_HUMANS = (
    "end_user",
    "user_api_key_end_user_id",
    "user_api_key_user_email",
    "user_api_key_user_id",
)
_AGENTS = ("agent_id", "user_api_key_alias")


def _of(row: dict[str, Any], metadata: dict[str, Any], key: str) -> str | None:
    found = text(row.get(key)) or text(metadata.get(key))
    return None if found in _NOBODY else found
