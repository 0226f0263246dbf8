"""A producer with kafka-python: pure Python, installed with Habitus."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from pipeline.sources.kafka.clients.kafka_module import KafkaError, KafkaProducer, UnknownError
from pipeline.sources.kafka.clients.member import ANSWER_MS
from pipeline.sources.kafka.clients.producer import (
    BATCH_SENT_BYTES,
    DELIVERY_S,
    ID_HEADER,
    ProducerFault,
    key_sent,
)
from pipeline.sources.kafka.partitions import Partitions
from pipeline.sources.kafka.topics import LARGEST_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.processing.stream_types import Message
    from pipeline.sources.kafka.address import Address

_CLOSE_S = 5


class KafkaPythonProducer:
    """A `Producer` with kafka-python.

    Parameters
    ----------
    address
        Brokers and options.
    owner
        Transactional id; empty: no transactions.
    """

    def __init__(self, address: Address, owner: str) -> None:
        self._topic = ""  # topic of the current message, for the error
        with self._translated():
            self._producer: Any = KafkaProducer(
                bootstrap_servers=address.brokers,
                acks="all",
                enable_idempotence=True,
                transactional_id=owner or None,
                compression_type="lz4",
                linger_ms=5,
                batch_size=BATCH_SENT_BYTES,
                max_request_size=LARGEST_MESSAGE,
                delivery_timeout_ms=DELIVERY_S * 1000,
                request_timeout_ms=ANSWER_MS,
                max_block_ms=ANSWER_MS,
                bootstrap_timeout_ms=ANSWER_MS,
                allow_auto_create_topics=False,
                partitioner=Partitions(),
                **address.client,
            )

    def send(self, messages: Sequence[Message]) -> None:
        """Send in the given order, and return after all are confirmed."""
        sent: list[Any] = []
        try:
            with self._translated():
                self._send(messages, sent)
        except ProducerFault as fault:
            taken = [pending.succeeded() for pending in sent]
            fault.left = tuple(
                place for place in range(len(messages)) if place >= len(sent) or not taken[place]
            )
            raise

    def _send(self, messages: Sequence[Message], sent: list[Any]) -> None:
        for some in _split_large(messages):
            pending_sends: list[Any] = []
            try:
                for message in some:
                    self._topic = message.topic
                    headers = [*message.headers, (ID_HEADER, message.id.encode())]
                    key = key_sent(message)
                    pending_sends.append(
                        self._producer.send(message.topic, message.value, key, headers)
                    )
            finally:
                self._settle(pending_sends)
                sent += pending_sends
            for message, pending in zip(some, pending_sends, strict=True):
                self._topic = message.topic
                pending.get(timeout=0)

    def _settle(self, sent: Sequence[Any]) -> None:
        """Wait until each message is confirmed or failed, longer than the delivery timeout."""
        until = monotonic() + DELIVERY_S + ANSWER_MS / 1000
        try:
            self._producer.flush(timeout=until - monotonic())
        except UnknownError:
            # `flush` does not wait for the parts of a batch that was too large and is split.
            for pending in sent:
                with suppress(KafkaError):
                    pending.get(timeout=max(0, until - monotonic()))

    def take_over(self) -> None:
        """Register the transactional id of the owner."""
        with self._translated():
            self._producer.init_transactions()

    def begin(self) -> None:
        """Begin a transaction."""
        with self._translated():
            self._producer.begin_transaction()

    def commit(self) -> None:
        """Commit the transaction: readers see its messages."""
        with self._translated():
            self._producer.commit_transaction()

    def drop(self) -> None:
        """Close the producer after a fault, without waiting."""
        with suppress(KafkaError):
            self._producer.close(timeout=0)

    def close(self) -> None:
        """Close the producer; all messages sent are confirmed."""
        self._producer.close(timeout=_CLOSE_S)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (KafkaError, OSError) as error:
            raise ProducerFault(type(error).__name__, self._topic) from error
        finally:
            self._topic = ""


def _split_large(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Split messages so that one larger than a batch is sent alone.

    If a broker refuses one, the client reports all messages in flight as failed, also accepted
    ones.
    """
    start = 0
    for place, message in enumerate(messages):
        if message.value is not None and len(message.value) > BATCH_SENT_BYTES:
            if start < place:
                yield messages[start:place]
            yield messages[place : place + 1]
            start = place + 1
    if start < len(messages):
        yield messages[start:]
