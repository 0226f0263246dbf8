"""Connect to a topic: the member, the bounds of its partitions, and faults in one sentence."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from models.errors import ConfigError, SourceUnavailable
from pipeline.sources.kafka.address import answers
from pipeline.sources.kafka.clients.member import MemberFault, TransientFault
from pipeline.sources.kafka.clients.registry import open_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.sources.kafka.address import Address
    from pipeline.sources.kafka.clients.member import Member


def connect(address: Address, client: str, batch_size: int, clock_us: Callable[[], int]) -> Member:
    """Open a member of the group, which has not joined yet.

    Raises
    ------
    ConfigError
        No broker answers, or it refuses.
    """
    where = ",".join(address.brokers)
    if not answers(address.brokers):
        raise ConfigError(f"no Kafka broker answers at {where}")
    try:
        return open_member(client, address, batch_size, clock_us)
    except MemberFault as error:
        raise ConfigError(f"cannot connect to Kafka at {where}: {error}") from error


_ELECTION_S = 10.0  # time in which a new topic gets its leaders


@retry(
    retry=retry_if_exception_type(TransientFault),
    stop=stop_after_delay(_ELECTION_S),
    wait=wait_fixed(0.2),
    reraise=True,
)
def bounds(member: Member, address: Address) -> tuple[dict[int, int], dict[int, int]]:
    """Give the first offsets and the ends of all partitions of the topic.

    A partition of a new topic may have no leader for a moment; it is asked again.

    Raises
    ------
    ConfigError
        The topic does not exist.
    """
    partitions = member.partitions()
    if not partitions:
        raise ConfigError(
            f"topic {address.topic!r} does not exist at {','.join(address.brokers)}; "
            "create it, e.g. with habitus doctor --create-topics"
        )
    return member.first(partitions), member.end(partitions)


@contextmanager
def answering(topic: str) -> Iterator[None]:
    """Raise a fault of the client as a `SourceUnavailable` that names the topic."""
    try:
        yield
    except MemberFault as error:
        raise SourceUnavailable(f"topic {topic!r} does not answer: {error.name}") from error
