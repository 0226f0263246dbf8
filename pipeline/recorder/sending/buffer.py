"""Items that wait for the thread that records, bounded in number and in bytes."""

from __future__ import annotations

import threading
from collections import Counter
from queue import SimpleQueue
from typing import Protocol

MAX_WAITING = 10_000
"""Most calls that wait to be recorded; what comes meanwhile is dropped, and counted."""
MAX_BYTES = 64 << 20
"""Most bytes of arguments and results that wait."""


class Item(Protocol):
    """Something for the thread that records."""

    @property
    def size(self) -> int:
        """Bytes of its content."""


class Buffer:
    """A queue that never waits.

    Parameters
    ----------
    most
        Most calls that wait.
    most_bytes
        Most bytes that wait.

    Attributes
    ----------
    dropped
        Calls and events that are not recorded, by reason.
    lock
        Guards the buffer, and the sessions that fill it. A signal handler may call a tool, so a
        thread that has it may take it again.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> buffer = Buffer(most=1)
    >>> buffer.begin(SimpleNamespace(size=10)), buffer.begin(SimpleNamespace(size=10))
    (True, False)
    >>> buffer.dropped["buffer_full"]
    1
    """

    def __init__(self, most: int = MAX_WAITING, most_bytes: int = MAX_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self.queue: SimpleQueue[Item | None] = SimpleQueue()
        self.lock = threading.RLock()
        self.dropped: Counter[str] = Counter()
        self.closed = False
        self._calls = self._bytes = 0

    def begin(self, item: Item) -> bool:
        """Take the start of a call; return False, and count it, where no room is left."""
        with self.lock:
            if self.closed or self._calls >= self._most or not self.has_room(item.size):
                self.dropped["closed" if self.closed else "buffer_full"] += 1
                return False
            self._calls += 1
            self._bytes += item.size
            self.queue.put(item)
            return True

    def follow(self, item: Item) -> None:
        """Take what belongs to a call that was taken."""
        with self.lock:
            self._bytes += item.size
            self.queue.put(item)

    def has_room(self, size: int) -> bool:
        """Return whether so many bytes may wait."""
        return self._bytes + size <= self._most_bytes

    @property
    def waiting(self) -> int:
        """Number of calls that wait."""
        return self._calls

    def taken(self, item: Item, *, begins: bool) -> None:
        """Make room again for an item that was taken out of the queue."""
        with self.lock:
            self._bytes -= item.size
            self._calls -= begins
