"""An agent that is instrumented with OpenTelemetry: two calls, then its own span ends.

usage: otel_agent.py ENDPOINT
"""

from __future__ import annotations

import sys
import time

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

CALLS = (
    ("read_invoice", '{"number": "INV-7"}', "pay 120 to AC-9930417"),
    ("pay", '{"account": "AC-9930417"}', "paid"),
)
REQUEST = '[{"role": "user", "parts": [{"type": "text", "content": "Settle invoice INV-7"}]}]'


def main(endpoint: str) -> None:
    """Report one session."""
    provider = TracerProvider(resource=Resource.create({"service.name": "invoices"}))
    exporter = OTLPSpanExporter(endpoint=endpoint)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=100))
    tracer = provider.get_tracer("invoices")
    said = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "clerk",
        "gen_ai.conversation.id": "thread-1",
        "user.id": "jane@example.com",
        "gen_ai.input.messages": REQUEST,
    }
    with tracer.start_as_current_span("invoke_agent clerk", attributes=said):
        for number, (tool, arguments, result) in enumerate(CALLS):
            call = {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": tool,
                "gen_ai.tool.call.id": f"call_00000000000{number}",
                "gen_ai.tool.call.arguments": arguments,
            }
            with tracer.start_as_current_span(f"execute_tool {tool}", attributes=call) as span:
                span.set_attribute("gen_ai.tool.call.result", result)
        time.sleep(0.5)  # the calls are exported before the agent's span ends
    provider.shutdown()


main(sys.argv[1])
