"""The partition of a key is the one that every other client of Kafka gives it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.kafka.clients.kafka_module import DefaultPartitioner
from pipeline.sources.kafka.partitions import Partitions


class Cluster:
    """A topic of so many partitions, all of them available."""

    def __init__(self, number: int) -> None:
        self._all = set(range(number))

    def topics(self):
        return {"agent.trust"}

    def partitions_for_topic(self, _topic):
        return self._all

    available_partitions_for_topic = partitions_for_topic


@given(st.binary(max_size=40), st.integers(1, 64))
def test_partition_of_a_key_is_that_of_the_client(key, number):
    asked = ("agent.trust", key, key, b"", b"", Cluster(number))
    expected = DefaultPartitioner().partition(*asked)
    assert [Partitions().partition(*asked) for _ in range(2)] == [expected] * 2


def test_a_message_without_a_key_goes_to_any_partition():
    asked = ("agent.trust", None, None, b"", b"", Cluster(3))
    assert Partitions().partition(*asked) in {0, 1, 2}
