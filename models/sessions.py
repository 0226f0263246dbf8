"""Open sessions, in order of when they will have been idle long enough."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

import msgspec

from models.content.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.hashing import Hasher

_encode = msgspec.msgpack.Encoder().encode
MOST_OPEN = 200_000
_MOST_EVENTS = 1_000
_LONGEST_US = 24 * 3_600_000_000


class OpenSessions:
    """Sessions by key; closed by event time alone, so a replay closes them at the same events."""

    def __init__(self, idle_us: int) -> None:
        self.idle_us = idle_us
        self.by_key: dict[int, Session] = {}
        self.touched: set[int] = set()
        self.closed: set[int] = set()
        self._due: list[tuple[int, int]] = []

    @staticmethod
    def key(hasher: Hasher, agent_id: str, mode: str, name: str) -> int:
        """Give a session's key, 63 bits."""
        return hasher.once(f"session\x1f{agent_id}\x1f{mode}\x1f{name}") >> 1

    def add(self, key: int, session: Session) -> None:
        """Take in a session just opened."""
        self.by_key[key] = session
        self.touched.add(key)
        self.closed.discard(key)
        heappush(self._due, (session.seen_us + self.idle_us, key))

    def finished(self, watermark_us: int) -> Iterator[Session]:
        """Take out the sessions that have been idle, or are too many, in order of their end."""
        due = self._due
        while due and (due[0][0] <= watermark_us or len(self.by_key) > MOST_OPEN):
            at_us, key = heappop(due)
            session = self.by_key.get(key)
            if session is None:
                continue
            end_us = session.seen_us + self.idle_us
            if end_us > at_us:
                heappush(due, (end_us, key))
            else:
                yield self.take(key)

    def take(self, key: int) -> Session:
        """Take out one session."""
        self.touched.discard(key)
        self.closed.add(key)
        return self.by_key.pop(key)

    def overfull(self, session: Session, time_us: int) -> bool:
        """Tell whether a session has grown so long that the next event starts another."""
        return session.events >= _MOST_EVENTS or time_us - session.opened_us > _LONGEST_US

    def all_finished(self) -> Iterator[Session]:
        """Take out every session, in order of its end: a recording is over."""
        order = sorted(self.by_key, key=lambda key: (self.by_key[key].last_us, key))
        for key in order:
            yield self.take(key)
        self._due.clear()

    def dump(self) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Write the sessions that changed since the last call, and name those that closed."""
        changed = [(key, _encode(self.by_key[key])) for key in sorted(self.touched)]
        gone = sorted(self.closed)
        self.touched.clear()
        self.closed.clear()
        return changed, gone

    def load(self, stored: Iterable[tuple[int, bytes]]) -> None:
        """Read what `dump` wrote."""
        decode = msgspec.msgpack.Decoder(Session).decode
        for key, blob in stored:
            session = self.by_key[key] = decode(blob)
            heappush(self._due, (session.seen_us + self.idle_us, key))
