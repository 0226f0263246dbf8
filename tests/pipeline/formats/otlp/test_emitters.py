"""The spans of recorded emitters: each gives its calls with the right agent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.pipeline.formats.otlp.payloads import events_of, span, traces

if TYPE_CHECKING:
    from pathlib import Path

CALLING = {
    "python/google-genai/opentelemetry-google-genai": "orders",
    "python/langchain/opentelemetry-langchain": "orders",
    "python/openai-agents/opentelemetry-openai-agents": "weather_assistant",
    "python/google-adk/native": "weather_assistant",
    "python/agent-framework/native": "weather_assistant",
    "python/autogen/native": "weather_assistant",
    "python/openai-agents/openinference": "weather_assistant",
}
"""The recorded emitters of ``execute_tool``; two have no agent above the call."""
SAID: dict[str, Any] = {
    "gen_ai.agent.name": "weather_assistant",
    "gen_ai.conversation.id": "conv-1",
    "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"In Bonn?"}]}]',
    "gen_ai.tool.call.arguments": '{"city":"Bonn"}',
    "gen_ai.tool.call.id": "call_9",
    "gen_ai.tool.call.result": "17 degrees",
    "gen_ai.tool.name": "get_current_weather",
    "gen_ai.usage.input_tokens": 800,
    "gen_ai.usage.output_tokens": 12,
    "gen_ai.response.finish_reasons": "stop",
    "gcp.vertex.agent.tool_call_args": '{"city":"Bonn"}',
}
ABOVE = ("gen_ai.invoke_workflow.internal", "gen_ai.invoke_agent.internal")
AGENTS = (*ABOVE, "gen_ai.invoke_agent.client")


def recorded_span(emitter: dict[str, Any], kind: str, number: int, parent: int) -> dict[str, Any]:
    names = list(emitter["spans"][kind])
    if "execute_tool" in kind:
        names += [one for one in emitter.get("other_attributes", []) if "tool_call_args" in one]
    operation = kind.split(".")[1].replace("inference", "chat")
    said = {name: SAID.get(name, "x") for name in names} | {"gen_ai.operation.name": operation}
    top = kind in AGENTS
    return span(number, said, parent=parent, at=0 if top else number, took=60 if top else 0.5)


@pytest.mark.shared
@pytest.mark.parametrize("one_payload", [True, False])
def test_recorded_emitters_give_their_calls_with_the_right_agent(
    shared_dir: Path, one_payload: bool
) -> None:
    recorded = json.loads((shared_dir / "fixtures" / "otlp" / "genai-emitters.json").read_text())
    found = {}
    for emitter in recorded["emitters"]:
        spans, parent = [], 0
        for number, kind in enumerate(AGENTS, 1):
            if kind in emitter["spans"]:
                spans.append(recorded_span(emitter, kind, number, parent))
                parent = number
        for number, kind in enumerate(sorted(set(emitter["spans"]) - set(AGENTS)), 4):
            spans.append(recorded_span(emitter, kind, number, parent))
        spans.reverse()  # a span is exported when it ends
        events = events_of(*([traces(*spans)] if one_payload else map(traces, spans)))
        if events:
            (event,) = events
            found[emitter["emitter"]] = event["agent"]["id"]
            assert (event["tool"], event["outcome"]) == ("get_current_weather", "ok")
    assert found == CALLING
