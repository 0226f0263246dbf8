"""A producer with librdkafka, which sends a message at a fifth of kafka-python's cost.

It sends on its own threads. Callbacks run on our thread only, in `send`.
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

# A longer wait would delay the handling of signals.
_WAIT_S = 1


class LibrdkafkaProducer:
    """A `Producer` with librdkafka.

    No Python code runs for a confirmed message.

    Parameters
    ----------
    options
        Result of `pipeline.sources.kafka.clients.librdkafka_options.producer_options`.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        # A separate object: a callback of this one would make a reference cycle with the client.
        self._refused = _Refused()
        reports = {"on_delivery": self._refused.note, "delivery.report.only.error": True}
        with _translated():
            self._client = Client({**options, **reports}, logger=logging.getLogger("librdkafka"))

    def send(self, messages: Sequence[Message]) -> None:
        """Send in the given order, and return after all are confirmed."""
        refused = self._refused
        refused.begin()
        queued = self._queue_messages(messages)
        if not self._settled():
            raise refused.first or ProducerFault("_TIMED_OUT")
        if refused.first is not None:
            refused.first.left = refused.indices(messages, queued)
            raise refused.first

    def _queue_messages(self, messages: Sequence[Message]) -> int:
        """Return the number of messages that the client accepted."""
        produce, topic, queued = self._client.produce, "", 0
        try:
            for message in messages:
                topic = message.topic
                headers: list[Header] = [*message.headers, (ID_HEADER, message.id)]
                produce(topic, message.value, key_sent(message), headers=headers)
                queued += 1
        except KafkaException as error:
            self._refused.keep(error.args[0], topic)
        return queued

    def _settled(self) -> bool:
        """Wait until each message is confirmed or failed, longer than the delivery timeout."""
        until = monotonic() + DELIVERY_S + ANSWER_S
        while len(self._client) and monotonic() < until:
            try:
                # Not `flush`: after a fatal error it calls back with the error raised.
                self._client.poll(_WAIT_S)
            except KafkaException as error:
                self._refused.keep(error.args[0], "")
        return not len(self._client)

    def take_over(self) -> None:
        """Register the transactional id of the owner."""
        with _translated():
            self._client.init_transactions(ANSWER_S)

    def begin(self) -> None:
        """Begin a transaction."""
        with _translated():
            self._client.begin_transaction()

    def commit(self) -> None:
        """Commit the transaction: readers see its messages."""
        with _translated():
            self._client.commit_transaction(ANSWER_S)

    def drop(self) -> None:
        """Close the producer after a fault, without waiting."""
        del self._client

    def close(self) -> None:
        """Close the producer; all messages sent are confirmed."""
        del self._client


class _Refused:
    """Messages that failed, and the first fault."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Clear earlier messages and faults."""
        self.first: ProducerFault | None = None
        self._noted: set[_Content] = set()

    def note(self, error: KafkaError, message: Sent) -> None:
        """Note a failed message; the client calls this."""
        self.keep(error, message.topic() or "")
        self._noted.add(_content(message.topic(), message.key(), message.value()))

    def indices(self, messages: Sequence[Message], queued: int) -> tuple[int, ...]:
        """Give the indices of messages that failed, found by content, or were never handed over."""
        return tuple(
            place
            for place, one in enumerate(messages)
            if place >= queued or _content(one.topic, one.key, one.value) in self._noted
        )

    def keep(self, error: KafkaError, topic: str) -> None:
        """Keep the first fault."""
        self.first = self.first or ProducerFault(error.name(), topic)


def _content(topic: str | None, key: bytes | None, value: bytes | None) -> _Content:
    """Give the identity of a message; the client does not distinguish empty from None."""
    return topic, key or None, value or None


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        cause = error.args[0]
        raise ProducerFault(cause.name(), detail=cause.str()) from error
