"""Registry of Kafka clients for reading and publishing, by name."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from msgspec import Struct

from models.errors import ConfigError
from pipeline.sources.kafka.clients.kafka_python import KafkaPythonMember
from pipeline.sources.kafka.clients.kafka_python_producer import KafkaPythonProducer
from pipeline.sources.kafka.clients.producer import Producer, ProducerFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.sources.kafka.address import Address
    from pipeline.sources.kafka.clients.member import Member

    OpenMember = Callable[[Address, int, Callable[[], int]], Member]
    ProducerOf = Callable[[Address, str], Callable[[], Producer]]


class _Client(Struct, frozen=True):
    open_member: OpenMember
    producer_of: ProducerOf


def open_member(client: str, address: Address, maximum: int, clock_us: Callable[[], int]) -> Member:
    """Connect with a client of `CLIENTS`.

    Raises
    ------
    ConfigError
        The client is unknown or not installed.

    Examples
    --------
    >>> open_member("rdkafka", None, 1, lambda: 0)
    Traceback (most recent call last):
    models.errors.ConfigError: unknown Kafka client 'rdkafka', expected one of: kafka-python, \
librdkafka
    """
    return _known(client).open_member(address, maximum, clock_us)


def producer_of(client: str, address: Address, owner: str = "") -> Callable[[], Producer]:
    """Return a function that connects a producer with a client of `CLIENTS`.

    Parameters
    ----------
    owner
        Transactional id; empty: no transactions.

    Raises
    ------
    ConfigError
        The client is unknown or not installed, or it lacks an option.
    """
    return _known(client).producer_of(address, owner)


def try_options(client: str, address: Address) -> None:
    """Check the options: make a producer and close it.

    Raises
    ------
    ConfigError
        As for `producer_of`, or the client refuses an option.
    """
    _try(producer_of(client, address), address)


def _try(connect: Callable[[], Producer], address: Address) -> None:
    try:
        connect().close()
    except ProducerFault as error:
        where = ",".join(address.brokers)
        raise ConfigError(f"cannot connect to Kafka at {where}: {error}") from error


def _known(client: str) -> _Client:
    if client not in CLIENTS:
        raise ConfigError(f"unknown Kafka client {client!r}, expected one of: {', '.join(CLIENTS)}")
    return CLIENTS[client]


def _librdkafka_member(address: Address, maximum: int, clock_us: Callable[[], int]) -> Member:
    _require_librdkafka()
    from pipeline.sources.kafka.clients.librdkafka import LibrdkafkaMember

    return LibrdkafkaMember(address, maximum, clock_us)


def _librdkafka_producer(address: Address, owner: str) -> Callable[[], Producer]:
    _require_librdkafka()
    from pipeline.sources.kafka.clients.librdkafka_options import producer_options
    from pipeline.sources.kafka.clients.librdkafka_producer import LibrdkafkaProducer

    connect = partial(LibrdkafkaProducer, producer_options(address, owner))
    _try(connect, address)  # contacts no broker, and reports a refused option at once
    return connect


def _require_librdkafka() -> None:
    if find_spec("confluent_kafka") is None:
        raise ConfigError(
            "the Kafka client librdkafka is not installed: pip install 'habitus[librdkafka]', or "
            "take kafka-python (HABITUS_KAFKA_CLIENT)"
        )


def _kafka_python_producer(address: Address, owner: str) -> Callable[[], Producer]:
    return partial(KafkaPythonProducer, address, owner)


CLIENTS: dict[str, _Client] = {
    "kafka-python": _Client(KafkaPythonMember, _kafka_python_producer),
    "librdkafka": _Client(_librdkafka_member, _librdkafka_producer),
}
