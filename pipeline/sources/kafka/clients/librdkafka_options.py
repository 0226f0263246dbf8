"""Client options for librdkafka, translated from the kafka-python names of the ``config=`` file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.errors import ConfigError
from pipeline.processing.stream_types import BATCH_BYTES
from pipeline.sources.kafka.clients.member import ANSWER_MS, HEARTBEAT_MS, SESSION_MS
from pipeline.sources.kafka.clients.producer import BATCH_SENT_BYTES, DELIVERY_S
from pipeline.sources.kafka.topics import LARGEST_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.sources.kafka.address import Address

# A pending fetch delays requests to the same broker, and the first records after a seek.
_FETCH_WAIT_MS = 100
# Pause of fetching while the queue is full. The queue would run empty in the default of 1 s.
_FULL_MS = 20
# Without a broker, the client retries the first address without backoff, by default every 50 ms
# with a log line each.
_RECONNECT_MS = 1_000
# Every publication waits this long once. At 0, a publication of thousands of messages costs a fifth
# more.
_LINGER_MS = 1
_NO_BOUND_KIB = 2**31 - 1

_NAMES = {
    "client_id": "client.id",
    "client_rack": "client.rack",
    "group_instance_id": "group.instance.id",
    "heartbeat_interval_ms": "heartbeat.interval.ms",
    "sasl_mechanism": "sasl.mechanism",
    "sasl_plain_password": "sasl.password",
    "sasl_plain_username": "sasl.username",
    "security_protocol": "security.protocol",
    "session_timeout_ms": "session.timeout.ms",
    "ssl_cafile": "ssl.ca.location",
    "ssl_certfile": "ssl.certificate.location",
    "ssl_check_hostname": "ssl.endpoint.identification.algorithm",
    "ssl_ciphers": "ssl.cipher.suites",
    "ssl_crlfile": "ssl.crl.location",
    "ssl_keyfile": "ssl.key.location",
    "ssl_password": "ssl.key.password",
}


def options_of(address: Address, maximum: int) -> dict[str, Any]:
    """Give the options of a member of a group.

    Parameters
    ----------
    maximum
        Largest number of records in a batch. The client prefetches as many, or 32 MiB, plus one
        fetch.
    """
    return {
        "bootstrap.servers": ",".join(address.brokers),
        "group.id": address.group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "partition.assignment.strategy": "cooperative-sticky",
        "enable.partition.eof": True,  # otherwise the end of a transaction is not reported
        "check.crcs": True,  # as kafka-python does
        "fetch.max.bytes": BATCH_BYTES,
        "max.partition.fetch.bytes": BATCH_BYTES,
        "fetch.wait.max.ms": _FETCH_WAIT_MS,
        "fetch.queue.backoff.ms": _FULL_MS,
        "queued.min.messages": maximum,
        "queued.max.messages.kbytes": BATCH_BYTES >> 10,
        "reconnect.backoff.ms": _RECONNECT_MS,
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": HEARTBEAT_MS,
        **translated(address.client),
    }


def producer_options(address: Address, owner: str) -> dict[str, Any]:
    """Give the options of a producer.

    Parameters
    ----------
    owner
        Transactional id; empty: no transactions.
    """
    options = {
        "bootstrap.servers": ",".join(address.brokers),
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "lz4",
        "linger.ms": _LINGER_MS,
        "batch.size": BATCH_SENT_BYTES,
        "message.max.bytes": LARGEST_MESSAGE,
        # The messages are in memory already, so waiting saves nothing.
        "queue.buffering.max.messages": 0,
        "queue.buffering.max.kbytes": _NO_BOUND_KIB,
        "message.timeout.ms": DELIVERY_S * 1000,
        "request.timeout.ms": ANSWER_MS,
        "socket.timeout.ms": ANSWER_MS,
        "topic.metadata.propagation.max.ms": ANSWER_MS,
        "reconnect.backoff.ms": _RECONNECT_MS,
        "allow.auto.create.topics": False,
        "partitioner": "murmur2_random",  # the default of kafka-python and of most other clients
        **translated(address.client),
    }
    return {**options, "transactional.id": owner} if owner else options


def translated(options: Mapping[str, Any]) -> dict[str, Any]:
    """Translate client options of kafka-python to those of librdkafka.

    Raises
    ------
    ConfigError
        librdkafka has no such option.

    Examples
    --------
    >>> translated({"security_protocol": "SSL", "ssl_check_hostname": False})
    {'security.protocol': 'SSL', 'ssl.endpoint.identification.algorithm': 'none'}
    >>> translated({"sasl_kerberos_name": "kafka"})
    Traceback (most recent call last):
    models.errors.ConfigError: client option 'sasl_kerberos_name' is not one of librdkafka; \
leave it out, or take kafka-python (HABITUS_KAFKA_CLIENT)
    """
    found = {}
    for name, value in options.items():
        if name not in _NAMES:
            raise ConfigError(
                f"client option {name!r} is not one of librdkafka; leave it out, or take "
                "kafka-python (HABITUS_KAFKA_CLIENT)"
            )
        found[_NAMES[name]] = _checked(value) if name == "ssl_check_hostname" else value
    if "ssl.certificate.location" in found:  # kafka-python reads the key from this file as well
        found.setdefault("ssl.key.location", found["ssl.certificate.location"])
    return found


def _checked(value: object) -> str:
    return "https" if value else "none"
