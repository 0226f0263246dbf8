"""Check whether a topic still holds a store's positions, without joining the group."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.sources.kafka.address import without_group
from pipeline.sources.kafka.clients.member import MemberFault, key_of
from pipeline.sources.kafka.clients.registry import open_member
from pipeline.sources.kafka.position import Position
from pipeline.sources.kafka.topics import topic_id_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.sources.kafka.address import Address


def lost(topic: tuple[str, str], partition: int, position: Position, held: tuple[int, int]) -> str:
    """Give the reason why a broker does not hold a stored position; empty if it does.

    Parameters
    ----------
    topic
        Name and current id of the topic.
    held
        First offset and end of the partition.

    Examples
    --------
    >>> topic = "agent.actions", "73"
    >>> lost(topic, 1, Position(90), (40, 150))
    ''
    >>> lost(topic, 1, Position(9000), (40, 150))
    'position 9000 of agent.actions[1] is outside what the broker holds, 40 to 150'
    >>> lost(topic, 1, Position(90, "51"), (40, 150))
    'position 90 of agent.actions[1] belongs to a topic that was deleted and re-created'
    """
    where = f"position {position.offset} of {topic[0]}[{partition}]"
    if position.of_another(topic[1]):
        return f"{where} belongs to a topic that was deleted and re-created"
    if not held[0] <= position.offset <= held[1]:
        return f"{where} is outside what the broker holds, {held[0]} to {held[1]}"
    return ""


def outside(client: str, address: Address, stored: Mapping[str, str]) -> list[str]:
    """Describe each partition that no longer holds its stored position.

    Parameters
    ----------
    client
        Name of a client, one of `pipeline.sources.kafka.clients.registry.CLIENTS`.
    stored
        Positions of the store by key.

    Raises
    ------
    ConfigError
        The broker does not answer.
    """
    topic = address.topic, topic_id_at(address)
    try:
        with closing(open_member(client, without_group(address), 1, lambda: 0)) as member:
            partitions = member.partitions()
            first, end = member.first(partitions), member.end(partitions)
    except MemberFault as error:
        raise ConfigError(f"topic {topic[0]!r} does not answer: {error}") from error
    wanted = {one: stored.get(key_of(topic[0], one)) for one in partitions}
    found = (
        lost(topic, one, Position.of(at), (first[one], end[one]))
        for one, at in wanted.items()
        if at is not None
    )
    return [text for text in found if text]
