"""Spread: a value that nobody knew is taken up by several agents within a day."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from models.behaviour.novelty import raise_bits
from models.behaviour.state import Subject
from models.calibration.fading import FadingCounts
from models.features.plan import FEATURES
from models.learning.knowledge import NEW_TO_ALL
from models.units import DAY_US

if TYPE_CHECKING:
    from models.behaviour.novelty import Moment, NewValue
    from models.codec.hashing import Hasher

SPREADING = frozenset({"value", "value_host", "destination", "resource", "tool", "scope", "asn"})
MAX_AGENTS = 8
FIRST_RATE, NEXT = 0.01, 4.0
"""Rate of values that a second agent takes up; each further agent is `NEXT` times as rare."""
OF_FEATURE, OF_KEY = 20.0, 5.0
"""Weight of the prior in values: declared -> feature, feature -> key of the argument."""


class Spread:
    """Follows new values for a day."""

    def __init__(self, hasher: Hasher, series: int) -> None:
        self._hasher = hasher
        self._series = series
        self._young: dict[int, tuple[int, set[int], tuple[int, int]]] = {}
        self.counts = FadingCounts(MAX_AGENTS)
        self._day = 0

    def score(self, at: Moment, new: list[NewValue]) -> None:
        """Raise the session's bits by new values that other agents have taken up."""
        for one in new:
            name = FEATURES[one.feature].name
            if not one.counted or name not in SPREADING:
                continue
            if one.level == NEW_TO_ALL and one.mark not in self._young:
                keys = (
                    self._hasher.of(f"spread\x1f{name}"),
                    self._hasher.of(f"spread\x1f{name}\x1f{one.record.get('key', '')}"),
                )
                self._young[one.mark] = (at.time_us, set(), keys)
            young = self._young.get(one.mark)
            if young is None or at.time_us - young[0] >= DAY_US:
                continue
            young[1].add(at.agent.mark)
            taken = min(len(young[1]), MAX_AGENTS)
            if taken > 1:
                bits = self._bits(young[2], taken)
                text = f"{name}, by {taken} agents"
                subject = Subject(bits, NEW_TO_ALL, one.feature, one.mark, text)
                raise_bits(at.session, self._series, bits, subject)

    def _bits(self, keys: tuple[int, int], taken: int) -> float:
        rate = FIRST_RATE / NEXT ** (taken - 2)
        for key, weight in zip(keys, (OF_FEATURE, OF_KEY), strict=True):
            counts = self.counts.get(key)
            rate = (counts[taken - 1] + weight * rate) / (counts[0] + weight)
        return -log2(rate)

    def close(self, day: int, time_us: int) -> None:
        """Count the values that are a day old, once a day."""
        if day == self._day:
            return
        self._day = day
        for mark, (first_us, agents, keys) in list(self._young.items()):
            if time_us - first_us >= DAY_US:
                taken = max(1, min(len(agents), MAX_AGENTS))
                numbers = [int(place < taken) for place in range(MAX_AGENTS)]
                for key in keys:
                    self.counts.add(day, key, numbers)
                del self._young[mark]
