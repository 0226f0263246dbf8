"""Rates of novelty: how often a session brings something as new as this.

A value has a level: 0 known to the agent, 1 known to another agent of its role, 2 known to another
agent, 3 known to nobody. The rate of sessions that reach a level is estimated from general to
specific: fleet, context, role, agent. So a feature with new values all day earns no bits.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, NamedTuple

from models.calibration.fading import FadingCounts
from models.constants import FIRST_RATES, NOVELTY_EVENTS

if TYPE_CHECKING:
    from models.codec.hashing import Hasher

LEVELS = 3


class RatePath(NamedTuple):
    """Keys of the counts of one feature and context, from general to specific.

    Attributes
    ----------
    shared
        Counts of the fleet, the context and the role.
    own
        Counts of the agent.
    """

    shared: tuple[int, ...]
    own: int


class NoveltyRates:
    """Counts of sessions by the highest level that they reached.

    Parameters
    ----------
    hasher
        Gives the keys of counts.

    Examples
    --------
    >>> from models.codec.hashing import Hasher
    >>> rates, own = NoveltyRates(Hasher(b"0123456789abcdef")), FadingCounts(width=4)
    >>> path = rates.path("tool", "", "clerk")
    >>> before = rates.bits(path, own, 3)
    >>> for _ in range(100):
    ...     rates.count(0, path, own, 0)
    >>> rates.counts.merge(rates.pending)
    >>> round(before, 1), round(rates.bits(path, own, 3), 1)
    (6.6, 8.0)
    """

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self.counts = FadingCounts(width=1 + LEVELS)
        self.pending = FadingCounts(width=1 + LEVELS)
        self._paths: dict[tuple[str, str, str], RatePath] = {}

    def path(self, feature: str, context: str, role: str) -> RatePath:
        """Give the keys of a feature in a context; the context is empty where it has none."""
        key = (feature, context, role)
        found = self._paths.get(key)
        if found is None:
            of = self._hasher.once
            start = f"novelty\x1f{feature}"
            names = [start] if not context else [start, f"{start}\x1f{context}"]
            exact = names[-1]
            shared = (*names, f"{exact}\x1frole\x1f{role}")
            found = self._paths[key] = RatePath(tuple(map(of, shared)), of(f"{exact}\x1fown"))
        return found

    def count(self, day: int, path: RatePath, own: FadingCounts, level: int) -> None:
        """Count a session the first time that it has the feature, at a level."""
        self._add(day, path, own, (1, *(int(level >= one) for one in range(1, LEVELS + 1))))

    def raise_level(
        self, day: int, path: RatePath, own: FadingCounts, before: int, level: int
    ) -> None:
        """Count that a counted session has reached a higher level."""
        self._add(
            day, path, own, (0, *(int(before < one <= level) for one in range(1, LEVELS + 1)))
        )

    def _add(self, day: int, path: RatePath, own: FadingCounts, numbers: tuple[int, ...]) -> None:
        for key in path.shared:
            self.pending.add(day, key, numbers)
        own.add(day, path.own, numbers)

    def bits(self, path: RatePath, own: FadingCounts, level: int) -> float:
        """Give ``-log2`` of the rate of sessions that reach a level.

        Returns
        -------
        float
            Bits; higher is rarer. 0 for level 0.
        """
        if not level:
            return 0.0
        rate = FIRST_RATES[level]
        for table, key in (*((self.counts, key) for key in path.shared), (own, path.own)):
            sessions, *reached = table.get(key)
            rate = (reached[level - 1] + NOVELTY_EVENTS) / (sessions + NOVELTY_EVENTS / rate)
        return -log2(rate)
