"""Whether a topic still holds what a store goes on from, without being a member of its group."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.adapters.kafka.address import without_group
from pipeline.adapters.kafka.clients import open_member
from pipeline.adapters.kafka.member import MemberFault, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.adapters.kafka.address import Address


def is_outside(topic: str, partition: int, position: object, held: tuple[int, int]) -> str:
    """Say that a broker does not hold what a partition goes on from.

    >>> is_outside("agent.actions", 1, 9000, (40, 150))
    'position 9000 of agent.actions[1] is outside what the broker holds, 40 to 150'
    """
    where = f"position {position} of {topic}[{partition}]"
    return f"{where} is outside what the broker holds, {held[0]} to {held[1]}"


def outside(client: str, address: Address, stored: Mapping[str, str]) -> list[str]:
    """Give a sentence for each partition that no longer holds its stored position.

    Parameters
    ----------
    client
        Name of a client, one of `pipeline.adapters.kafka.clients.CLIENTS`.
    stored
        Positions by their key, as a store has them.

    Raises
    ------
    ConfigError
        The broker does not say.
    """
    topic = address.topic
    try:
        with closing(open_member(client, without_group(address), 1, lambda: 0)) as member:
            partitions = member.partitions()
            first, end = member.first(partitions), member.end(partitions)
    except MemberFault as error:
        raise ConfigError(f"topic {topic!r} does not answer: {error}") from error
    wanted = {one: stored.get(key_of(topic, one)) for one in partitions}
    return [
        is_outside(topic, one, at, (first[one], end[one]))
        for one, at in wanted.items()
        if at is not None and not first[one] <= int(at) <= end[one]
    ]
