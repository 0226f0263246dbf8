"""The sessions of agents: events open them, their content is ranked, and idle ones are learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.baseline.session import is_scores
from models.calibration import session_calibration as reference
from models.errors import StateError
from models.explain.content import subject_of, values_at
from models.native_scoring import open_scores
from models.provenance.backend import provenance_detector
from models.provenance.open_sessions import open_sessions
from models.units import MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from models.baseline.profile import Profile
    from models.baseline.session import SessionScores, Subject
    from models.codec.hashing import Hasher
    from models.config import ModelConfig
    from models.event import Event
    from models.provenance.session import Session
    from models.replication.announcements import Announcements


NAME = "sessions"
MIN_SESSIONS = 50
"""Sessions from which on p-values are known."""
FLEET_WINDOW, ROLE_WINDOW = 100_000, 2_000
"""Sessions that are kept of the fleet, and of a role."""


class Sessions:
    """All open sessions, and what the content of past ones has taught.

    Parameters
    ----------
    secret
        Key of the installation.
    native
        The compiled kernel, None for Python.
    without
        Parts of the content detector that are left out.

    Attributes
    ----------
    content
        Scores the arguments of calls, and learns them.
    gate
        Says how surprising the content of a session is among others.
    open
        The open sessions by agent, mode and name.
    scores
        What the other detectors have said of each open session.
    announcements
        Other shards get the finished sessions from it; None for a single shard.
    """

    def __init__(
        self,
        config: ModelConfig,
        hasher: Hasher,
        secret: bytes,
        native: Any | None,
        without: frozenset[str],
    ) -> None:
        compiled = None if without else native
        self.content = provenance_detector(secret, compiled, without)
        self._idle_us = config.idle_minutes * MINUTE_US
        self.open = open_sessions(self._idle_us, secret, compiled)
        self.gate = SessionGate(hasher, native)
        self.scores = open_scores(hasher, native)
        self.announcements: Announcements | None = None

    # ------------------------------------------------------------------ events

    def resume(
        self,
        event: Event,
        profile: Profile,
        time_us: int,
        watermark_us: int,
        *,
        trusted_history: bool,
    ) -> Session:
        """Give the session of an event, a new one where none is open.

        A session without a name ends by idle time. An event that comes later than that is of an
        hour of its own.
        """
        name = event.session_name
        if not name and watermark_us - time_us > self._idle_us:
            name = f"\x1f{time_us // self._idle_us}"
        session = self.open.resume(profile.agent_id, profile.mode, name, time_us, watermark_us)
        if session is None:
            for cut in self.open.pop_overlong():
                self.close(cut)
            profile.opened += 1
            session = self.content.open(
                profile.agent_id, profile.mode, profile.role, event.purpose or "", time_us,
                watermark_us, profile.opened, profile.opened <= profile.learn_until,
                trusted_history,
            )  # fmt: skip
            self.open.add(name, session)
        return session

    def score_content(
        self, session: Session, event: Event, *, recorded: bool
    ) -> tuple[float, Subject | None]:
        """Score the arguments of a call; give their bits, and what they are about.

        Parameters
        ----------
        recorded
            Whether the call counts as one of its session.
        """
        if event.kind != "action" or not (session.purpose or event.argument_origins):
            return 0.0, None
        call = self.content.score(session, event.tool, event.argument_origins)
        self.gate.rank(session, call.score)
        if recorded:
            session.events += 1
            session.previous_tool = event.tool
            self.content.record_call(session, call)
        if call.score <= 0.0:
            return 0.0, None
        subject = subject_of(call, event.tool, values_at(call, event))
        return (0.0 if subject is None else call.score), subject

    def scores_of(self, session: Session) -> SessionScores:
        """Give what the other detectors have said of a session, to be changed."""
        return self.scores.of(session.agent_id, session.mode, session.ordinal)

    # ------------------------------------------------------------------ ends

    def close(self, session: Session) -> None:
        """Learn a session that is over."""
        self.gate.add(session)
        if self.announcements is not None:
            self.announcements.session_finished(self.content.dump_session(session))
        self.content.close(session)
        self.scores.close(session.agent_id, session.mode, session.ordinal)

    def close_all(self) -> None:
        """Learn all sessions, at the end of a recording."""
        for session in self.open.pop_all():
            self.close(session)

    # ------------------------------------------------------------------ state

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write what past sessions have taught, where it changed since the last call."""
        return self.content.dump(whole=whole) + self.gate.dump(whole=whole)

    def dump_open(self) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Give the bytes of changed sessions and the keys of closed ones, since the last call."""
        changed, closed = self.open.dump()
        scores, over = self.scores.dump()
        return changed + scores, closed + over

    def load(self, shared: dict[str, bytes], stored: Iterable[tuple[int, bytes]]) -> None:
        """Read what `dump` and `dump_open` wrote."""
        self.content.load(shared)
        self.gate.load(shared)
        sessions = list(stored)
        self.open.load((key, blob) for key, blob in sessions if not is_scores(blob))
        self.scores.load((key, blob) for key, blob in sessions if is_scores(blob))


class SessionGate:
    """Ranks sessions by the highest score of their content, and says how rare that is among others.

    The content tables learn from a session as far as its p-value allows (`models.provenance`).

    Parameters
    ----------
    native
        The compiled kernel, None for the reference.

    Attributes
    ----------
    pools
        Highest scores of past sessions.
    """

    def __init__(self, hasher: Hasher, native: Any | None) -> None:
        self._hasher = hasher
        self.pools = (native or reference).SessionPools(
            FLEET_WINDOW, of_role=ROLE_WINDOW, linked_tails=True
        )

    def rank(self, session: Session, score: float) -> None:
        """Update score and p-value of a session by the score of one of its calls, in bits."""
        if score <= session.score and session.p is not None:
            return
        session.score = max(session.score, score)
        if self.pools.n >= MIN_SESSIONS:
            name = f"{session.agent_id}\x1f{session.mode}\x1f{session.ordinal}"
            u = self._hasher.uniform(name)
            session.p = self.pools.p_value(session.role, session.score, u)

    def add(self, session: Session) -> None:
        """Add a finished session, of this or another shard."""
        ungated = session.learning or session.trusted_history
        if ungated or (session.p is None and not session.alerted):
            if session.score >= 0.0:
                self.pools.add(session.role, session.score)
        elif session.p is not None and not session.alerted:
            self.pools.offer(session.role, session.score, session.p)

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write the pools, if they changed since the last call."""
        return [(NAME, self.pools.dump())] if whole or self.pools.changed else []

    def load(self, parts: Mapping[str, bytes]) -> None:
        """Read what `dump` wrote.

        Raises
        ------
        StateError
            The bytes are malformed.
        """
        if NAME not in parts:
            return
        try:
            self.pools.load(parts[NAME])
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"scores of sessions cannot be read: {error}") from error
