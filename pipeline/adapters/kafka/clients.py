"""Which client reads from Kafka, by name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.adapters.kafka.kafka_python import KafkaPythonMember

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.adapters.kafka.address import Address
    from pipeline.adapters.kafka.member import Member

    Open = Callable[[Address, int, Callable[[], int]], Member]


def open_member(client: str, address: Address, most: int, clock_us: Callable[[], int]) -> Member:
    """Connect by a client of `CLIENTS`.

    Raises
    ------
    ConfigError
        There is no such client, or it is not installed.

    Examples
    --------
    >>> open_member("rdkafka", None, 1, lambda: 0)
    Traceback (most recent call last):
    models.errors.ConfigError: unknown Kafka client 'rdkafka', expected one of: kafka-python, \
librdkafka
    """
    if client not in CLIENTS:
        raise ConfigError(f"unknown Kafka client {client!r}, expected one of: {', '.join(CLIENTS)}")
    return CLIENTS[client](address, most, clock_us)


def _librdkafka(address: Address, most: int, clock_us: Callable[[], int]) -> Member:
    if find_spec("confluent_kafka") is None:
        raise ConfigError(
            "the Kafka client librdkafka is not installed: pip install 'habitus[librdkafka]', or "
            "take kafka-python (HABITUS_KAFKA_CLIENT)"
        )
    from pipeline.adapters.kafka.librdkafka import LibrdkafkaMember

    return LibrdkafkaMember(address, most, clock_us)


CLIENTS: dict[str, Open] = {"kafka-python": KafkaPythonMember, "librdkafka": _librdkafka}
