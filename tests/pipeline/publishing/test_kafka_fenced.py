"""Whoever was overtaken publishes nothing any more, by whichever client; against a real broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.errors import SinkUnavailable, Superseded
from pipeline.processing.stream_types import Message
from pipeline.publishing import open_fenced_sink

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.processing.stream_types import Sink

pytestmark = pytest.mark.broker


def ours() -> None:
    """The shard is still this worker's."""


def theirs() -> None:
    raise Superseded("another worker has it")


class Fenced:
    """Sinks of one shard, and messages with a number each."""

    def __init__(self, kafka: Any) -> None:
        self.kafka = kafka

    def sink(self, still_ours: Callable[[], None], client: str = "") -> Sink:
        kafka = self.kafka
        return open_fenced_sink(
            f"kafka://{kafka.address}",
            f"shard-{kafka.topic}",
            still_ours,
            kafka_client=client or kafka.client,
        )

    def numbers(self, *numbers: int) -> list[Message]:
        return [Message(self.kafka.topic, b"a", str(n), b"%d" % n) for n in numbers]

    def readable(self) -> list[int]:
        return [int(one.value) for one in self.kafka.raw()]


@pytest.fixture
def fenced(kafka: Any) -> Fenced:
    return Fenced(kafka)


def test_published_messages_can_be_read_after_publish(fenced: Fenced) -> None:
    sink = fenced.sink(ours)
    for number in range(0, 20, 2):
        sink.publish(fenced.numbers(number, number + 1))
        assert fenced.readable() == list(range(number + 2))
    sink.close()


@pytest.mark.parametrize("other", ["kafka-python", "librdkafka"])
def test_replaced_worker_is_refused_with_the_reason(fenced: Fenced, other: str) -> None:
    held = [ours]
    old = fenced.sink(lambda: held[-1](), other)
    old.publish(fenced.numbers(1))
    new = fenced.sink(ours)
    new.publish(fenced.numbers(2))
    held.append(theirs)
    with pytest.raises(SinkUnavailable, match="cannot publish"):
        old.publish(fenced.numbers(8))
    with pytest.raises(Superseded):
        old.publish(fenced.numbers(9))
    old.close()
    assert fenced.readable() == [1, 2]
    # The old one took the id back before it asked.
    with pytest.raises(SinkUnavailable, match="cannot publish"):
        new.publish(fenced.numbers(3))
    new.publish(fenced.numbers(3))
    new.close()
    assert fenced.readable() == [1, 2, 3]


@pytest.mark.parametrize("other", ["kafka-python", "librdkafka"])
def test_pending_transaction_of_the_previous_worker_is_never_read(
    fenced: Fenced, other: str
) -> None:
    old = fenced.sink(ours, other)
    old.publish(fenced.numbers(1))
    old._producer.begin()
    old._producer.send(fenced.numbers(8))
    new = fenced.sink(ours)
    new.publish(fenced.numbers(2))
    assert fenced.readable() == [1, 2]
    old.close()
    new.close()


def test_a_transaction_with_a_message_that_is_refused_is_not_read_and_can_be_repeated(
    fenced: Fenced,
) -> None:
    sink = fenced.sink(ours)
    sink.publish(fenced.numbers(1))
    too_long = Message(fenced.kafka.topic, b"a", "x", bytes(5_000_000))
    with pytest.raises(SinkUnavailable, match=rf"to topic '{fenced.kafka.topic}' at"):
        sink.publish([*fenced.numbers(2), too_long])
    sink.publish(fenced.numbers(2))
    sink.close()
    assert fenced.readable() == [1, 2]
