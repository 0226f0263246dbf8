"""Frameworks and SDKs without a settings file: what a person writes, and no more."""

from __future__ import annotations

from pipeline.connecting.connector import TOKEN, Connector, Target


class OpenaiAgents(Connector):
    """The OpenAI Agents SDK: one exporter more.

    Examples
    --------
    >>> len(OpenaiAgents().instructions(Target("http://127.0.0.1:8765")))
    3
    """

    name = "openai-agents"
    then = "put these lines where your program starts, then run it"

    def instructions(self, target: Target) -> list[str]:
        """Give the lines of code."""
        key = f'os.environ["{TOKEN}"]' if target.key else '"none"'
        exporter = (
            f'BackendSpanExporter(api_key={key}, endpoint="{target.url("/v1/openai-traces")}")'
        )
        return [
            *(["import os"] if target.key else []),
            "from agents import add_trace_processor",
            "from agents.tracing.processors import BackendSpanExporter, BatchTraceProcessor",
            f"add_trace_processor(BatchTraceProcessor({exporter}))",
        ]


class Otel(Connector):
    """Any OpenTelemetry SDK, and the Collector: the variables of the specification.

    Examples
    --------
    >>> Otel().instructions(Target("http://127.0.0.1:8765"))[0]
    'export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:8765'
    """

    name = "otel"
    then = "start your program with these variables; a Collector takes them as exporter otlphttp"

    def instructions(self, target: Target) -> list[str]:
        """Give the variables."""
        lines = [
            f"export OTEL_EXPORTER_OTLP_ENDPOINT={target.api.rstrip('/')}",
            "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
            "export OTEL_TRACES_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp",
            "export OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental",
            "# instrumentations of the GenAI conventions before 1.37 know `true` only:",
            "export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY",
        ]
        if target.key:
            header = f'"Authorization=Bearer%20${TOKEN}"'
            lines.append(f"export OTEL_EXPORTER_OTLP_HEADERS={header}")
        return lines
