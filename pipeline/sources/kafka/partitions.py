"""Partition of a key: the same as in other clients, computed once per key."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pipeline.sources.kafka.clients.kafka_module import DefaultPartitioner, murmur2

# Keys are agents; an entry takes a tenth of a KiB.
_MAX_KNOWN = 65_536
_POSITIVE = 0x7FFFFFFF


class Partitions(DefaultPartitioner):  # type: ignore[misc]  # the client has no types
    """The client's default partitioner with a cache of key hashes.

    The client hashes a key byte by byte in Python, which takes half the time of sending a message.

    Examples
    --------
    >>> class OfThree:
    ...     def partitions_for_topic(self, topic):
    ...         return {0, 1, 2}
    >>> Partitions().partition("agent.trust", None, b"billing-7", None, b"", OfThree())
    1
    """

    def partition(
        self,
        topic: str,
        key: Any,
        serialized_key: bytes | None,
        value: Any,
        serialized_value: bytes | None,
        cluster: Any,
    ) -> int:
        """Choose the partition of a record."""
        partitions = cluster.partitions_for_topic(topic)
        if serialized_key is None or not partitions:
            return int(
                super().partition(topic, key, serialized_key, value, serialized_value, cluster)
            )
        return int(sorted(partitions)[_place(serialized_key) % len(partitions)])


@lru_cache(maxsize=_MAX_KNOWN)
def _place(key: bytes) -> int:
    return int(murmur2(key)) & _POSITIVE
