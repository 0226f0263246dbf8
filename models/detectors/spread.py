"""Spread: several roles use a value within a day of its first use."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from msgspec import Struct

from models.baseline.session import Subject
from models.calibration.fading import FadingCounts
from models.codec.stable_id import stable_id
from models.constants import FEATURE_VALUES, KEY_VALUES, SPREAD_RATE, SPREAD_STEP
from models.features.families import SPREAD
from models.features.plan import FEATURES
from models.peers.joining import join_into
from models.peers.knowledge import NEW_TO_ALL
from models.units import DAY_US

if TYPE_CHECKING:
    from models.codec.hashing import Hasher
    from models.detectors.moment import Moment
    from models.detectors.novelty import NewValue

MAX_ROLES = 8
_SERIES = stable_id(SPREAD)


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

    Attributes
    ----------
    young, counts
        Published: values by mark, and how many roles use a value within its first day.
    pending
        Uses since the last publication.
    """

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self.young: dict[int, Young] = {}
        self.counts = FadingCounts(MAX_ROLES)
        self.pending: dict[int, Young] = {}

    def score(self, at: Moment, new: list[NewValue]) -> None:
        """Raise the session's bits by new values that other roles use as well."""
        role = self._hasher.of(f"role\x1f{at.profile.role}")
        for one in new:
            feature = FEATURES[one.feature]
            young = self.young.get(one.mark)
            if not feature.spreads or not one.counted or young is None:
                continue
            if at.time_us - young.first_us >= DAY_US:
                continue
            roles = len({role, *young.roles})
            if roles > 1:
                bits = self._bits(young.keys, min(roles, MAX_ROLES))
                text = feature.phrase(at.fields.single | one.record)
                subject = Subject(bits, roles, feature.name, one.mark, text)
                at.raise_bits(_SERIES, bits, subject)

    def learn(self, at: Moment, new: list[NewValue]) -> None:
        """Note the use of values that nobody knew a day ago."""
        role = self._hasher.of(f"role\x1f{at.profile.role}")
        for one in new:
            name = FEATURES[one.feature].name
            if not FEATURES[one.feature].spreads or not one.counted:
                continue
            young = self.young.get(one.mark)
            if young is None and one.level < NEW_TO_ALL:
                continue
            if young is not None and at.time_us - young.first_us >= DAY_US:
                continue
            feature = f"spread\x1f{name}"
            keys = (
                self._hasher.of(feature),
                self._hasher.of(f"{feature}\x1f{one.record.get('key', '')}"),
            )
            join_into(self.pending, [(one.mark, Young(at.time_us, [role], keys))])

    def _bits(self, keys: tuple[int, int], roles: int) -> float:
        rate = SPREAD_RATE / SPREAD_STEP ** (roles - 2)
        for key, weight in zip(keys, (FEATURE_VALUES, KEY_VALUES), strict=True):
            counts = self.counts.get(key)
            rate = (counts[roles - 1] + weight * rate) / (counts[0] + weight)
        return -log2(rate)

    def apply(self, pending: dict[int, Young]) -> None:
        """Add uses, of this or another shard."""
        join_into(self.young, pending.items())

    def close(self, watermark_us: int) -> None:
        """Count the values that are a day old."""
        for mark, value in list(self.young.items()):
            if watermark_us - value.first_us >= DAY_US:
                roles = min(len(value.roles), MAX_ROLES)
                numbers = [int(place < roles) for place in range(MAX_ROLES)]
                for key in value.keys:
                    self.counts.add(value.first_us // DAY_US, key, numbers)
                del self.young[mark]
