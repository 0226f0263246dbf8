"""The gate of the content detector: how surprising the content of a session is among others.

The content tables learn from a session as far as its p-value allows (`models.provenance`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.calibration import session_calibration as reference
from models.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.codec.hashing import Hasher
    from models.provenance.session import Session

NAME = "sessions"
MIN_SESSIONS = 50
"""Sessions from which on p-values are known."""
FLEET_WINDOW, ROLE_WINDOW = 100_000, 2_000
"""Sessions that are kept of the fleet, and of a role."""


class SessionGate:
    """Ranks sessions by the highest score of their content.

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
