"""A topic, a database, and workers between them."""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from pipeline.processing import runner
from pipeline.processing.stream_types import Message
from pipeline.publishing import open_sink
from pipeline.settings import Settings
from pipeline.sources.kafka.clients.kafka_module import KafkaAdminClient
from pipeline.sources.kafka.topics import create_topics
from pipeline.store import open_shard, open_store

if TYPE_CHECKING:
    from collections.abc import Callable


class Stream:
    """A topic of four partitions, a database, and workers between them."""

    def __init__(self, address: str, url: str, client: str, **configs: str) -> None:
        self.address, self.url, self.client = address, url, client
        self.topic = f"test-shards-{uuid.uuid4().hex[:10]}"
        create_topics(address)
        self.admin = KafkaAdminClient(bootstrap_servers=address)
        self._make(configs)

    def _make(self, configs: dict[str, str]) -> None:
        options = {"num_partitions": 4, "replication_factor": 1, "configs": configs}
        self.admin.create_topics({self.topic: options}, wait_for_metadata=True)

    def make_anew(self) -> None:
        """Delete the topic, and make one of its name."""
        self.admin.delete_topics([self.topic])
        until(lambda: self.topic not in self.admin.list_topics())
        self._make({})

    def send(self, lines: list[bytes]) -> None:
        sink = open_sink(f"kafka://{self.address}", kafka_client=self.client)
        keys = [str(json.loads(line)["agent"]["id"]).encode() for line in lines]
        numbered = enumerate(zip(keys, lines, strict=True))
        sink.publish([Message(self.topic, key, str(n), line) for n, (key, line) in numbered])
        sink.close()

    def settings(self, **more: Any) -> Settings:
        given: dict[str, Any] = {
            "source": f"kafka://{self.address}/{self.topic}?group={self.topic}",
            "store": self.url,
            "batch_size": 100,
            "clock": "event",
            "kafka_client": self.client,
        }
        return Settings(**given | more)

    def counted(self) -> dict[str, int]:
        with open_store(self.url, read_only=True) as store:
            return store.counters()

    def statuses(self) -> dict[str, str]:
        with open_shard(self.url, "", read_only=True) as store:
            return {name: said.state for name, said in store.statuses().items()}

    def close(self) -> None:
        self.admin.delete_topics([self.topic])
        self.admin.close()


class Worker(threading.Thread):
    """A worker that goes on until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings, self.ending = settings, threading.Event()
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            runner.run(self.settings, stop=self.ending)
        except BaseException as error:  # noqa: BLE001  # shown by the test
            self.fault = error

    def __enter__(self) -> Worker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self.join(60)
        assert self.fault is None


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
