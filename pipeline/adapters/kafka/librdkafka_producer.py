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

from pipeline.adapters.kafka.librdkafka_faults import ANSWER_S
from pipeline.adapters.kafka.producer import DELIVERY_S, ID_HEADER, ProducerFault, key_sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from confluent_kafka import KafkaError
    from confluent_kafka import Message as Sent

    from pipeline.record import Message

    Header = tuple[str, str | bytes | None]

# Waiting for more than a second at once would keep signals from being handled.
_WAIT_S = 1


class LibrdkafkaProducer:
    """A `Producer` by librdkafka.

    Nothing of Python runs for a message that is confirmed.

    Parameters
    ----------
    options
        As of `pipeline.adapters.kafka.librdkafka_options.producer_options`.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        # Not this object's own: the client would hold it, and it the client, until some collection.
        self._refused = _Refused()
        told = {"on_delivery": self._refused.note, "delivery.report.only.error": True}
        with _translated():
            self._client = Client({**options, **told}, logger=logging.getLogger("librdkafka"))

    def send(self, messages: Sequence[Message]) -> None:
        """Send in the order given, and return once all are confirmed."""
        self._refused.first = None
        self._hand_over(messages)
        if not self._settled():
            raise self._refused.first or ProducerFault("_TIMED_OUT")
        if self._refused.first is not None:
            raise self._refused.first

    def _hand_over(self, messages: Sequence[Message]) -> None:
        produce, topic = self._client.produce, ""
        try:
            for message in messages:
                topic = message.topic
                headers: list[Header] = [*message.headers, (ID_HEADER, message.id)]
                produce(topic, message.value, key_sent(message), headers=headers)
        except KafkaException as error:
            self._refused.keep(error.args[0], topic)

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
    """The first message that was not taken."""

    def __init__(self) -> None:
        self.first: ProducerFault | None = None

    def note(self, error: KafkaError, message: Sent) -> None:
        """Take note of what is told of a message; called for those that failed."""
        self.keep(error, message.topic() or "")

    def keep(self, error: KafkaError, topic: str) -> None:
        """Keep a fault, unless there was one before."""
        self.first = self.first or ProducerFault(error.name(), topic)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        told = error.args[0]
        raise ProducerFault(told.name(), detail=told.str()) from error
