"""The id of a topic: a client would read on in a topic that was created again."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from models.errors import ConfigError, SourceUnavailable
from models.units import MINUTE_US
from pipeline.sources.kafka.topics import topic_id_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.sources.kafka.address import Address

CHECK_EVERY_US = MINUTE_US  # interval of checks for a re-created topic


class TopicIdentity:
    """The current id of a topic, read again once a minute.

    Parameters
    ----------
    address
        The brokers and the topic.
    clock_us
        Gives the current time.

    Attributes
    ----------
    id
        The broker's id of the topic; empty if the broker has none.

    Raises
    ------
    ConfigError
        The broker does not answer.
    """

    def __init__(self, address: Address, clock_us: Callable[[], int]) -> None:
        self._address = address
        self._clock_us = clock_us
        self._checked_us = clock_us()
        self.id = topic_id_at(address)

    def changed(self) -> bool:
        """Return whether the topic was re-created since the last check."""
        now = self._clock_us()
        if now - self._checked_us < CHECK_EVERY_US:
            return False
        self._checked_us, before = now, self.id
        with suppress(SourceUnavailable):  # the next check asks again
            self.read()
        return self.id != before

    def read(self) -> None:
        """Read the current id.

        Raises
        ------
        SourceUnavailable
            The broker does not answer.
        """
        try:
            self.id = topic_id_at(self._address) or self.id
        except ConfigError as error:  # the topic existed before, so the broker may be away
            raise SourceUnavailable(str(error)) from error
