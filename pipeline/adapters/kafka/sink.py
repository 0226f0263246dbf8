"""Kafka as a sink, and the topics this project needs there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from models.errors import ConfigError, SinkUnavailable
from pipeline.adapters.kafka.address import answers, parse, without_group
from pipeline.adapters.kafka.client import (
    KafkaAdminClient,
    KafkaError,
    KafkaProducer,
    TopicAlreadyExistsError,
)
from pipeline.adapters.kafka.partitions import Partitions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.adapters.kafka.address import Address
    from pipeline.record import Message

# Above the longest record that is taken in, so that a rejected one fits with its headers.
LARGEST_MESSAGE = 2 << 20
_ANSWER_MS = 10_000
_DELIVERY_SECONDS = 20

TOPICS: dict[str, dict[str, str]] = {
    "agent.actions": {"cleanup.policy": "delete", "max.message.bytes": str(LARGEST_MESSAGE)},
    "agent.anomalies": {"cleanup.policy": "delete"},
    "agent.trust": {"cleanup.policy": "compact"},
    "agent.actions.rejected": {
        "cleanup.policy": "delete",
        "max.message.bytes": str(LARGEST_MESSAGE),
    },
}


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
        producer.flush(timeout=_DELIVERY_SECONDS + _ANSWER_MS / 1000)
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
                request_timeout_ms=_ANSWER_MS,
                max_block_ms=_ANSWER_MS,
                bootstrap_timeout_ms=_ANSWER_MS,
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


def topics_at(address: Address) -> set[str]:
    """Give the topics that are there, as far as one may know.

    Raises
    ------
    ConfigError
        The broker does not say.
    """
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=address.brokers, bootstrap_timeout_ms=_ANSWER_MS, **address.client
        )
        try:
            return set(admin.list_topics())
        finally:
            admin.close()
    except (KafkaError, OSError) as error:
        where = ",".join(address.brokers)
        raise ConfigError(f"cannot list topics at {where}: {type(error).__name__}") from error


def create_topics(
    url: str, *, partitions: int = -1, replication: int = -1, client: dict[str, Any] | None = None
) -> dict[str, bool]:
    """Create the topics of the contract that are not there yet.

    Parameters
    ----------
    url
        ``kafka://HOST:PORT``, or ``HOST:PORT`` alone.
    partitions, replication
        Of a new topic; -1 is the broker's default.
    client
        Further client options.

    Returns
    -------
    dict[str, bool]
        Topic to whether it was created now; False when it was there (it is left as it is).

    Raises
    ------
    ConfigError
        No broker answers there, or it refuses.
    """
    address = parse(url if "://" in url else f"kafka://{url}", topic=False)
    created = {}
    admin = None
    if not answers(address.brokers):
        raise ConfigError(f"no Kafka broker answers at {','.join(address.brokers)}")
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=address.brokers,
            bootstrap_timeout_ms=_ANSWER_MS,
            **address.client,
            **(client or {}),
        )
        for topic, configs in TOPICS.items():
            options = {
                "num_partitions": partitions,
                "replication_factor": replication,
                "configs": configs,
            }
            try:
                admin.create_topics({topic: options}, wait_for_metadata=True)
                created[topic] = True
            except TopicAlreadyExistsError:
                created[topic] = False
    except (KafkaError, OSError) as error:
        raise ConfigError(
            f"cannot create topics at {','.join(address.brokers)}: {type(error).__name__}: {error}"
        ) from error
    finally:
        if admin is not None:
            admin.close()
    return created
