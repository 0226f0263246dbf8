"""The open sessions, in order of the end of their idle period."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from models.codec.compact_reader import Reader
from models.codec.compact_writer import Writer
from models.codec.hashing import Hasher
from models.errors import StateError
from models.provenance.session import Session
from models.units import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Iterable

_PACKED = b"\x01"
_PARTS = len(Session.__struct_fields__)
MAX_OPEN = 200_000
_MAX_EVENTS = 20_000
_LONGEST_US = 24 * HOUR_US


class OpenSessions(Protocol):
    """Sessions by agent, mode and name, closed by event time only.

    So a replay closes them at the same events.
    """

    def __len__(self) -> int:
        """Give the number of open sessions."""

    def resume(
        self, agent_id: str, mode: str, name: str, time_us: int, watermark_us: int
    ) -> Session | None:
        """Give the session of an event, moved to its time; None when the event opens one."""

    def pop_overlong(self) -> list[Session]:
        """Give the session that `resume` found too long to continue, if there was one."""

    def add(self, name: str, session: Session) -> None:
        """Add a new session."""

    def pop_idle(self, watermark_us: int) -> list[Session]:
        """Remove and give the sessions that are idle or exceed the limit, in order of their end."""

    def pop_all(self) -> list[Session]:
        """Remove and give all sessions in order of their end, at the end of a recording."""

    def dump(self) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Give the bytes of changed sessions and the keys of closed ones, since the last call."""

    def load(self, stored: Iterable[tuple[int, bytes]]) -> None:
        """Read the bytes of `dump`; raise `StateError` when they are invalid."""


class PythonOpenSessions:
    """The reference.

    Parameters
    ----------
    idle_us
        A session closes when the watermark passes its last event by this time.
    secret
        Key of the installation, for the keys of sessions.
    """

    def __init__(self, idle_us: int, secret: bytes) -> None:
        self.idle_us = idle_us
        self._hasher = Hasher(secret)
        self._by_key: dict[int, Session] = {}
        self._touched: set[int] = set()
        self._closed: set[int] = set()
        self._overlong: list[Session] = []
        self._due: list[tuple[int, int]] = []

    def __len__(self) -> int:
        """Give the number of open sessions."""
        return len(self._by_key)

    def _key(self, agent_id: str, mode: str, name: str) -> int:
        """Give the key of a session, 63 bits."""
        return self._hasher.once(f"session\x1f{agent_id}\x1f{mode}\x1f{name}") >> 1

    def resume(
        self, agent_id: str, mode: str, name: str, time_us: int, watermark_us: int
    ) -> Session | None:
        """Give the session of an event, moved to its time; None when the event opens one."""
        key = self._key(agent_id, mode, name)
        session = self._by_key.get(key)
        if session is None:
            return None
        if session.events >= _MAX_EVENTS or time_us - session.opened_us > _LONGEST_US:
            self._overlong.append(self._take(key))
            return None
        session.last_us = max(session.last_us, time_us)
        session.seen_us = watermark_us
        self._touched.add(key)
        return session

    def pop_overlong(self) -> list[Session]:
        """Give the session that `resume` found too long to continue, if there was one."""
        out, self._overlong = self._overlong, []
        return out

    def add(self, name: str, session: Session) -> None:
        """Add a new session."""
        key = self._key(session.agent_id, session.mode, name)
        self._by_key[key] = session
        self._touched.add(key)
        self._closed.discard(key)
        heappush(self._due, (session.seen_us + self.idle_us, key))

    def pop_idle(self, watermark_us: int) -> list[Session]:
        """Remove and give the sessions that are idle or exceed the limit, in order of their end."""
        due, out = self._due, []
        while due and (due[0][0] <= watermark_us or len(self._by_key) > MAX_OPEN):
            at_us, key = heappop(due)
            session = self._by_key.get(key)
            if session is None:
                continue
            end_us = session.seen_us + self.idle_us
            if end_us > at_us:
                heappush(due, (end_us, key))
            else:
                out.append(self._take(key))
        return out

    def _take(self, key: int) -> Session:
        self._touched.discard(key)
        self._closed.add(key)
        return self._by_key.pop(key)

    def pop_all(self) -> list[Session]:
        """Remove and give all sessions in order of their end, at the end of a recording."""
        order = sorted(self._by_key, key=lambda key: (self._by_key[key].last_us, key))
        self._due.clear()
        return [self._take(key) for key in order]

    def dump(self) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Give the bytes of changed sessions and the keys of closed ones, since the last call."""
        changed = [(key, _packed(self._by_key[key])) for key in sorted(self._touched)]
        gone = sorted(self._closed)
        self._touched.clear()
        self._closed.clear()
        return changed, gone

    def load(self, stored: Iterable[tuple[int, bytes]]) -> None:
        """Read the bytes of `dump`; raise `StateError` when they are invalid."""
        for key, blob in stored:
            try:
                session = self._by_key[key] = _unpacked(blob)
            except (msgspec.MsgspecError, ValueError) as error:
                raise StateError(f"a session cannot be read: {error}") from error
            heappush(self._due, (session.seen_us + self.idle_us, key))


def _packed(session: Session) -> bytes:
    out = Writer(_PACKED)
    out.value(msgspec.to_builtins(session))
    return bytes(out.out)


def _unpacked(raw: bytes) -> Session:
    if raw[:1] != _PACKED:
        raise ValueError(f"layout {raw[:1].hex()}, expected {_PACKED.hex()}")
    reader = Reader(raw, 1)
    parts = reader.value()
    reader.end()
    if not isinstance(parts, list) or len(parts) != _PARTS:
        raise ValueError(f"wrong number of parts, expected {_PARTS}")
    return msgspec.convert(parts, Session)


def open_sessions(idle_us: int, secret: bytes, native: Any | None) -> OpenSessions:
    """Give the compiled sessions of the module `native`, or the reference without one."""
    if native is None:
        return PythonOpenSessions(idle_us, secret)
    return cast("OpenSessions", native.OpenSessions(idle_us, secret))
