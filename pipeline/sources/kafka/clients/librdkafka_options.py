"""Options in librdkafka's words: those of the file in ``config=``, which has kafka-python's."""

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

# A fetch under way holds up questions to the same broker, and what follows a seek.
_FETCH_WAIT_MS = 100
# How long fetching rests while enough is waiting; by default a second, in which it would run out.
_FULL_MS = 20
# While no broker is there, the client begins with the first address anew each time, and does not
# become slower: every 50 ms by default, with a line in the log each.
_RECONNECT_MS = 1_000
# Every publication waits for it once. At 0, one of thousands of messages costs a fifth more.
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


def options_of(address: Address, most: int) -> dict[str, Any]:
    """Give the options of a member of a group.

    Parameters
    ----------
    most
        Records in a batch at most. So many are fetched ahead, or 32 MiB; and one fetch more.
    """
    return {
        "bootstrap.servers": ",".join(address.brokers),
        "group.id": address.group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "partition.assignment.strategy": "cooperative-sticky",
        "enable.partition.eof": True,  # otherwise nobody hears of the end of a transaction
        "check.crcs": True,  # as kafka-python does
        "fetch.max.bytes": BATCH_BYTES,
        "max.partition.fetch.bytes": BATCH_BYTES,
        "fetch.wait.max.ms": _FETCH_WAIT_MS,
        "fetch.queue.backoff.ms": _FULL_MS,
        "queued.min.messages": most,
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
        Id of its transactions; empty for none.
    """
    options = {
        "bootstrap.servers": ",".join(address.brokers),
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "lz4",
        "linger.ms": _LINGER_MS,
        "batch.size": BATCH_SENT_BYTES,
        "message.max.bytes": LARGEST_MESSAGE,
        # What is sent at once is in memory already: there is nothing to be gained by waiting.
        "queue.buffering.max.messages": 0,
        "queue.buffering.max.kbytes": _NO_BOUND_KIB,
        "message.timeout.ms": DELIVERY_S * 1000,
        "request.timeout.ms": ANSWER_MS,
        "socket.timeout.ms": ANSWER_MS,
        "topic.metadata.propagation.max.ms": ANSWER_MS,
        "reconnect.backoff.ms": _RECONNECT_MS,
        "allow.auto.create.topics": False,
        "partitioner": "murmur2_random",  # kafka-python's and everyone else's
        **translated(address.client),
    }
    return {**options, "transactional.id": owner} if owner else options


def translated(options: Mapping[str, Any]) -> dict[str, Any]:
    """Give client options of kafka-python as librdkafka knows them.

    Raises
    ------
    ConfigError
        There is no such option there.

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
    if "ssl.certificate.location" in found:  # kafka-python looks for the key there as well
        found.setdefault("ssl.key.location", found["ssl.certificate.location"])
    return found


def _checked(value: object) -> str:
    return "https" if value else "none"
