"""How long ago each partition was last known to be read as far as this worker has read it."""

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
    """What is known of one partition: where it goes on, its end, and as of when."""

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
    """How late each partition is.

    The end that a client knows is that of its last fetch. It stands still where a partition is
    held and where no broker answers, while records pile up behind it. So of what brought nothing
    for five seconds the broker is asked for the end, and where it does not answer nobody knows
    that all was read.

    Parameters
    ----------
    member
        Is asked where it is, and for the ends.
    clock_us
        The time.
    """

    def __init__(self, member: Member, clock_us: Callable[[], int]) -> None:
        self._member = member
        self._clock_us = clock_us
        self._known: dict[int, _Level] = {}
        self._asked_us = 0

    def begin(self, partition: int, position: int, end: int) -> None:
        """Note where a partition that was assigned begins, and its end as of now."""
        now = self._clock_us()
        self._known[partition] = level = _Level(now, position)
        level.note(position, end, now)

    def end(self, partition: int) -> None:
        """Forget a partition that went away."""
        self._known.pop(partition, None)

    def took(self, partition: int, position: int, sent_us: int) -> None:
        """Note what was handed out of a partition: where it goes on, when its last was sent."""
        level = self._known.get(partition)
        if level is not None:
            level.sent_us = sent_us
            level.note(position, self._member.highwater(partition), self._clock_us())

    def look(self, partitions: Iterable[int]) -> None:
        """Ask for the ends of what brought nothing lately; wait two seconds at most.

        Parameters
        ----------
        partitions
            This worker's.
        """
        now = self._clock_us()
        if now - self._asked_us < ASK_US:
            return
        of = {one: self._known[one] for one in partitions if one in self._known}
        silent = [one for one, level in of.items() if now - level.level_us >= ASK_US]
        try:
            ends = self._member.end(silent, ASK_MS) if silent else {}
            for one, end in ends.items():
                of[one].note(self._member.position(one), end, now)
        except MemberFault:
            pass  # then nothing more is known, which is what there is to say
        self._asked_us = self._clock_us()

    def lag_us(self, partition: int) -> int:
        """Give for how long nothing is known to have been read, 0 where all was read lately.

        Of a partition that has more to read: the age of the newest record handed out, but no
        longer ago than it was read to its end.
        """
        level = self._known.get(partition)
        if level is None:
            return 0
        now = self._clock_us()
        if level.position >= level.end and now - level.level_us < 2 * ASK_US:
            return 0
        return max(0, now - (max(level.sent_us, level.level_us) or level.begun_us))
