"""What a span is: a call, an agent, a model call, a guardrail, or anything between.

The operation and the attributes decide, never the name of the span: emitters name a tool's span
``get_weather`` and an agent's ``….task``. The spans of Claude Code are the exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipeline.formats.members import text
from pipeline.formats.otlp.names import OPERATION, TOOL, VERDICT, first, metadata_of
from pipeline.formats.otlp.payload import CONSUMER, SERVER

if TYPE_CHECKING:
    from pipeline.formats.otlp.payload import Span

Role = Literal["", "call", "agent", "model", "guardrail", "workflow", "claude"]

CLAUDE_CODE = "claude_code."
_MERGED = "(merged tools)"
"""Name of a span that repeats the spans of parallel calls."""
_MEMORY = tuple(
    f"{verb}_memory{what}"
    for verb in ("create", "search", "update", "upsert", "delete")
    for what in ("", "_store")
)
_OPERATIONS: dict[str, Role] = {
    "execute_tool": "call",
    "retrieval": "call",
    **dict.fromkeys(_MEMORY, "call"),
    "invoke_agent": "agent",
    "create_agent": "agent",
    "invoke_workflow": "workflow",
    "chat": "model",
    "generate_content": "model",
    "text_completion": "model",
    "execute_inference": "model",
    "embeddings": "model",
    "run_guardrail": "guardrail",
    "apply_guardrail": "guardrail",
}
_BY_OPERATION = {name.replace("_", ""): role for name, role in _OPERATIONS.items()}
"""Agent 365 writes ``ExecuteTool``."""
_MCP_CALLS = ("tools/call", "resources/read", "prompts/get")
_A2A_CALLS = frozenset(
    {
        "SendMessage",
        "SendStreamingMessage",
        "CancelTask",
        "message/send",
        "message/stream",
        "tasks/send",
        "tasks/sendSubscribe",
        "tasks/cancel",
    }
)
_OPENINFERENCE: dict[str, Role] = {
    "TOOL": "call",
    "RETRIEVER": "call",
    "AGENT": "agent",
    "LLM": "model",
    "GUARDRAIL": "guardrail",
    "CHAIN": "workflow",
}
_OF_AN_AGENT = ("agent.name", "gen_ai.agent.name", "gen_ai.agent.id", "input.value")
"""OpenInference opens a trace of the Agents SDK with an AGENT that says nothing: the workflow."""
_VERCEL: dict[str, Role] = {"ai.toolCall": "call"}
_VERCEL |= dict.fromkeys(
    ("ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject"), "workflow"
)
_OPENLLMETRY: dict[str, Role] = {"tool": "call", "agent": "agent", "workflow": "workflow"}


_RUNS_BELOW = "traceloop.association.properties.lc_agent_name"


def role_of(span: Span) -> Role:
    """Give the role of a span; empty for one that is only between others.

    >>> from pipeline.formats.otlp.payload import Span
    >>> said = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather"}
    >>> role_of(Span("", "", "", "anything", 1, 0, 0, False, said, {}, [], 0))
    'call'
    """
    role = _said(span)
    return "agent" if role in ("", "workflow") and _is_langchain_agent(span) else role


def _is_langchain_agent(span: Span) -> bool:
    """Return whether a span is the run of an agent of LangChain, which spans below name too."""
    attributes = span.attributes
    named = attributes.get(_RUNS_BELOW)
    if named is not None:
        return bool(named) and attributes.get("traceloop.entity.name") == named
    if "openinference.span.kind" not in attributes:
        return False
    return metadata_of(attributes, "lc_agent_name") == span.name != ""


def _said(span: Span) -> Role:
    attributes = span.attributes
    if not attributes:
        return "claude" if span.name.startswith(CLAUDE_CODE) else ""
    if span.name.startswith(CLAUDE_CODE):
        return "claude"
    if "a2a.method.name" in attributes:
        method = text(attributes["a2a.method.name"])
        if span.kind in (SERVER, CONSUMER):
            return "agent"  # the agent that was called
        return "call" if method in _A2A_CALLS else ""
    operation = first(attributes, OPERATION)
    if operation is not None:
        role = _OPERATIONS.get(operation)
        if role is None:
            role = _BY_OPERATION.get(operation.lower().replace("_", ""), "")
        return "" if role == "call" and attributes.get("gen_ai.tool.name") == _MERGED else role
    return _of_other(attributes, root=not span.parent)


def _of_other(attributes: dict[str, object], *, root: bool) -> Role:
    method = text(attributes.get("mcp.method.name"))
    if method is not None:
        return "call" if method in _MCP_CALLS else ""
    if first(attributes, VERDICT) is not None:
        return "guardrail"
    kind = text(attributes.get("openinference.span.kind"))
    if kind is not None:
        role = _OPENINFERENCE.get(kind.upper(), "")
        frame = root and role == "agent" and attributes.keys().isdisjoint(_OF_AN_AGENT)
        return "workflow" if frame else role
    kind = text(attributes.get("traceloop.span.kind"))
    if kind is not None:
        return _OPENLLMETRY.get(kind.lower(), "")
    operation = text(attributes.get("ai.operationId"))
    if operation is not None:
        return _VERCEL.get(operation, "model")
    if "gcp.vertex.agent.tool_call_args" in attributes and first(attributes, TOOL):
        return "call"
    return "call" if text(attributes.get("mcp.tool.name")) else ""
