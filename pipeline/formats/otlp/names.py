"""The attributes of each dialect, by what they say; the first one that is there counts.

Dialects: GenAI conventions (new, and up to 1.36), MCP, A2A, OpenInference, OpenLLMetry, Agent 365,
Claude Code, the Vercel AI SDK, and what the Agent Development Kit wrote before the conventions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.formats.members import text
from pipeline.formats.reasons import REFUSALS

if TYPE_CHECKING:
    from pipeline.formats.otlp.payload import Attributes

Names = tuple[str, ...]
OPERATION: Names = ("gen_ai.operation.name",)
AGENT_ID: Names = ("gen_ai.agent.id",)
AGENT_NAME: Names = ("gen_ai.agent.name", "agent.name")
AGENT_VERSION: Names = ("gen_ai.agent.version",)
BLUEPRINT: Names = ("microsoft.a365.agent.blueprint.id",)
CALLER: Names = ("microsoft.a365.caller.agent.id", "gen_ai.caller.agent.id")
MODEL: Names = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name")
HUMAN: Names = (
    "enduser.id",
    "user.id",
    "user.email",
    "traceloop.association.properties.user_id",
    "ai.telemetry.metadata.userId",
)
SESSION: Names = (
    "gen_ai.conversation.id",
    "session.id",
    "microsoft.session.id",
    "gcp.vertex.agent.session_id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.thread_id",
    "ai.telemetry.metadata.sessionId",
)
CLIENT_ADDRESS: Names = ("client.address", "source.address")
TOOL: Names = ("gen_ai.tool.name", "mcp.tool.name", "tool.name", "ai.toolCall.name")
CALL: Names = ("gen_ai.tool.call.id", "tool_use_id", "ai.toolCall.id")
REQUEST_ID: Names = ("jsonrpc.request.id", "mcp.request.id")
ARGUMENTS: Names = (
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.arguments",
    "gcp.vertex.agent.tool_call_args",
    "mcp.request.argument",
    "mcp.tool.arguments",
    "ai.toolCall.args",
    "input.value",
    "traceloop.entity.input",
)
RESULT: Names = (
    "gen_ai.tool.call.result",
    "gcp.vertex.agent.tool_response",
    "mcp.response.value",
    "ai.toolCall.result",
    "output.value",
    "traceloop.entity.output",
)
TOKENS: tuple[Names, ...] = (
    (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "input_tokens",
    ),
    (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "output_tokens",
    ),
)
STATUS: Names = ("rpc.response.status_code", "http.response.status_code", "rpc.jsonrpc.error_code")
SERVER_ADDRESS: Names = ("server.address",)
VERDICT: Names = ("gen_ai.guardrail.verdict.type", "gen_ai.guardrail.verdict")
_NOT_SAID = ("", "N/A", "<not serializable>", "<REDACTED>", "[REDACTED]", "__REDACTED__", "{}")


def first(attributes: Attributes, names: Names) -> str | None:
    """Give the first text among some attributes; a whole number is written as text.

    >>> first({"tool.name": "crm.read", "gen_ai.tool.name": ""}, TOOL)
    'crm.read'
    """
    for name in names:
        if name in attributes:
            value = attributes[name]
            if isinstance(value, str) and value:
                return value
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
    return None


def content(attributes: Attributes, names: Names) -> Any:
    """Give the first content among some attributes; None for a placeholder."""
    for name in names:
        if name in attributes:
            value = attributes[name]
            if value is not None and not (isinstance(value, str) and value in _NOT_SAID):
                return value
    return None


def metadata_of(attributes: Attributes, member: str) -> str | None:
    """Give a text of the metadata that LangChain's configuration has, as OpenInference writes it.

    >>> metadata_of({"metadata": '{"user_id":"ines"}'}, "user_id")
    'ines'
    """
    given = attributes.get("metadata")
    if not isinstance(given, str) or f'"{member}"' not in given:
        return None
    found = decoded(given)
    return text(found.get(member)) if isinstance(found, dict) else None


def decoded(value: Any) -> Any:
    """Give what a text of JSON says; anything else as it is.

    >>> decoded('{"city":"Bonn"}'), decoded("Bonn"), decoded("[1")
    ({'city': 'Bonn'}, 'Bonn', '[1')
    """
    if not isinstance(value, str) or value[:1] not in ("{", "[", '"'):
        return value
    try:
        return msgspec.json.decode(value)
    except REFUSALS:
        return value


def arguments_of(value: Any) -> dict[str, Any] | None:
    """Give the arguments of a call, which may be JSON in a text; a single text is ``input``.

    >>> arguments_of('{"args":["x"],"kwargs":{"city":"Bonn"}}'), arguments_of("Bonn")
    ({'city': 'Bonn', 'args': ['x']}, {'input': 'Bonn'})
    """
    found = decoded(value)
    if isinstance(found, dict):
        inputs, kwargs = found.get("inputs"), found.get("kwargs")
        if isinstance(inputs, dict) and "tags" in found:
            return inputs
        if isinstance(kwargs, dict) and set(found) <= {"args", "kwargs"}:
            return kwargs | ({"args": found["args"]} if found.get("args") else {})
        return found
    if isinstance(found, str) and found:
        return {"input": found}
    return {"args": found} if isinstance(found, list) and found else None


def address(value: Any) -> str | None:
    """Give an address without its port.

    >>> address("[::1]:59257"), address("192.0.2.7:64484"), address("2001:db8::1")
    ('::1', '192.0.2.7', '2001:db8::1')
    """
    found = text(value)
    if found is None:
        return None
    if found.startswith("["):
        return found[1:].partition("]")[0][:256] or None
    host, _, port = found.rpartition(":")
    return (host if host and ":" not in host and port.isdecimal() else found)[:256]
