"""P-values of sessions: rank among past sessions of the role, leaning on those of the fleet."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from models.calibration import ScoreWindow

PRIOR_SESSIONS = 200.0  # what the fleet's answer counts for, in sessions of the role
MOST_ROLES = 4_096


class _Stored(Struct, array_like=True):
    fleet: ScoreWindow
    roles: dict[str, ScoreWindow]


_decode = msgspec.msgpack.Decoder(_Stored).decode


class SessionPools:
    """Highest scores of past sessions, all together and by role.

    Roles differ in how surprising their ordinary sessions are, yet one role has few sessions: so
    its rank and the fleet's are averaged, the fleet's with the weight of `PRIOR_SESSIONS`. It is
    the back-off of the count models, applied to ranks.

    Parameters
    ----------
    size
        Most scores kept of each.

    Examples
    --------
    >>> pools = SessionPools(1000)
    >>> for number in range(400):
    ...     pools.add("calm", number / 400)
    ...     pools.add("lively", number / 40)
    >>> pools.p_value("calm", 3.0, 0.5) < pools.p_value("lively", 3.0, 0.5)
    True
    """

    __slots__ = ("changed", "fleet", "roles")

    def __init__(self, size: int) -> None:
        self.fleet = ScoreWindow(size=size)
        self.roles: dict[str, ScoreWindow] = {}
        self.changed = False

    @property
    def n(self) -> int:
        """Sessions in the fleet's window."""
        return self.fleet.n

    def add(self, role: str, score: float) -> None:
        """Take in the highest score of a finished session, in bits."""
        self.changed = True
        self.fleet.add(score)
        window = self.roles.get(role)
        if window is None:
            if len(self.roles) >= MOST_ROLES:
                return
            window = self.roles[role] = ScoreWindow(size=self.fleet.size)
        window.add(score)

    def p_value(self, role: str, score: float, u: float) -> float:
        """P(a past session is as high), in (0, 1]; non-increasing in `score`.

        Parameters
        ----------
        score
            Highest score of the session so far, in bits.
        u
            Breaks ties, in (0, 1).
        """
        p = self.fleet.p_value(score, u)
        own = self.roles.get(role)
        if own is None or not own.n:
            return p
        return (own.n * own.p_value(score, u) + PRIOR_SESSIONS * p) / (own.n + PRIOR_SESSIONS)

    def dump(self) -> bytes:
        """Write the pools."""
        self.changed = False
        return msgspec.msgpack.encode(_Stored(self.fleet, self.roles))

    @classmethod
    def load(cls, raw: bytes) -> SessionPools:
        """Read what `dump` wrote; `ValueError` if it cannot."""
        stored = _decode(raw)
        pools = cls(stored.fleet.size)
        pools.fleet, pools.roles = stored.fleet, stored.roles
        return pools
