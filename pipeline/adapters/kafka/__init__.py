"""Kafka as source and sink, and the topics there; the only place that knows its clients."""

from __future__ import annotations

from pipeline.adapters.kafka.sink import TOPICS, KafkaSink, create_topics, topics_at
from pipeline.adapters.kafka.source import KafkaSource

__all__ = ["TOPICS", "KafkaSink", "KafkaSource", "create_topics", "topics_at"]
