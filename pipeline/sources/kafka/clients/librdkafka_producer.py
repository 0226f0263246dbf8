"""A producer by librdkafka, which sends a message at a fifth of kafka-python's cost.

It sends on threads of its own, and calls back on ours alone, in `send`.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException
from confluent_kafka import Producer as Client

from pipeline.sources.kafka.clients.librdkafka_faults import ANSWER_S
from pipeline.sources.kafka.clients.producer import DELIVERY_S, ID_HEADER, ProducerFault, key_sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from confluent_kafka import KafkaError
    from confluent_kafka import Message as Sent

    from pipeline.processing.stream_types import Message

    Header = tuple[str, str | bytes | None]
    _Content = tuple[str | None, bytes | None, bytes | None]

# Waiting for more than a second at once would keep signals from being handled.
_WAIT_S = 1


class LibrdkafkaProducer:
    """A `Producer` by librdkafka.

    Nothing of Python runs for a message that is confirmed.

    Parameters
    ----------
    options
        As of `pipeline.sources.kafka.clients.librdkafka_options.producer_options`.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        # Not this object's own: the client would hold it, and it the client, until some collection.
        self._refused = _Refused()
        told = {"on_delivery": self._refused.note, "delivery.report.only.error": True}
        with _translated():
            self._client = Client({**options, **told}, logger=logging.getLogger("librdkafka"))

    def send(self, messages: Sequence[Message]) -> None:
        """Send in the order given, and return once all are confirmed."""
        refused = self._refused
        refused.begin()
        handed = self._hand_over(messages)
        if not self._settled():
            raise refused.first or ProducerFault("_TIMED_OUT")
        if refused.first is not None:
            refused.first.left = refused.places(messages, handed)
            raise refused.first

    def _hand_over(self, messages: Sequence[Message]) -> int:
        """Give how many the client took to send."""
        produce, topic, handed = self._client.produce, "", 0
        try:
            for message in messages:
                topic = message.topic
                headers: list[Header] = [*message.headers, (ID_HEADER, message.id)]
                produce(topic, message.value, key_sent(message), headers=headers)
                handed += 1
        except KafkaException as error:
            self._refused.keep(error.args[0], topic)
        return handed

    def _settled(self) -> bool:
        """Wait, longer than delivery may take, until each is confirmed or given up."""
        until = monotonic() + DELIVERY_S + ANSWER_S
        while len(self._client) and monotonic() < until:
            try:
                # Not `flush`: when the client cannot go on, that calls back with the error raised.
                self._client.poll(_WAIT_S)
            except KafkaException as error:
                self._refused.keep(error.args[0], "")
        return not len(self._client)

    def take_over(self) -> None:
        """Take the owner's id."""
        with _translated():
            self._client.init_transactions(ANSWER_S)

    def begin(self) -> None:
        """Begin a transaction."""
        with _translated():
            self._client.begin_transaction()

    def commit(self) -> None:
        """Let readers see what was sent since it began."""
        with _translated():
            self._client.commit_transaction(ANSWER_S)

    def drop(self) -> None:
        """Let go of it after a fault, without waiting."""
        del self._client

    def close(self) -> None:
        """Let go of it; everything sent is confirmed."""
        del self._client


class _Refused:
    """Messages that were not taken, and the first fault."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what was before."""
        self.first: ProducerFault | None = None
        self._noted: set[_Content] = set()

    def note(self, error: KafkaError, message: Sent) -> None:
        """Take note of what is told of a message; called for those that failed."""
        self.keep(error, message.topic() or "")
        self._noted.add(_content(message.topic(), message.key(), message.value()))

    def places(self, messages: Sequence[Message], handed: int) -> tuple[int, ...]:
        """Give the places of those not taken, known by their content, or not handed over at all."""
        return tuple(
            place
            for place, one in enumerate(messages)
            if place >= handed or _content(one.topic, one.key, one.value) in self._noted
        )

    def keep(self, error: KafkaError, topic: str) -> None:
        """Keep a fault, unless there was one before."""
        self.first = self.first or ProducerFault(error.name(), topic)


def _content(topic: str | None, key: bytes | None, value: bytes | None) -> _Content:
    """Give what a message is known by; the client makes no difference between empty and none."""
    return topic, key or None, value or None


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        told = error.args[0]
        raise ProducerFault(told.name(), detail=told.str()) from error
