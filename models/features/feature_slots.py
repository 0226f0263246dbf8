"""Where the counts of a feature stand: hashed once, and again after each context."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from models.codec.hashing import mix
from models.features.extraction import FEATURES

if TYPE_CHECKING:
    from models.codec.hashing import Hasher
    from models.features.extraction import Feature

LOW31 = 0x7FFF_FFFF
LOW32 = 0xFFFF_FFFF
FARTHEST = 2  # places in a row that still count as beside
BESIDE_BITS = 3.0  # for each of them
_MOST_CONTEXTS = 20_000


class Place:
    """Where a feature's counts stand: hashed once per key.

    Attributes
    ----------
    index
        The feature's place in `FEATURES`, -1 for one that is not declared.
    under
        Index of the feature whose chain it goes on from, -1 for none.
    node
        31 bits that stand for the feature; a count's key is ``node << 32 | value``.
    uniform
        Probability of a value that nobody has used.
    inside
        Gives the node of the feature's counts after a context.
    beside
        Value -> those near it in the feature's row, each with the bits that it is off.

    Examples
    --------
    >>> from models.codec.hashing import Hasher
    >>> tool = places_of(Hasher(b"0123456789abcdef"))[0]
    >>> tool.name, tool.uniform == 1 / 4096, tool.inside("START") == tool.node
    ('tool', True, False)
    """

    __slots__ = ("_hasher", "alone", "base", "beside", "context", "feature", "index", "inside",
                 "name", "node", "steady", "together", "under", "uniform")  # fmt: skip

    def __init__(self, index: int, feature: Feature, hasher: Hasher) -> None:
        self._hasher = hasher
        self.inside = lru_cache(_MOST_CONTEXTS)(self._inside)
        self.index = index
        self.feature = feature
        self.name = feature.name
        self.context = feature.context
        self.under = -1
        self.alone, self.steady, self.together = feature.alone, feature.steady, feature.together
        self.uniform = 1.0 / feature.universe
        self.node = hasher.of("feature:" + feature.name) & LOW31
        self.base = self.node << 32
        row = [hasher.of(value) & LOW32 for value in feature.row]
        self.beside = {
            value: [
                (other, BESIDE_BITS * abs(there - here))
                for there, other in enumerate(row)
                if 0 < abs(there - here) <= FARTHEST
            ]
            for here, value in enumerate(row)
        }

    def _inside(self, context: str) -> int:
        return mix(self.node, self._hasher.of(context)) & LOW31


def places_of(hasher: Hasher, features: tuple[Feature, ...] = FEATURES) -> tuple[Place, ...]:
    """Give the places of all declared features."""
    places = tuple(Place(index, feature, hasher) for index, feature in enumerate(features))
    index = {place.name: place.index for place in places}
    for place in places:
        if place.feature.under is not None:
            place.under = index[place.feature.under]
    return places
