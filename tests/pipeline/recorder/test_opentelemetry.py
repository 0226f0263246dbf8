"""Spans of a real OpenTelemetry SDK become the events that their export would give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, Status, StatusCode

from habitus.opentelemetry import RecorderSpanProcessor
from pipeline.recorder.sending import events as events_module
from tests.pipeline.recorder.conftest import lines_of

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from tests.pipeline.recorder.conftest import Recorded

RESOURCE = Resource({"service.name": "desk", "service.version": "3", "service.instance.id": "i-1"})


@pytest.fixture
def tracer(recorded: Recorded) -> Tracer:
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(RecorderSpanProcessor(recorded.recorder))
    return provider.get_tracer("agent")


def run_agent(tracer: Tracer, dialect: dict[str, dict[str, Any]]) -> None:
    """Read a mail, then pay whom it names."""
    with tracer.start_as_current_span("agent", attributes=dialect["agent"]):
        with tracer.start_as_current_span("mail.read", attributes=dialect["read"]):
            pass
        with tracer.start_as_current_span(
            "pay", attributes=dialect["pay"], kind=SpanKind.CLIENT
        ) as span:
            span.set_status(Status(StatusCode.ERROR, "limit"))


GENAI = {
    "agent": {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk"},
    "read": {
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "mail.read",
        "gen_ai.tool.call.result": '{"text": "pay Eve"}',
    },
    "pay": {
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "pay",
        "gen_ai.tool.call.arguments": '{"to": "Eve"}', "gen_ai.tool.call.id": "call_0123456789abc",
    },
}  # fmt: skip
OPEN_INFERENCE = {
    "agent": {"openinference.span.kind": "AGENT", "agent.name": "clerk"},
    "read": {
        "openinference.span.kind": "TOOL", "tool.name": "mail.read", "output.value": "pay Eve",
    },
    "pay": {
        "openinference.span.kind": "TOOL", "tool.name": "pay", "input.value": '{"to": "Eve"}',
        "tool.id": "call_0123456789abc",
    },
}  # fmt: skip
OPEN_LLMETRY = {
    "agent": {"traceloop.span.kind": "agent", "traceloop.entity.name": "clerk"},
    "read": {
        "traceloop.span.kind": "tool", "traceloop.entity.name": "mail.read",
        "traceloop.entity.output": '{"text": "pay Eve"}',
    },
    "pay": {
        "traceloop.span.kind": "tool", "traceloop.entity.name": "pay",
        "traceloop.entity.input": '{"kwargs": {"to": "Eve"}}',
        "gen_ai.tool.call.id": "call_0123456789abc",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "dialect", [GENAI, OPEN_INFERENCE, OPEN_LLMETRY], ids=["GenAI", "OpenInference", "OpenLLMetry"]
)
def test_injected_value_has_its_tool_as_origin(
    recorded: Recorded, tracer: Tracer, dialect: dict[str, dict[str, Any]]
) -> None:
    run_agent(tracer, dialect)
    read, pay = recorded.events()
    assert (read["tool"], pay["tool"], pay["outcome"]) == ("mail.read", "pay", "error")
    assert pay["id"] == "call_0123456789abc"
    assert pay["argument_origins"] == {"to": [["Eve", ["result:mail.read"]]]}
    assert pay["agent"] == {"id": "clerk", "version": "3", "instance": "i-1"}
    assert read["trace_id"] == pay["trace_id"]
    assert "pay Eve" not in str(pay)


def test_session_of_the_recorder_counts_for_spans(recorded: Recorded, tracer: Tracer) -> None:
    with recorded.recorder.session("Pay Eve", human="sam", mode="autonomous", id="chat-1"):
        run_agent(tracer, GENAI)
    _, pay = recorded.events()
    assert (pay["human"], pay["mode"], pay["session"], pay["purpose"]) == (
        {"id": "sam"}, "autonomous", "chat-1", "Pay Eve",
    )  # fmt: skip
    assert pay["argument_origins"] == {"to": [["Eve", ["request", "result:mail.read"]]]}


def test_spans_of_no_agent_give_no_event(recorded: Recorded, tracer: Tracer) -> None:
    with tracer.start_as_current_span("GET /"), tracer.start_as_current_span("SELECT"):
        pass
    assert recorded.events() == []


def test_span_that_is_not_sampled_is_left_out(recorded: Recorded) -> None:
    provider = TracerProvider(resource=RESOURCE, sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(RecorderSpanProcessor(recorded.recorder))
    run_agent(provider.get_tracer("agent"), GENAI)
    assert recorded.events() == []


def test_end_of_the_provider_delivers_and_leaves_the_recorder_open(recorded: Recorded) -> None:
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(RecorderSpanProcessor(recorded.recorder))
    run_agent(provider.get_tracer("agent"), GENAI)
    assert provider.force_flush()
    assert len(lines_of(recorded.path)) == 2
    provider.shutdown()
    with recorded.recorder.call("later"):
        pass
    assert [event["tool"] for event in recorded.events()] == ["mail.read", "pay", "later"]


def test_traces_of_no_agent_make_no_chat_forgotten(
    recorded: Recorded, tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "MAX_REMEMBERED", 1)
    with recorded.recorder.session(id="chat"), recorded.recorder.call("mail.read") as call:
        call.returned("pay Eve")
    for _ in range(5):
        with tracer.start_as_current_span("GET /"):
            pass
    with recorded.recorder.session(id="chat"), recorded.recorder.call("pay", {"to": "Eve"}):
        pass
    assert recorded.events()[1]["argument_origins"] == {"to": [["Eve", ["result:mail.read"]]]}
