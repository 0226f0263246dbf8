"""Kafka as source and sink, and the topics there; the only place that knows its clients."""

from __future__ import annotations

from pipeline.adapters.kafka.sink import KafkaSink
from pipeline.adapters.kafka.source import KafkaSource
from pipeline.adapters.kafka.topics import TOPICS, create_topics, topics_at

__all__ = ["TOPICS", "KafkaSink", "KafkaSource", "create_topics", "topics_at"]
