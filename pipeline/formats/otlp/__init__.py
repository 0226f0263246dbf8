"""OTLP: spans and log records of agents, in JSON and in protobuf."""
