"""Kafka as a sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.errors import ConfigError, MessageTooLarge, SinkUnavailable
from pipeline.sources.kafka.address import answers
from pipeline.sources.kafka.clients.producer import ProducerFault
from pipeline.sources.kafka.clients.registry import producer_of
from pipeline.sources.kafka.topics import topics_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.processing.stream_types import Message
    from pipeline.sources.kafka.address import Address
    from pipeline.sources.kafka.clients.producer import Producer


class KafkaSink:
    """Publish with an idempotent producer that waits for all in-sync replicas.

    The sink connects at the first message, and again after a failure. Messages are sent in the
    given order; each has its `id` as a header.

    Parameters
    ----------
    address
        Brokers and options.
    client
        Name of a client, one of `pipeline.sources.kafka.clients.registry.CLIENTS`.
    owner
        Transactional id of the producer; empty: no transactions.

    Raises
    ------
    ConfigError
        The client is not installed, or it lacks an option.
    """

    def __init__(self, address: Address, client: str, *, owner: str = "") -> None:
        self._address = address
        self._connect = producer_of(client, address, owner)
        self._producer: Producer | None = None

    def publish(self, messages: Sequence[Message]) -> None:
        """Send all messages and wait until all are confirmed.

        Raises
        ------
        SinkUnavailable
            At least one was not confirmed; sending the same messages again is harmless.
        MessageTooLarge
            A message or a batch is larger than the topic accepts; the error has the indices of
            those not accepted.
        """
        brokers = ",".join(self._address.brokers)
        if self._producer is None and not answers(self._address.brokers):
            raise SinkUnavailable(f"no Kafka broker answers at {brokers}")
        try:
            if self._producer is None:  # a producer waits long for a missing topic
                self._require_topics({message.topic for message in messages})
            self._send(self._connected(), messages)
        except ProducerFault as error:
            self._drop()
            where = f" to topic {error.topic!r}" if error.topic else ""
            message = f"cannot publish{where} at {brokers}: {error.message}"
            if error.too_large and error.left:
                raise MessageTooLarge(message, error.left) from error
            raise SinkUnavailable(message) from error

    def _require_topics(self, topics: set[str]) -> None:
        try:
            missing = sorted(topics - topics_at(self._address))
        except ConfigError as error:
            raise SinkUnavailable(str(error)) from error
        if missing:
            raise SinkUnavailable(
                f"topic {missing[0]!r} does not exist at {','.join(self._address.brokers)}; create "
                "it, e.g. with habitus doctor --create-topics"
            )

    def _send(self, producer: Producer, messages: Sequence[Message]) -> None:
        producer.send(messages)

    def _made(self, producer: Producer) -> None:
        """Prepare a new producer for its first message."""

    def _connected(self) -> Producer:
        if self._producer is None:
            self._producer = self._connect()
            try:
                self._made(self._producer)
            except BaseException:
                self._drop()
                raise
        return self._producer

    def _drop(self) -> None:
        """Drop a producer whose state is unknown."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.drop()

    def close(self) -> None:
        """Close the connection; all published messages are confirmed."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()
