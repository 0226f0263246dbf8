"""Topics of one run: send records, and read records and results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.publishing import open_sink
from pipeline.publishing.cases import CASES
from pipeline.publishing.outputs import ANOMALIES, TRUST
from pipeline.publishing.rejected import TOPIC as REJECTED
from pipeline.sources.kafka.clients.kafka_module import (
    KafkaAdminClient,
    KafkaConsumer,
    TopicPartition,
)
from pipeline.sources.kafka.clients.kafka_python import received_as
from pipeline.sources.kafka.topics import create_topics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.processing.stream_types import Message, RawRecord

NOW_US = 4_000_000_000_000_000  # arrival time of all records, long after their event times
OUTPUTS = (CASES, ANOMALIES, TRUST, REJECTED)


class Topics:
    """A separate topic of actions; results go to the shared topics."""

    def __init__(self, brokers: str, mark: str, partitions: int) -> None:
        self.actions = f"{mark}-actions"
        self._brokers = brokers
        create_topics(brokers)
        options = {"num_partitions": partitions, "replication_factor": 1, "configs": {}}
        self._admin("create_topics", {self.actions: options}, wait_for_metadata=True)
        self._from = {}
        with _reader(brokers) as reader:
            self._from = reader.end_offsets(_partitions(reader, OUTPUTS))

    def _admin(self, call: str, *values: Any, **named: Any) -> None:
        client = KafkaAdminClient(bootstrap_servers=self._brokers)
        try:
            getattr(client, call)(*values, **named)
        finally:
            client.close()

    def send(self, batch: Sequence[Message]) -> None:
        """Send records, and wait until the broker has them."""
        if batch:
            sink = open_sink(f"kafka://{self._brokers}")
            try:
                sink.publish(batch)
            finally:
                sink.close()

    def records(self) -> dict[str, list[RawRecord]]:
        """Read all records of the topic of actions, by partition."""
        with _reader(self._brokers) as reader:
            partitions = _partitions(reader, [self.actions])
            read: dict[str, list[Any]] = {}
            for one in _read(reader, dict.fromkeys(partitions, 0)):
                read.setdefault(f"kafka:{one.topic}:{one.partition}", []).append(one)
        return {key: list(received_as(key, received, NOW_US)) for key, received in read.items()}

    def published(self, ids: set[str]) -> tuple[list[Any], int]:
        """Read the published messages of this run in order, and count the repeats."""
        with _reader(self._brokers) as reader:
            out = [one for one in _read(reader, self._from) if self._mine(one, ids)]
        distinct = {(one.topic, _id(one), one.value) for one in out}
        return out, len(out) - len(distinct)

    def _mine(self, one: Any, ids: set[str]) -> bool:
        return _id(one) in ids or self.actions.encode() in (one.value or b"")

    @staticmethod
    def differences(expected: Sequence[Message], found: Sequence[Any]) -> list[str]:
        """Describe missing and unexpected messages."""
        wanted = {(one.topic, one.key, one.id, one.value) for one in expected}
        got = {(one.topic, one.key, _id(one), one.value) for one in found}
        # The topic of trust is compacted: only the last answer of each agent must be correct.
        last = {one.key: one.value for one in expected if one.topic == TRUST}
        lost = {one for one in wanted - got if one[0] != TRUST}
        more = got - wanted
        out = [f"not published: {one[0]} {one[2]}" for one in sorted(lost, key=repr)[:5]]
        out += [f"published for nothing: {one[0]} {one[2]}" for one in sorted(more, key=repr)[:5]]
        newest = {one.key: one.value for one in found if one.topic == TRUST}
        out += [f"last trust of {key!r} is another" for key in last if newest.get(key) != last[key]]
        return out

    def close(self) -> None:
        """Delete the topic of actions."""
        self._admin("delete_topics", [self.actions])


def _id(record: Any) -> str:
    return str(dict(record.headers).get("id", b""), "utf-8")


class _reader:  # noqa: N801  # used like a function
    def __init__(self, brokers: str) -> None:
        # Pending transactions of a replaced worker were never committed.
        self._consumer = KafkaConsumer(
            bootstrap_servers=brokers,
            auto_offset_reset="none",
            isolation_level="read_committed",
        )

    def __enter__(self) -> Any:
        return self._consumer

    def __exit__(self, *_: object) -> None:
        self._consumer.close()


def _partitions(reader: Any, topics: Sequence[str]) -> list[Any]:
    return [
        TopicPartition(topic, number)
        for topic in topics
        for number in sorted(reader.partitions_for_topic(topic) or ())
    ]


def _read(reader: Any, start: dict[Any, int]) -> list[Any]:
    reader.assign(list(start))
    for partition, offset in start.items():
        reader.seek(partition, offset)
    end = reader.end_offsets(list(start))
    out: list[Any] = []
    while any(reader.position(partition) < offset for partition, offset in end.items()):
        for received in reader.poll(timeout_ms=500).values():
            out += received
    return out
