"""The topics this project needs: list the existing ones, and create the missing ones."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from models.errors import ConfigError
from pipeline.sources.kafka.address import answers, parse, without_group
from pipeline.sources.kafka.clients.kafka_module import (
    KafkaAdminClient,
    KafkaError,
    TopicAlreadyExistsError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.sources.kafka.address import Address

# Above the largest accepted record, so that a rejected record fits with its headers.
LARGEST_MESSAGE = 2 << 20
ANSWER_MS = 10_000

ACTIONS = "agent.actions"
TOPICS: dict[str, dict[str, str]] = {
    ACTIONS: {"cleanup.policy": "delete", "max.message.bytes": str(LARGEST_MESSAGE)},
    "agent.anomalies": {"cleanup.policy": "delete"},
    "agent.cases": {"cleanup.policy": "compact"},
    "agent.trust": {"cleanup.policy": "compact"},
    "agent.actions.rejected": {
        "cleanup.policy": "delete",
        "max.message.bytes": str(LARGEST_MESSAGE),
    },
}


def topics_at(address: Address) -> set[str]:
    """Give the existing topics that this client may see.

    Raises
    ------
    ConfigError
        The broker does not answer.
    """
    with _admin(address, "list") as admin:
        return set(admin.list_topics())


def topic_id_at(address: Address) -> str:
    """Give the broker's id of the topic; empty if the broker has none.

    Raises
    ------
    ConfigError
        The broker does not answer.
    """
    with _admin(address, "describe") as admin:
        (found,) = admin.describe_topics([address.topic])
    topic_id = str(found.get("topic_id") or "")
    return topic_id if topic_id.strip("0-") else ""


def create_topics(
    where: str | Address,
    *,
    actions: str = ACTIONS,
    partitions: int = -1,
    replication: int = -1,
    client: dict[str, Any] | None = None,
) -> dict[str, bool]:
    """Create the missing topics of the contract.

    Parameters
    ----------
    where
        A broker: an `Address`, ``kafka://HOST:PORT``, or ``HOST:PORT``.
    actions
        Name of the topic to read from.
    partitions, replication
        Values of a new topic; -1 is the broker's default.
    client
        Further client options.

    Returns
    -------
    dict[str, bool]
        By topic: True if it was created now, False if it existed (and is unchanged).

    Raises
    ------
    ConfigError
        No broker answers, or it refuses.
    """
    if isinstance(where, str):
        where = parse(where if "://" in where else f"kafka://{where}", topic=False)
    address = where
    if not answers(address.brokers):
        raise ConfigError(f"no Kafka broker answers at {','.join(address.brokers)}")
    created = {}
    with _admin(address, "create", client) as admin:
        for name, configs in TOPICS.items():
            topic = actions if name == ACTIONS else name
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
    return created


@contextmanager
def _admin(
    address: Address, what: str, client: dict[str, Any] | None = None
) -> Iterator[KafkaAdminClient]:
    """Open an admin client; raise `ConfigError` if the broker refuses."""
    options = without_group(address).client | (client or {})
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=address.brokers, bootstrap_timeout_ms=ANSWER_MS, **options
        )
        try:
            yield admin
        finally:
            admin.close()
    except (KafkaError, OSError) as error:
        where, why = ",".join(address.brokers), type(error).__name__
        raise ConfigError(f"cannot {what} topics at {where}: {why}: {error}") from error
