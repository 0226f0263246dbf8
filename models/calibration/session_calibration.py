"""P-values of sessions: rank among past sessions of the role, leaning on those of the fleet."""

from __future__ import annotations

from functools import partial

import msgspec
from msgspec import Struct

from models.calibration.score_window import INFLATED, LEANING, PREDICTIVE, ScoreWindow

PRIOR_SESSIONS = 130.0  # what the fleet's answer counts for, in sessions of the role
MOST_ROLES = 4_096
GATE = 0.02
"""Sessions as rare as this are taken in no more often than chance brings them."""
MOST_SPARE = 8.0  # of them that are waited for


class _Stored(Struct, array_like=True):
    fleet: ScoreWindow
    roles: dict[str, ScoreWindow]
    spare: dict[str, float]


_decode = msgspec.msgpack.Decoder(_Stored).decode


class SessionPools:
    """Highest scores of past sessions, all together and by role.

    Roles differ in how surprising their ordinary sessions are, yet one role has few sessions: so
    its rank and the fleet's are averaged, the fleet's with the weight of `PRIOR_SESSIONS`. It is
    the back-off of the count models, applied to ranks.

    The more an agent and its peers are known, the less surprising their sessions are: so the pools
    go on with what is learned behind the gate (`offer`). All of it would teach them attacks;
    without the rarest they would lose their tail and promise too little, then even less. So these
    are taken in as often as chance has them.

    Parameters
    ----------
    size
        Most scores kept of all together.
    of_role
        Most scores kept of a role; as many without. What its ordinary sessions are like changes
        with what is asked of it, so the latest thousands promise better than all there ever were.
    leaning
        Whether the fleet's ranks are believed up to the 15th highest score, and its tail goes on
        from there as the predictive distribution has it, a role's from the 20th on as the fleet's.
        Else each goes on by itself, and earlier: it promises less than it holds, the more the
        rarer the score.

    Examples
    --------
    >>> pools = SessionPools(1000)
    >>> for number in range(400):
    ...     pools.add("calm", number / 400)
    ...     pools.add("lively", number / 40)
    >>> pools.p_value("calm", 3.0, 0.5) < pools.p_value("lively", 3.0, 0.5)
    True
    """

    __slots__ = ("_of_role", "_size", "_spare", "changed", "fleet", "leaning", "roles")

    def __init__(self, size: int, *, of_role: int | None = None, leaning: bool = False) -> None:
        self._size, self.leaning = size, leaning
        self._of_role = size if of_role is None else of_role
        self.fleet = ScoreWindow(size=size)
        self.roles: dict[str, ScoreWindow] = {}
        self.changed = False
        self._spare: dict[str, float] = {}  # rare sessions that chance has brought, by role

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
            window = self.roles[role] = ScoreWindow(size=self._of_role)
        window.add(score)

    def offer(self, role: str, score: float, p: float) -> None:
        """Take in a session that was not learned freely, unless it is rare beyond chance.

        Parameters
        ----------
        p
            Its p-value.

        Examples
        --------
        >>> pools = SessionPools(1000)
        >>> for _ in range(98):
        ...     pools.offer("calm", 1.0, 0.5)
        >>> for _ in range(3):
        ...     pools.offer("calm", 9.0, 0.001)
        >>> pools.n
        100
        """
        spare = self._spare.get(role, 0.0)
        if p > GATE:
            spare = min(MOST_SPARE, spare + GATE / (1 - GATE))
        elif spare >= 1:
            spare -= 1
        else:
            return
        self.add(role, score)
        if role in self.roles:
            self._spare[role] = spare

    def p_value(self, role: str, score: float, u: float) -> float:
        """P(a past session is as high), in (0, 1]; non-increasing in `score`.

        Parameters
        ----------
        score
            Highest score of the session so far, in bits.
        u
            Breaks ties, in (0, 1).
        """
        tail = PREDICTIVE if self.leaning else INFLATED
        of_fleet = partial(self.fleet.p_value, u=u, tail=tail)
        p, own = of_fleet(score), self.roles.get(role)
        if own is None or not own.n:
            return p
        if self.leaning:
            of_role = own.p_value(score, u, of_fleet, LEANING)
        else:
            of_role = own.p_value(score, u)
        return (own.n * of_role + PRIOR_SESSIONS * p) / (own.n + PRIOR_SESSIONS)

    def dump(self) -> bytes:
        """Write the pools."""
        self.changed = False
        return msgspec.msgpack.encode(_Stored(self.fleet, self.roles, self._spare))

    def load(self, raw: bytes) -> None:
        """Read what `dump` wrote; `ValueError` if it cannot."""
        stored = _decode(raw)
        self.fleet, self.roles, self._spare = stored.fleet, stored.roles, stored.spare
        self.fleet.size = self._size
        for window in self.roles.values():
            window.size = self._of_role
