"""Scores of a registered detector become bits: the rank among its past scores.

A detector may score on any scale. So a score counts by its rank alone: its cell is a number that
grows with the score, in steps of up to four thousandths of it.
"""

from __future__ import annotations

from math import log2
from struct import pack, unpack

import msgspec
from msgspec import Struct, field

from models.calibration.score_window import ScoreWindow
from models.constants import MAX_ROLE_SCORES, MAX_SCORES, ROLE_SCORES

MAX_ROLES = 256
_DROPPED = 15
"""Low bits of a single-precision number that a cell leaves out."""
_HALF = 0.5
"""Share of equal scores that counts as higher."""


def cell_of(score: float) -> int:
    """Give a whole number that grows with a score.

    Examples
    --------
    >>> scores = (-3.0, -0.5, 0.0, 0.25, 0.251, 1e9)
    >>> [cell_of(score) for score in scores] == sorted(cell_of(score) for score in scores)
    True
    >>> cell_of(0.5) == cell_of(0.501), cell_of(-0.0) == cell_of(0.0), cell_of(1e300) > 0
    (True, True, True)
    """
    near = max(-3e38, min(3e38, score)) + 0.0
    bits: int = unpack(">i", pack(">f", near))[0]
    cell = (bits & 0x7FFFFFFF) >> _DROPPED
    return cell if bits >= 0 else -cell


class DetectorWindow(Struct, array_like=True):
    """The latest scores of one detector, of the fleet and by role.

    Roles differ in what is ordinary, and one role has few scores. So the p-value averages the ranks
    in role and fleet, which weighs `ROLE_SCORES`.

    Examples
    --------
    >>> window = DetectorWindow()
    >>> for number in range(1000):
    ...     window.add("clerk", number / 1000)
    >>> round(window.bits("clerk", 0.5), 1), round(window.bits("clerk", 2.0), 1)
    (1.0, 11.0)
    """

    fleet: ScoreWindow = field(default_factory=lambda: ScoreWindow(MAX_SCORES))
    roles: dict[str, ScoreWindow] = field(default_factory=dict)

    def add(self, role: str, score: float) -> None:
        """Count the score of an event that is learned."""
        cell = cell_of(score)
        self.fleet.add_cell(cell)
        window = self.roles.get(role)
        if window is None and len(self.roles) < MAX_ROLES:
            window = self.roles[role] = ScoreWindow(MAX_ROLE_SCORES)
        if window is not None:
            window.add_cell(cell)

    def add_reference(self, score: float) -> None:
        """Count a score of a history, whose role is not known."""
        self.fleet.add_cell(cell_of(score))

    def bits(self, role: str, score: float) -> float:
        """Give ``-log2`` of the share of past events whose score is as high (smoothed p-value).

        Never falls with `score`.
        """
        cell = cell_of(score)
        p, own = _p_value(self.fleet, cell), self.roles.get(role)
        if own is not None:
            p = (own.n * _p_value(own, cell) + ROLE_SCORES * p) / (own.n + ROLE_SCORES)
        return -log2(p)


def _p_value(window: ScoreWindow, cell: int) -> float:
    """Give ``(#{z > s} + u (#{z = s} + 1)) / (n + 1)`` with u = 1/2 (Vovk et al. 2005)."""
    above, ties = window.new.rank(cell)
    if window.old.n:
        more, equal = window.old.rank(cell)
        above, ties = above + more, ties + equal
    return (above + _HALF * (ties + 1)) / (window.n + 1)


def window_bytes(window: DetectorWindow) -> bytes:
    """Write a window."""
    return msgspec.msgpack.encode(window)


read_window = msgspec.msgpack.Decoder(DetectorWindow).decode
"""Read what `window_bytes` wrote."""
