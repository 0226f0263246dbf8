"""The stream in Kafka: written once, polled without processing, and deleted at the end."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring.meter import Meter
from benchmarks.streaming.inputs import key_of, read_lines
from pipeline.processing.stream_types import BATCH_BYTES, Message
from pipeline.publishing import open_sink
from pipeline.sources.kafka.address import answers
from pipeline.sources.kafka.clients.kafka_module import (
    KafkaAdminClient,
    KafkaConsumer,
    TopicPartition,
)
from pipeline.sources.kafka.topics import create_topics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measuring.meter import Job, Result

_STARTED = Path(__file__).parents[2] / ".services" / "kafka.json"
_CHUNK = 10_000
_IDLE_MS = 5_000


def broker() -> str:
    """Give HOST:PORT of the named broker or that of `make services`, else ""."""
    named = os.environ.get("HABITUS_TEST_KAFKA", "")
    if not named:
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
            named = str(json.loads(_STARTED.read_text())["bootstrap"])
    return named if named and answers([named]) else ""


@contextlib.contextmanager
def topic_of(job: Job, address: str) -> Iterator[str]:
    """Write the stream to a new topic with one partition, which keeps the order."""
    create_topics(address)
    topic = f"benchmark-{uuid.uuid4().hex[:12]}"
    admin: Any = KafkaAdminClient(bootstrap_servers=address)
    sink = open_sink(f"kafka://{address}")
    try:
        options = {"num_partitions": 1, "replication_factor": 1, "configs": {}}
        admin.create_topics({topic: options}, wait_for_metadata=True)
        lines = read_lines(job)
        for start in range(0, len(lines), _CHUNK):
            part = enumerate(lines[start : start + _CHUNK], start)
            sink.publish([Message(topic, key_of(line), str(at), line) for at, line in part])
        yield topic
    finally:
        sink.close()
        with contextlib.suppress(Exception):  # a remaining topic is harmless
            admin.delete_topics([topic])
        admin.close()


def poll(job: Job) -> Result:
    """Call kafka-python's `poll` with the options of Habitus."""
    partition = TopicPartition(job.topic, 0)
    consumer: Any = KafkaConsumer(
        bootstrap_servers=job.broker,
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_poll_records=job.batch_size,
        fetch_max_bytes=BATCH_BYTES,
        max_partition_fetch_bytes=BATCH_BYTES,
    )
    consumer.assign([partition])
    consumer.seek(partition, 0)
    meter, left = Meter(), job.warm + job.events
    meter.start(None, "kafka")
    while left:
        polled = consumer.poll(timeout_ms=_IDLE_MS)
        count = sum(map(len, polled.values()))
        assert count, f"the broker gave nothing for {_IDLE_MS} ms, {left} records were left"
        meter.advance(count)
        left -= count
    meter.stop()
    consumer.close()
    return meter.result("kafka", job)
