"""The Kafka client, imported once.

It reads its protocol schemas through a function of the standard library that warns, at import,
of its own future; nobody who runs this can do anything about it.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", r"(open|read)_text is deprecated", DeprecationWarning)
    from kafka import (
        ConsumerRebalanceListener,
        KafkaAdminClient,
        KafkaConsumer,
        KafkaProducer,
        OffsetAndMetadata,
        TopicPartition,
    )
    from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
    from kafka.errors import (
        KafkaError,
        KafkaTimeoutError,
        OffsetOutOfRangeError,
        RetriableError,
        TopicAlreadyExistsError,
        UnknownError,
    )
    from kafka.partitioner import DefaultPartitioner, murmur2

__all__ = [
    "ConsumerRebalanceListener",
    "CooperativeStickyAssignor",
    "DefaultPartitioner",
    "KafkaAdminClient",
    "KafkaConsumer",
    "KafkaError",
    "KafkaProducer",
    "KafkaTimeoutError",
    "OffsetAndMetadata",
    "OffsetOutOfRangeError",
    "RetriableError",
    "TopicAlreadyExistsError",
    "TopicPartition",
    "UnknownError",
    "murmur2",
]
