"""Components that report agents: the OpenTelemetry Collector, LiteLLM and the Agents SDK."""
