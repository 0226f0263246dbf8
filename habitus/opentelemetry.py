"""OpenTelemetry: ``from habitus.opentelemetry import RecorderSpanProcessor``."""

from __future__ import annotations

from pipeline.recorder.frameworks.opentelemetry import RecorderSpanProcessor

__all__ = ["RecorderSpanProcessor"]
