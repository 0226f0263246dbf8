"""Lag of each partition: how long ago this worker was last known to be at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.sources.kafka.clients.member import MemberFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.sources.kafka.clients.member import Member

ASK_US = 5_000_000
ASK_MS = 2_000


class _Level(Struct):
    """Position and end of one partition, with the times they were known."""

    begun_us: int
    position: int
    end: int = 0
    sent_us: int = 0
    level_us: int = 0

    def note(self, position: int, end: int, now_us: int) -> None:
        self.position, self.end = max(self.position, position), max(self.end, end)
        if self.position >= self.end:
            self.level_us = now_us


class Levels:
    """Lag of each partition.

    A client knows the end of a partition as of its last fetch. That end is outdated where a
    partition is paused or no broker answers. So the broker is asked for the end of a partition that
    brought no record for five seconds. Without an answer, the partition does not count as read to
    its end.

    Parameters
    ----------
    member
        Gives positions and ends.
    clock_us
        Gives the time.
    """

    def __init__(self, member: Member, clock_us: Callable[[], int]) -> None:
        self._member = member
        self._clock_us = clock_us
        self._known: dict[int, _Level] = {}
        self._requested_us = 0

    def begin(self, partition: int, position: int, end: int) -> None:
        """Note position and end of a partition that was assigned."""
        now = self._clock_us()
        self._known[partition] = level = _Level(now, position)
        level.note(position, end, now)

    def end(self, partition: int) -> None:
        """Forget a partition that was revoked."""
        self._known.pop(partition, None)

    def took(self, partition: int, position: int, sent_us: int) -> None:
        """Note the next position of a partition, and when its last record was sent."""
        level = self._known.get(partition)
        if level is not None:
            level.sent_us = sent_us
            level.note(position, self._member.highwater(partition), self._clock_us())

    def refresh(self, partitions: Iterable[int]) -> None:
        """Ask for the ends of partitions without recent records; wait at most two seconds.

        Parameters
        ----------
        partitions
            Partitions of this worker.
        """
        now = self._clock_us()
        if now - self._requested_us < ASK_US:
            return
        of = {one: self._known[one] for one in partitions if one in self._known}
        silent = [one for one, level in of.items() if now - level.level_us >= ASK_US]
        try:
            ends = self._member.end(silent, ASK_MS) if silent else {}
            for one, end in ends.items():
                of[one].note(self._member.position(one), end, now)
        except MemberFault:
            pass  # without an answer, the known end stays outdated and the lag grows
        self._requested_us = self._clock_us()

    def lag_us(self, partition: int) -> int:
        """Give the lag of a partition in microseconds; 0 if it was recently read to its end.

        With records left to read, the lag is the age of the newest returned record, at most the
        time since the partition was read to its end.
        """
        level = self._known.get(partition)
        if level is None:
            return 0
        now = self._clock_us()
        if level.position >= level.end and now - level.level_us < 2 * ASK_US:
            return 0
        return max(0, now - (max(level.sent_us, level.level_us) or level.begun_us))
