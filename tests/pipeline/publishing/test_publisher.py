"""Publishing is repeated while a sink is away, against a real broker and a real disk."""

from __future__ import annotations

import threading
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import SinkUnavailable
from pipeline.processing.stream_types import Message
from pipeline.publishing import open_sink, publisher
from pipeline.publishing.publisher import Publisher
from tests.pipeline.sources.conftest import Kafka

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.processing.stream_types import Sink


def attempts(
    publishing: Publisher, sink: Sink, topic: str
) -> tuple[list[bool], Callable[[], bool]]:
    """Give what publishes a message, and the list of its results."""
    results: list[bool] = []

    def publish() -> bool:
        message = Message(topic, b"a", "1", b"{}")
        results.append(publishing.tried(partial(sink.publish, [message]), "sink_unavailable"))
        return results[-1]

    return results, publish


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A file that cannot be written, because a folder has its name."""
    (tmp_path / "agent.trust.jsonl").mkdir()
    return tmp_path / "agent.trust.jsonl"


@pytest.mark.broker
def test_topic_created_during_retries_gets_the_message(
    kafka: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "RETRY_S", 0.2)
    topic, publishing, sink = f"{kafka.topic}-late", Publisher(threading.Event()), kafka.sink()
    results, publish = attempts(publishing, sink, topic)
    try:
        assert not publish()
        options = {"num_partitions": 1, "replication_factor": 1, "configs": {}}
        created = threading.Thread(target=admin.create_topics, args=({topic: options},))
        created.start()
        publishing.drain(publish)
        created.join()
        assert results[0] is False
        assert results[-1] is True
        assert [one.value for one in Kafka(kafka.address, topic, kafka.client).raw()] == [b"{}"]
    finally:
        sink.close()
        admin.delete_topics([topic])


def test_full_disk_is_retried_until_the_message_is_written(
    blocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "RETRY_S", 0.05)
    publishing, sink = Publisher(threading.Event()), open_sink(f"file:{blocked.parent}")
    results, publish = attempts(publishing, sink, "agent.trust")

    def repaired() -> bool:
        if len(results) == 3:
            blocked.rmdir()
        return publish()

    publishing.drain(repaired)
    sink.close()
    assert results == [False, False, False, True]
    assert blocked.read_bytes() == b"{}\n"


def test_unavailable_sink_is_named_after_the_last_retry(
    blocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "RETRY_S", 0.01)
    publishing, sink = Publisher(threading.Event()), open_sink(f"file:{blocked.parent}")
    results, publish = attempts(publishing, sink, "agent.trust")
    with pytest.raises(SinkUnavailable, match=r"^the sink accepted nothing for .* run again$"):
        publishing.drain(publish)
    assert results == [False] * 31


def test_retries_end_after_thirty_seconds() -> None:
    assert publisher.RETRIES * publisher.RETRY_S == 30


def test_a_stop_ends_the_retries_without_an_error(blocked: Path) -> None:
    stop = threading.Event()
    publishing, sink = Publisher(stop), open_sink(f"file:{blocked.parent}")
    results, publish = attempts(publishing, sink, "agent.trust")
    asked = threading.Timer(0.1, stop.set)
    begun = monotonic()
    asked.start()
    publishing.drain(publish)
    asked.join()
    assert monotonic() - begun < publisher.RETRY_S
    assert results[0] is False
    assert not any(results)
