"""A topic of its own on a real broker, for the tests of Kafka."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.processing.stream_types import Message
from pipeline.publishing import open_sink
from pipeline.sources import open_source
from pipeline.sources.kafka.clients.kafka_module import KafkaConsumer, TopicPartition
from pipeline.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.processing.stream_types import Batch, Sink


@pytest.fixture
def topic(admin: Any) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:12]}"
    options = {"num_partitions": 2, "replication_factor": 1,
               "configs": {"max.message.bytes": "4000000"}}  # fmt: skip
    admin.create_topics({name: options}, wait_for_metadata=True)
    yield name
    admin.delete_topics([name])


class Kafka:
    """A topic that is filled with numbers and read by one of the clients."""

    def __init__(self, address: str, topic: str, client: str) -> None:
        self.address, self.topic, self.client = address, topic, client

    def fill(self, first: int, last: int) -> None:
        sink = self.sink()
        sink.publish(
            [
                Message(self.topic, b"agent-%d" % (n % 9), f"id-{n}", b"%d" % n, (("trace", b"t"),))
                for n in range(first, last)
            ]
        )
        sink.close()

    def sink(self) -> Sink:
        return open_sink(f"kafka://{self.address}", kafka_client=self.client)

    def raw(self) -> list[Any]:
        """Give all records as a plain consumer has them, partition by partition."""
        plain = KafkaConsumer(bootstrap_servers=self.address, isolation_level="read_committed")
        partitions = [
            TopicPartition(self.topic, number)
            for number in sorted(plain.partitions_for_topic(self.topic) or ())
        ]
        plain.assign(partitions)
        plain.seek_to_beginning(*partitions)
        ends = plain.end_offsets(partitions)
        found: list[Any] = []
        while any(plain.position(partition) < end for partition, end in ends.items()):
            found += [one for some in plain.poll(500).values() for one in some]
        plain.close()
        return sorted(found, key=lambda one: (one.partition, one.offset))

    def source(self, client: str = "", *, drain: bool = True, more: str = "") -> KafkaSource:
        url = f"kafka://{self.address}/{self.topic}?group=group-{self.topic}{more}"
        source = open_source(
            url,
            batch_size=100,
            clock_us=lambda: 7,
            drain=drain,
            kafka_client=client or self.client,
        )
        assert isinstance(source, KafkaSource)
        return source

    def endless(self, more: str = "") -> KafkaSource:
        """A source in the middle of its work: it has its partitions, and has fetched ahead."""
        source = self.source(drain=False, more=more)
        source.resume({})
        return source

    def drained(self, positions: Mapping[str, str] | None = None, more: str = "") -> dict[str, Any]:
        return self.read(self.source(more=more), positions)

    @staticmethod
    def read(source: KafkaSource, positions: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Read to the end as the runner does: commit after each batch."""
        source.resume(positions or {})
        stored, records = dict(positions or {}), []
        for batch in source.batches():
            records += batch.records
            stored.update(batch.positions)
            source.commit(batch.positions)
        source.close()
        return {"records": records, "positions": stored}

    @staticmethod
    def some(batches: Iterator[Batch]) -> Batch:
        """Give the next batch that has records."""
        deadline = time.monotonic() + 30
        while not (batch := next(batches)).records:
            assert time.monotonic() < deadline
        return batch


@pytest.fixture
def kafka(kafka_address: str, topic: str, kafka_client: str) -> Kafka:
    return Kafka(kafka_address, topic, kafka_client)
