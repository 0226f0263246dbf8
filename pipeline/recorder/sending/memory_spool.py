"""Events that the target could not take, in memory: an agent may have no disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.tap.recording.record import Line

MAX_BYTES = 32 << 20
"""Most bytes of events that are kept."""


class MemorySpool:
    """Keeps a bounded number of events.

    Parameters
    ----------
    most
        Most events; what follows is lost, and counted by the delivery.

    Examples
    --------
    >>> from pipeline.tap.recording.record import Line
    >>> spool = MemorySpool(1)
    >>> spool.add([Line("bot", b"{}")])
    >>> spool.add([Line("bot", b"{}")])
    Traceback (most recent call last):
    OSError: 1 records wait, at most 1 are kept
    """

    where = "memory"

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: list[Line] = []
        self._bytes = 0

    @property
    def waiting(self) -> int:
        """Number of events that are kept."""
        return len(self._lines)

    def take_over(self) -> None:
        """Do nothing: no earlier process leaves anything."""

    def add(self, lines: Sequence[Line]) -> None:
        """Keep events; raise `OSError` where no room is left for all of them."""
        size = sum(len(line.data) for line in lines)
        if len(self._lines) + len(lines) > self._most or self._bytes + size > MAX_BYTES:
            raise OSError(f"{len(self._lines)} records wait, at most {self._most} are kept")
        self._lines += lines
        self._bytes += size

    def batches(self) -> Iterator[Sequence[Line]]:
        """Give the events in order."""
        yield tuple(self._lines)

    def clear(self) -> None:
        """Forget the events."""
        self._lines.clear()
        self._bytes = 0

    def rest(self) -> str:
        """Say what happens to the events at the end."""
        return f"{len(self._lines)} records that wait in memory are lost"
