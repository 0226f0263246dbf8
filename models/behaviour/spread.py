"""Spread: a value that nobody knew is taken up by several roles within a day."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from msgspec import Struct

from models.behaviour.joining import join_into
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
MAX_ROLES = 8
FIRST_RATE, NEXT = 0.01, 4.0
"""Rate of values that a second role takes up; each further role is `NEXT` times as rare."""
OF_FEATURE, OF_KEY = 20.0, 5.0
"""Weight of the prior in values: declared -> feature, feature -> key of the argument."""


class Young(Struct, array_like=True):
    """A value that nobody knew a day ago.

    Attributes
    ----------
    first_us
        Event time of its first use.
    roles
        Marks of the roles that have used it.
    keys
        Keys of the counts of its feature, and of its feature and argument.
    """

    first_us: int
    roles: list[int]
    keys: tuple[int, int]

    def join(self, other: Young) -> None:
        """Add the uses that another shard has seen."""
        self.first_us = min(self.first_us, other.first_us)
        self.roles = sorted({*self.roles, *other.roles})


class Spread:
    """Follows new values for a day.

    The roles of a value count at the next publication. So the order of events and the number of
    shards do not matter.

    Parameters
    ----------
    series
        Index of the series.

    Attributes
    ----------
    young, counts
        Published: values by mark, and how many roles take up a value within its first day.
    pending
        Uses since the last publication.
    """

    def __init__(self, hasher: Hasher, series: int) -> None:
        self._hasher = hasher
        self._series = series
        self.young: dict[int, Young] = {}
        self.counts = FadingCounts(MAX_ROLES)
        self.pending: dict[int, Young] = {}

    def score(self, at: Moment, new: list[NewValue]) -> None:
        """Raise the session's bits by new values that other roles have taken up."""
        role = self._hasher.of(f"role\x1f{at.agent.role}")
        for one in new:
            name = FEATURES[one.feature].name
            if not one.counted or name not in SPREADING:
                continue
            young = self.young.get(one.mark)
            if young is None and one.level < NEW_TO_ALL:
                continue
            if young is not None and at.time_us - young.first_us >= DAY_US:
                continue
            self._note(at, one, name, role)
            taken = 1 if young is None else min(len({role, *young.roles}), MAX_ROLES)
            if young is not None and taken > 1:
                bits = self._bits(young.keys, taken)
                text = f"{name}, in {taken} roles"
                subject = Subject(bits, NEW_TO_ALL, one.feature, one.mark, text)
                raise_bits(at.session, self._series, bits, subject)

    def _note(self, at: Moment, one: NewValue, name: str, role: int) -> None:
        feature = f"spread\x1f{name}"
        keys = (
            self._hasher.of(feature),
            self._hasher.of(f"{feature}\x1f{one.record.get('key', '')}"),
        )
        join_into(self.pending, [(one.mark, Young(at.time_us, [role], keys))])

    def _bits(self, keys: tuple[int, int], taken: int) -> float:
        rate = FIRST_RATE / NEXT ** (taken - 2)
        for key, weight in zip(keys, (OF_FEATURE, OF_KEY), strict=True):
            counts = self.counts.get(key)
            rate = (counts[taken - 1] + weight * rate) / (counts[0] + weight)
        return -log2(rate)

    def apply(self, pending: dict[int, Young]) -> None:
        """Add uses, of this or another shard."""
        join_into(self.young, pending.items())

    def close(self, watermark_us: int) -> None:
        """Count the values that are a day old."""
        for mark, value in list(self.young.items()):
            if watermark_us - value.first_us >= DAY_US:
                taken = min(len(value.roles), MAX_ROLES)
                numbers = [int(place < taken) for place in range(MAX_ROLES)]
                for key in value.keys:
                    self.counts.add(value.first_us // DAY_US, key, numbers)
                del self.young[mark]
