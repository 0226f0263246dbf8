"""Join the parts that records carry to events, each call once.

A call is one event, however many records and formats report it. It is complete when both halves
have come. A half that stays alone for `WAIT_US` becomes an event without an outcome, and is
counted. Spans arrive in any order: those of a trace are held until its root has come, or for
`HOLD_US`, and are applied in order of time. The clock is the arrival of records, so a replay gives
the same events.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

import msgspec

from models.units import HOUR_US, MINUTE_US, SECOND_US
from pipeline.assembling.open_session import OpenSession, State, digest_of, native_line
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_SESSIONS = 10_000
"""Most open sessions; the one that was quiet for longest ends first."""
MAX_HELD = 10_000
"""Most parts of a trace that are held."""
WAIT_US = 15 * MINUTE_US
HOLD_US = 5 * SECOND_US
QUIET_US = 24 * HOUR_US
"""Time after which a session without parts ends."""
NAME = "assembly:"
"""Beginning of the names of stored state."""
_encode = msgspec.msgpack.Encoder().encode
_text = msgspec.msgpack.Decoder(tuple[str, bytes]).decode


class Assembler:
    """Holds the open sessions of one stream.

    Parameters
    ----------
    salt
        Of the checksums of words: 32 bits of the installation's secret.

    Attributes
    ----------
    count
        What was dropped or repeated since the start, by reason.
    now_us
        Latest arrival, microseconds since 1970.

    Examples
    --------
    >>> assembler = Assembler(7)
    >>> call = Part(kind="call", session="s", call="c-1", time_us=1, event={"tool": "crm.read"})
    >>> assembler.take([call], ordered=True, arrived_us=5)
    []
    >>> done = Part(kind="result", session="s", call="c-1", text="ok", event={"outcome": "ok"})
    >>> len(assembler.take([done], ordered=True, arrived_us=6))
    1
    """

    def __init__(self, salt: int) -> None:
        self._salt = salt
        self.count: Counter[str] = Counter()
        self._open: OrderedDict[str, OpenSession] = OrderedDict()
        self._touched: set[str] = set()
        self._stored: dict[str, set[int]] = {}
        self._dropped: list[str] = []
        self.now_us = 0
        self._due_us = 0

    def __len__(self) -> int:
        return len(self._open)

    def take(
        self, parts: Iterable[Part], *, ordered: bool, arrived_us: int, reporter: str = ""
    ) -> list[bytes]:
        """Take the parts of one record; give the native events that they complete.

        Parameters
        ----------
        ordered
            Whether parts come in the order of time; spans do not.
        arrived_us
            Arrival of the record.
        reporter
            Name of the credential that sent it. Nobody adds to the sessions of another one.
        """
        out: list[bytes] = []
        self.now_us = max(self.now_us, arrived_us)
        roots: dict[str, None] = {}
        for part in parts:
            if part.kind == "event":
                at_us = part.time_us or arrived_us
                out.append(part.line or native_line(part.event, part.call, at_us, reporter))
                continue
            name = f"{reporter}\x1f{part.session}"
            session = self._session(name, part.session, reporter)
            if ordered:
                session.apply(part, arrived_us, out)
                if part.kind == "end":
                    self._close(name)
                continue
            state = session.state
            if not state.held:
                state.held_since_us = arrived_us
            state.held.append(part)
            if (part.kind in ("span", "call") and not part.parent) or len(state.held) > MAX_HELD:
                roots[name] = None
        for name in roots:
            self._release(name, out)
        return out

    def due(self, *, whole: bool = False) -> list[bytes]:
        """Give the events whose other half has not come in time; with `whole`, of all sessions."""
        out: list[bytes] = []
        now_us = self.now_us
        if not whole and now_us < self._due_us:
            return out
        for name, session in list(self._open.items()):
            state = session.state
            if state.held and (whole or now_us - state.held_since_us >= HOLD_US):
                self._release(name, out)
            if whole:
                session.end(out)
                self._touched.add(name)
            elif state.calls:
                before = len(out)
                session.expire(now_us - WAIT_US, out)
                if len(out) > before:
                    self._touched.add(name)
            if not whole and now_us - state.seen_us >= QUIET_US:
                session.end(out)
                self._close(name)
        self._due_us = min(map(_due_of, self._open.values()), default=_NEVER)
        return out

    def has_due(self, now_us: int) -> bool:
        """Move the clock on, where no record comes; return whether `due` gives something."""
        self.now_us = max(self.now_us, now_us)
        return self.now_us >= self._due_us

    # ------------------------------------------------------------------ sessions

    def _session(self, name: str, session_name: str, reporter: str) -> OpenSession:
        session = self._open.get(name)
        if session is None:
            if len(self._open) >= MAX_SESSIONS:
                oldest = next(iter(self._open))
                self.count["sessions_dropped_for_room"] += 1
                self._close(oldest)
            session = self._open[name] = OpenSession(
                self._salt, self.count, State(session_name, reporter)
            )
        else:
            self._open.move_to_end(name)
        session.state.seen_us = self.now_us
        self._due_us = min(self._due_us, self.now_us + HOLD_US)
        self._touched.add(name)
        return session

    def _release(self, name: str, out: list[bytes]) -> None:
        session = self._open[name]
        held, session.state.held = session.state.held, []
        for part in sorted(held, key=_place_in_time):
            session.apply(part, self.now_us, out)
        self._touched.add(name)

    def _close(self, name: str) -> None:
        session = self._open.pop(name)
        self.count["calls_without_result"] += len(session.state.calls)
        self._touched.discard(name)
        if name in self._stored:
            self._dropped += [_row(name), *(_row(name, at) for at in self._stored.pop(name))]

    # ------------------------------------------------------------------ state

    def dump(self) -> tuple[list[tuple[str, bytes]], list[str]]:
        """Give the stored rows that changed, and the names of those to delete."""
        rows: list[tuple[str, bytes]] = []
        for name in sorted(self._touched):
            session = self._open[name]
            stored = self._stored.setdefault(name, set())
            corpus, first = session.corpus, session.corpus.dropped
            for at, text in enumerate(corpus.texts, first):
                if at not in stored:
                    rows.append((_row(name, at), _encode(text)))
                    stored.add(at)
            for at in [at for at in stored if at < first]:
                stored.discard(at)
                self._dropped.append(_row(name, at))
            session.state.texts = first
            rows.append((_row(name), _encode((name, session.state))))
        gone, self._dropped = self._dropped, []
        self._touched.clear()
        return rows, gone

    def load(self, shared: Mapping[str, bytes]) -> None:
        """Read the rows of `dump` out of the shared state."""
        texts: dict[str, dict[int, bytes]] = {}
        heads: list[bytes] = []
        for key, blob in shared.items():
            if key.startswith(NAME):
                digest, _, at = key.removeprefix(NAME).partition(":")
                if at:
                    texts.setdefault(digest, {})[int(at)] = blob
                else:
                    heads.append(blob)
        found = [_head(blob) for blob in heads]
        for name, state in sorted(found, key=lambda one: (one[1].seen_us, one[0])):
            session = OpenSession(self._salt, self.count, state)
            session.corpus.dropped = state.texts
            rows = texts.get(f"{digest_of(name):016x}", {})
            for _, row in sorted(rows.items()):
                session.corpus.add_row(*_text(row))
            self._open[name] = session
            self._stored[name] = set(rows)
            self.now_us = max(self.now_us, state.seen_us)


class _Head(msgspec.Struct, array_like=True):
    name: str
    state: State


_read_head = msgspec.msgpack.Decoder(_Head).decode


def _head(blob: bytes) -> tuple[str, State]:
    head = _read_head(blob)
    head.state.held = [msgspec.convert(one, Part) for one in head.state.held]
    return head.name, head.state


def _row(name: str, at: int | None = None) -> str:
    digest = f"{NAME}{digest_of(name):016x}"
    return digest if at is None else f"{digest}:{at}"


_NEVER = 1 << 62


def _due_of(session: OpenSession) -> int:
    """Give the instant at which something of a session is due."""
    state = session.state
    found = state.seen_us + QUIET_US
    if state.held:
        found = min(found, state.held_since_us + HOLD_US)
    waiting = min((call.arrived_us for call in state.calls.values()), default=_NEVER)
    return min(found, waiting + WAIT_US)


_ORDER = {"span": 0, "about": 1, "system": 2, "request": 3, "call": 4, "result": 5, "end": 6}


def _place_in_time(part: Part) -> tuple[bool, int, int]:
    """Spans first, as all below inherit from them; then in order of time."""
    return part.kind != "span", part.time_us, _ORDER[part.kind]
