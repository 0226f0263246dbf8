"""Kafka as a sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from models.errors import ConfigError, SinkUnavailable
from pipeline.adapters.kafka.address import answers, parse, without_group
from pipeline.adapters.kafka.client import KafkaError, KafkaProducer
from pipeline.adapters.kafka.partitions import Partitions
from pipeline.adapters.kafka.topics import ANSWER_MS, LARGEST_MESSAGE, topics_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.adapters.kafka.address import Address
    from pipeline.record import Message

_DELIVERY_SECONDS = 20


class KafkaSink:
    """Publish with an idempotent producer that every in-sync replica has to confirm.

    The connection is made with the first message, and anew after a failure. Messages go out in
    the order given; each carries its `id` as a header.

    Parameters
    ----------
    url
        ``kafka://HOST:PORT``; ``config=FILE`` names client options.

    Raises
    ------
    ConfigError
        The URL is not one.
    """

    def __init__(self, url: str) -> None:
        self._address = parse(url, topic=False)
        self._producer: Any = None
        self._topic = ""

    @classmethod
    def at(cls, address: Address) -> Self:
        """Make a sink at the broker of a source, with its options."""
        made = cls(f"kafka://{','.join(address.brokers)}")
        made._address = without_group(address)
        return made

    def publish(self, messages: Sequence[Message]) -> None:
        """Send all and wait until all are confirmed.

        Raises
        ------
        SinkUnavailable
            At least one was not; sending the same messages again is harmless.
        """
        brokers = ",".join(self._address.brokers)
        if self._producer is None and not answers(self._address.brokers):
            raise SinkUnavailable(f"no Kafka broker answers at {brokers}")
        try:
            if self._producer is None:  # a producer waits long for a topic that is not there
                self._look_for({message.topic for message in messages})
            self._send(self._connected(), messages)
        except (KafkaError, OSError) as error:
            self._drop()
            where = f" to topic {self._topic!r}" if self._topic else ""
            raise SinkUnavailable(
                f"cannot publish{where} at {brokers}: {type(error).__name__}"
            ) from error

    def _look_for(self, topics: set[str]) -> None:
        try:
            missing = sorted(topics - topics_at(self._address))
        except ConfigError as error:
            raise SinkUnavailable(str(error)) from error
        if missing:
            raise SinkUnavailable(
                f"topic {missing[0]!r} does not exist at {','.join(self._address.brokers)}; create "
                "it, e.g. with habitus doctor --create-topics"
            )

    def _send(self, producer: Any, messages: Sequence[Message]) -> None:
        self._topic = ""  # of the message in hand, for the error
        sent = []
        for message in messages:
            self._topic = message.topic
            headers = [*message.headers, ("id", message.id.encode())]
            key = message.key or (None if message.value is not None else b"")
            sent.append(producer.send(message.topic, message.value, key, headers))
        # Longer than delivery may take: what is still on its way when the producer is let
        # go could overtake the repetition.
        producer.flush(timeout=_DELIVERY_SECONDS + ANSWER_MS / 1000)
        for message, future in zip(messages, sent, strict=True):
            self._topic = message.topic
            future.get(timeout=0)

    def _options(self) -> dict[str, Any]:
        """Give further options of the producer."""
        return {}

    def _made(self, producer: Any) -> None:
        """Do what a new producer needs before its first message."""

    def _connected(self) -> Any:
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self._address.brokers,
                acks="all",
                enable_idempotence=True,
                compression_type="lz4",
                linger_ms=5,
                batch_size=256 << 10,
                max_request_size=LARGEST_MESSAGE,
                delivery_timeout_ms=_DELIVERY_SECONDS * 1000,
                request_timeout_ms=ANSWER_MS,
                max_block_ms=ANSWER_MS,
                bootstrap_timeout_ms=ANSWER_MS,
                allow_auto_create_topics=False,
                partitioner=Partitions(),
                **self._address.client,
                **self._options(),
            )
            try:
                self._made(self._producer)
            except BaseException:
                self._drop()
                raise
        return self._producer

    def _drop(self) -> None:
        """Let go of a producer whose state is unknown, without waiting for it."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                producer.close(timeout=0)
            except KafkaError:
                return

    def close(self) -> None:
        """Close the connection; everything published is confirmed already."""
        if self._producer is not None:
            self._producer.close(timeout=5)
            self._producer = None
