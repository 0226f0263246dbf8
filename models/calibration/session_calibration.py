"""P-values of sessions: rank among past sessions of the role, backed off to the fleet."""

from __future__ import annotations

from functools import partial

import msgspec
from msgspec import Struct

from models.calibration.score_window import INFLATED, LINKED, PREDICTIVE, ScoreWindow

PRIOR_SESSIONS = 130.0  # weight of the fleet, in sessions of the role
MAX_ROLES = 4_096
GATE = 0.02
"""Rarer sessions enter the pools only as often as chance predicts."""
MAX_RARE = 8.0  # most of these that the pool still expects


class _Stored(Struct, array_like=True):
    fleet: ScoreWindow
    roles: dict[str, ScoreWindow]
    spare: dict[str, float]


_decode = msgspec.msgpack.Decoder(_Stored).decode


class SessionPools:
    """Highest scores of past sessions, of the fleet and by role.

    Roles differ in how surprising their ordinary sessions are, yet one role has few sessions. So
    the p-value averages the ranks in role and fleet, which weighs `PRIOR_SESSIONS`. It is the
    back-off of the count models, applied to ranks.

    Sessions become less surprising as agents and peers become known. So the pools continue with
    sessions learned behind the gate (`offer`). All of them would teach attacks. Without the rarest,
    the pools would lose their tail. So rare sessions enter as often as chance predicts.

    Parameters
    ----------
    size
        Most scores kept of the fleet.
    of_role
        Most scores kept of a role; `size` without. Tasks change, so the latest thousands predict
        better than all scores.
    linked_tails
        Whether the fleet uses ranks up to the 15th highest score, then the predictive tail. A role
        then continues with the fleet from its 20th highest score on. Otherwise each pool has its
        own, earlier and more conservative tail.

    Examples
    --------
    >>> pools = SessionPools(1000)
    >>> for number in range(400):
    ...     pools.add("calm", number / 400)
    ...     pools.add("lively", number / 40)
    >>> pools.p_value("calm", 3.0, 0.5) < pools.p_value("lively", 3.0, 0.5)
    True
    """

    __slots__ = ("_of_role", "_size", "_spare", "changed", "fleet", "linked_tails", "roles")

    def __init__(
        self, size: int, *, of_role: int | None = None, linked_tails: bool = False
    ) -> None:
        self._size, self.linked_tails = size, linked_tails
        self._of_role = size if of_role is None else of_role
        self.fleet = ScoreWindow(size=size)
        self.roles: dict[str, ScoreWindow] = {}
        self.changed = False
        self._spare: dict[str, float] = {}  # expected rare sessions by role

    @property
    def n(self) -> int:
        """Sessions in the fleet's window."""
        return self.fleet.n

    def add(self, role: str, score: float) -> None:
        """Add the highest score of a finished session, in bits."""
        self.changed = True
        self.fleet.add(score)
        window = self.roles.get(role)
        if window is None:
            if len(self.roles) >= MAX_ROLES:
                return
            window = self.roles[role] = ScoreWindow(size=self._of_role)
        window.add(score)

    def offer(self, role: str, score: float, p: float) -> None:
        """Add a session learned behind the gate, unless it is rarer than chance predicts.

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
            spare = min(MAX_RARE, spare + GATE / (1 - GATE))
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
        tail = PREDICTIVE if self.linked_tails else INFLATED
        of_fleet = partial(self.fleet.p_value, u=u, tail=tail)
        p, own = of_fleet(score), self.roles.get(role)
        if own is None or not own.n:
            return p
        if self.linked_tails:
            of_role = own.p_value(score, u, of_fleet, LINKED)
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
