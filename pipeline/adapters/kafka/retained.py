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
        f"position {at} of {topic}[{one}] is outside what the broker holds, "
        f"{first[one]} to {end[one]}"
        for one, at in wanted.items()
        if at is not None and not first[one] <= int(at) <= end[one]
    ]
