"""The Kafka client, imported once.

At import it reads its protocol schemas with a deprecated function of the standard library. Users
cannot act on that warning, so it is suppressed.
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
