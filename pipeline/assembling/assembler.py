"""Join the parts that records carry to events, each call once.

A call is one event, however many records and formats report it. It is complete when both halves
have come. A half that stays alone for `WAIT_US` becomes an event without an outcome, and is
counted. Spans arrive in any order: those of a trace are held until its root has come, or for
`HOLD_US`, and are applied in order of time. A call without an agent, below a span that has not
come, waits for it (`pipeline.assembling.ancestors`). The clock is the arrival of records, so a
replay gives the same events.

A report of a call that is an event already changes it no more. Its result is read all the same, so
origins and leaks of later calls do not depend on which report came first. The open state is bounded
in bytes: the content of the oldest sessions is left out first.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

from models.errors import MalformedEvent
from models.kernel import native_kernel
from models.units import HOUR_US, MINUTE_US, SECOND_US
from pipeline.assembling.ancestors import Ancestry
from pipeline.assembling.known_subjects import KnownSubjects
from pipeline.assembling.native_events import encoded, native_event, native_line
from pipeline.assembling.open_session import OpenSession
from pipeline.assembling.secrets.hiding import hidden_id, with_hidden_ids
from pipeline.assembling.state.gaps import WAIT_US as GAP_US
from pipeline.assembling.state.gaps import HookedAgents
from pipeline.assembling.state.rows import ANCESTRY, HOOKED, SessionRows
from pipeline.assembling.state.session_state import State
from pipeline.assembling.state.weights import MAX_BYTES
from pipeline.assembling.word_sums import word_sums_of
from pipeline.formats.bounds import flat

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.formats.part import Part

MAX_SESSIONS = 10_000
"""Most open sessions; the one that was quiet for longest ends first."""
MAX_HELD = 10_000
"""Most parts of a trace that are held."""
MAX_HELD_IN_ALL = 100_000
"""Most parts of all traces that are held; above it, all are released."""
WAIT_US = 15 * MINUTE_US
HOLD_US = 5 * SECOND_US
QUIET_US = 24 * HOUR_US
"""Time after which a session without parts ends."""
LINGER_US, RESUMED_US = 10 * MINUTE_US, MINUTE_US
"""Time for which an ended session is kept, as telemetry of its calls comes later than its end;
and time after its end from which on a part shows that it continues."""
_KEPT = 0.9
"""Share of the bytes that is kept where there is no room, so that room is made seldom."""


class Assembler:
    """Holds the open sessions of one stream.

    Parameters
    ----------
    salt
        Of the checksums of words: 32 bits of the installation's secret.
    kernel
        ``auto``, ``native`` or ``python``.
    max_bytes
        Most bytes of the open state (`pipeline.assembling.state.weights`).

    Attributes
    ----------
    weight
        Bytes of the open state.
    count
        What was dropped or repeated since the start, by reason.
    now_us
        Latest arrival, microseconds since 1970.
    subjects
        Which agents act in a session or for a person.
    refusal
        Why a part of the latest record made no event, the first one; None if each did.

    Examples
    --------
    >>> from pipeline.formats.part import Part
    >>> assembler = Assembler(7)
    >>> call = Part(kind="call", session="s", call="c-1", time_us=1, event={"tool": "crm.read"})
    >>> assembler.take([call], ordered=True, arrived_us=5)
    []
    >>> done = Part(kind="result", session="s", call="c-1", text="ok", event={"outcome": "ok"})
    >>> len(assembler.take([done], ordered=True, arrived_us=6))
    1
    """

    def __init__(self, salt: int, kernel: str = "auto", *, max_bytes: int = MAX_BYTES) -> None:
        self._salt = salt
        self._max_bytes = max_bytes
        self.weight = 0
        self._order = 0
        self._sums = word_sums_of(native_kernel(kernel))
        self._ancestry = Ancestry()
        self.count: Counter[str] = Counter()
        self.refusal: MalformedEvent | None = None
        self.subjects = KnownSubjects(salt.to_bytes(4, "little"), self.count)
        self._open: OrderedDict[str, OpenSession] = OrderedDict()
        self._touched: set[str] = set()
        self._rows = SessionRows()
        self._held = 0
        self._hooked = HookedAgents()
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
        self.refusal = None
        self.now_us = max(self.now_us, arrived_us)
        roots: dict[str, None] = {}
        touched: dict[str, None] = {}
        open_sessions, name, session = self._open, "", None
        for part in map(with_hidden_ids, parts):
            kind, event = part.kind, part.event
            arguments = event.get("arguments")
            if isinstance(arguments, dict):
                event["arguments"] = flat(arguments)
            if kind == "event":
                out += self._whole(part, part.time_us or arrived_us, reporter)
                continue
            if kind == "refused":
                self._refuse(MalformedEvent(part.match, part.text or ""))
                continue
            if session is None or session.state.name != part.session:
                name = f"{reporter}\x1f{part.session}"
                session = open_sessions.get(name)
                if session is None:
                    session = self._opened(name, State(part.session, reporter), out)
                self._touch(name, session)
                touched[name] = None
            state = session.state
            if state.ended_us and arrived_us - state.ended_us > RESUMED_US:
                state.ended_us = 0
            if part.via in _OF_AGENT:
                self._hooked.note(part, reporter, state.reports, arrived_us)
            if ordered:
                session.apply(part, arrived_us, out)
                if kind == "span":
                    session.settle(out)
                if kind == "end":
                    state.ended_us = self.now_us
                continue
            if not state.held:
                state.held_since_us = arrived_us
            state.held.append(part)
            self._held += 1
            if (kind in ("span", "call") and not part.parent) or len(state.held) > MAX_HELD:
                roots[name] = None
        for name in roots:
            if name in self._open:
                self._release(name, out)
        if self._held > MAX_HELD_IN_ALL:
            for name in [name for name, one in self._open.items() if one.state.held]:
                self._release(name, out)
        for name in touched:
            session = open_sessions.get(name)
            if session is not None:
                self._weigh(session)
        if self.weight > self._max_bytes:
            self._make_room(out)
        return out

    def _whole(self, part: Part, at_us: int, reporter: str) -> list[bytes]:
        """Give a whole event; a security event, for each agent that it is about."""
        event = part.event
        out: list[bytes] = []
        if event.get("kind") != "security_event":
            line = native_event(event, part.call, at_us, reporter)
            if not self.subjects.names_person(event, line, at_us):
                session = {"agent": line["agent"], "session": event.get("session")}
                self.subjects.learn(session, at_us)
                out.append(encoded(line, [], 0))
            return out
        named, human = event["agent"], event.get("attributes", {}).get("subject")
        try:
            agents = self.subjects.agents_of(event, at_us)
        except MalformedEvent as error:
            self._refuse(error)
            return out
        for agent in agents:
            about = {"agent": {"id": agent}}
            if human is not None and agent not in (human, named["id"]):
                about["human"] = {"id": human}
            out.append(native_line(event | about, part.call, at_us, reporter))
        return out

    def _refuse(self, error: MalformedEvent) -> None:
        self.refusal = self.refusal or error

    def due(self, *, whole: bool = False, spans: bool = False) -> list[bytes]:
        """Give the events whose other half has not come in time.

        Parameters
        ----------
        whole
            Give the events of all sessions.
        spans
            Give the calls that wait for spans above them.
        """
        out: list[bytes] = []
        now_us = self.now_us
        if not (whole or spans) and now_us < self._due_us:
            return out
        for name, session in list(self._open.items()):
            state = session.state
            if state.held and (whole or spans or now_us - state.held_since_us >= HOLD_US):
                self._release(name, out)
                if name not in self._open:
                    continue
            if spans:
                session.settle(out, whole=True)
                self._touched.add(name)
            if whole:
                session.end(out)
                self._touched.add(name)
            elif state.calls:
                before = len(out)
                session.expire(now_us - WAIT_US, now_us, out)
                if len(out) > before:
                    self._touched.add(name)
            if state.reports.waiting:
                before = len(out)
                session.add_gaps(now_us if whole else now_us - GAP_US, out)
                if len(out) > before:
                    self._touched.add(name)
            if not whole and now_us >= _ends_us(state):
                session.end(out)
                self._close(name)
            else:
                self._weigh(session)
        self._due_us = min(map(_due_of, self._open.values()), default=_NEVER)
        return out

    def has_due(self, now_us: int) -> bool:
        """Move the clock on, where no record comes; return whether `due` gives something."""
        self.now_us = max(self.now_us, now_us)
        return self.now_us >= self._due_us

    def end(self, session: str) -> list[bytes]:
        """End a session and forget it; give the events of its open calls."""
        out: list[bytes] = []
        name = f"\x1f{hidden_id(session)}"
        if name in self._open:
            self._release(name, out)
        if name in self._open:
            self._open[name].end(out)
            self._close(name)
        return out

    def waits(self) -> bool:
        """Return whether calls wait for spans above them."""
        states = (session.state for session in self._open.values())
        return any(
            state.held or any(call.until_us for call in state.calls.values()) for state in states
        )

    def calls_open(self) -> int:
        """Return the number of calls of which half has come."""
        return sum(len(session.state.calls) for session in self._open.values())

    def names(self) -> list[str]:
        """Give the names of the open sessions, each with its reporter."""
        return list(self._open)

    # ------------------------------------------------------------------ sessions

    def _opened(self, name: str, new: State, out: list[bytes]) -> OpenSession:
        """Open a session; the one that was quiet for longest ends where there is no room."""
        if len(self._open) >= MAX_SESSIONS:
            self._drop_oldest(out)
        new.weight = 2 * len(name)
        session = self._open[name] = self._new(new)
        return session

    def _drop_oldest(self, out: list[bytes]) -> None:
        """End the session that was quiet for longest."""
        oldest = next(iter(self._open))
        self.count["sessions_dropped_for_room"] += 1
        self._release(oldest, out)
        if oldest in self._open:
            self._open[oldest].end(out, "calls_dropped_for_room")
            self._close(oldest)

    def _make_room(self, out: list[bytes]) -> None:
        """Leave out the content of the oldest sessions, and then these, until the rest fits.

        Held parts are applied before their spans above have come. Texts are no longer searched
        for origins.
        """
        most = int(self._max_bytes * _KEPT)
        for name, session in list(self._open.items()):
            if self.weight <= most:
                return
            if session.state.held:
                self.count["parts_released_for_room"] += len(session.state.held)
                self._release(name, out)
            if name in self._open and len(session.corpus):
                self.count["texts_dropped_for_room"] += session.corpus.clear()
                self._touched.add(name)
                self._weigh(session)
        while self.weight > most and self._open:
            self._drop_oldest(out)

    def _weigh(self, session: OpenSession) -> None:
        """Bring the total to what a session of it weighs now."""
        weight = session.weigh()
        self.weight += weight - session.counted
        session.counted = weight

    def _touch(self, name: str, session: OpenSession) -> None:
        self._open.move_to_end(name)
        self._order += 1
        session.state.order = self._order
        session.state.seen_us = self.now_us
        self._due_us = min(self._due_us, self.now_us + HOLD_US)
        self._touched.add(name)

    def _new(self, state: State) -> OpenSession:
        return OpenSession(self._salt, self.count, state, self._ancestry, self.subjects, self._sums)

    def _release(self, name: str, out: list[bytes]) -> None:
        session = self._open[name]
        held = session.released()
        self._held -= len(held)
        for part in sorted(held, key=_place_in_time):
            session.apply(part, self.now_us, out)
        session.settle(out)
        self._touched.add(name)
        if session.says_nothing():  # a trace without agents and calls
            self._close(name)
        else:
            self._weigh(session)

    def _close(self, name: str) -> None:
        session = self._open.pop(name)
        self.weight -= session.counted
        self.count["calls_without_result"] += len(session.state.calls)
        self._touched.discard(name)
        self._rows.forget(name)

    # ------------------------------------------------------------------ state

    def counted(self) -> dict[str, int]:
        """Give what was dropped, late or repeated since the last call, as names of counters."""
        found = {f"assembly_{why}": number for why, number in self.count.items() if number}
        self.count.clear()
        return found

    def dump(self) -> tuple[list[tuple[str, bytes]], list[str]]:
        """Give the stored rows that changed, and the names of those to delete."""
        rows: list[tuple[str, bytes]] = []
        for name in sorted(self._touched):
            session = self._open[name]
            rows += self._rows.changed(name, session.state, session.corpus)
        if (agents := self._hooked.dump()) is not None:
            rows.append((HOOKED, agents))
        if (scores := self._ancestry.dump()) is not None:
            rows.append((ANCESTRY, scores))
        written = {name for name, _ in rows}  # a session may have ended and begun again
        gone = [name for name in self._rows.gone() if name not in written]
        self._touched.clear()
        subjects, forgotten = self.subjects.dump()
        return rows + subjects, gone + forgotten

    def load(self, shared: Mapping[str, bytes]) -> None:
        """Read the rows of `dump` out of the shared state."""
        self.subjects.load(shared)
        if HOOKED in shared:
            self._hooked.load(shared[HOOKED])
        if ANCESTRY in shared:
            self._ancestry.load(shared[ANCESTRY])
        for name, state, texts in self._rows.load(shared):
            session = self._new(state)
            session.corpus.dropped = state.texts
            for origin, row in texts:
                session.corpus.add_row(origin, row)
            self._open[name] = session
            self._weigh(session)
            self._order = max(self._order, state.order)
            self._held += len(state.held)
            self.now_us = max(self.now_us, state.seen_us)


_OF_AGENT = ("hook", "log")
_NEVER = 1 << 62


def _ends_us(state: State) -> int:
    """Give the instant at which a session ends."""
    return state.ended_us + LINGER_US if state.ended_us else state.seen_us + QUIET_US


def _due_of(session: OpenSession) -> int:
    """Give the instant at which something of a session is due."""
    state = session.state
    found = _ends_us(state)
    if (gap_us := state.reports.due_us()) is not None:
        found = min(found, gap_us)
    if state.held:
        found = min(found, state.held_since_us + HOLD_US)
    waiting = (call.until_us or call.arrived_us + WAIT_US for call in state.calls.values())
    return min(found, min(waiting, default=_NEVER))


_KINDS = ("span", "about", "system", "request", "usage", "call", "result", "end")
_ORDER = {kind: place for place, kind in enumerate(_KINDS)}


def _place_in_time(part: Part) -> tuple[bool, int, int]:
    """Spans first, as all below inherit from them; then in order of time."""
    return part.kind != "span", part.time_us, _ORDER[part.kind]
