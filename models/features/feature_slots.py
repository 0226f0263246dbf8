"""Keys of the counts of each feature: hashed once, and again after each context."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from models.codec.hashing import mix
from models.features.extraction import FEATURES

if TYPE_CHECKING:
    from models.codec.hashing import Hasher
    from models.features.extraction import Feature

LOW31 = 0x7FFF_FFFF
LOW32 = 0xFFFF_FFFF
FARTHEST = 2  # steps between two ordered values that count as near
NEIGHBOUR_BITS = 3.0  # for each of them
_MAX_CONTEXTS = 20_000


class FeatureSlot:
    """Keys of a feature's counts, hashed once.

    Attributes
    ----------
    index
        Index of the feature in `FEATURES`. -1 for an undeclared feature.
    extends
        Index of the feature whose chain this one extends, -1 for none.
    node
        31-bit hash of the feature. The key of a count is ``node << 32 | value``.
    uniform
        Probability of an unused value.
    context_node
        Gives the node of the feature's counts after a context.
    neighbours
        Value -> values near it in the order, each with its distance in bits.

    Examples
    --------
    >>> from models.codec.hashing import Hasher
    >>> tool = slots_of(Hasher(b"0123456789abcdef"))[0]
    >>> tool.name, tool.uniform == 1 / 4096, tool.context_node("START") == tool.node
    ('tool', True, False)
    """

    __slots__ = (
        "_hasher", "alone", "base", "context", "context_node", "extends", "feature", "index",
        "name", "neighbours", "node", "steady", "together", "uniform",
    )  # fmt: skip

    def __init__(self, index: int, feature: Feature, hasher: Hasher) -> None:
        self._hasher = hasher
        self.context_node = lru_cache(_MAX_CONTEXTS)(self._inside)
        self.index = index
        self.feature = feature
        self.name = feature.name
        self.context = feature.context
        self.extends = -1
        self.alone, self.steady, self.together = feature.alone, feature.steady, feature.together
        self.uniform = 1.0 / feature.universe
        self.node = hasher.of("feature:" + feature.name) & LOW31
        self.base = self.node << 32
        row = [hasher.of(value) & LOW32 for value in feature.row]
        self.neighbours = {
            value: [
                (other, NEIGHBOUR_BITS * abs(there - here))
                for there, other in enumerate(row)
                if 0 < abs(there - here) <= FARTHEST
            ]
            for here, value in enumerate(row)
        }

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__ if name != "context_node"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self.context_node = lru_cache(_MAX_CONTEXTS)(self._inside)

    def _inside(self, context: str) -> int:
        return mix(self.node, self._hasher.of(context)) & LOW31


def slots_of(hasher: Hasher, features: tuple[Feature, ...] = FEATURES) -> tuple[FeatureSlot, ...]:
    """Give the slots of all declared features."""
    slots = tuple(FeatureSlot(index, feature, hasher) for index, feature in enumerate(features))
    index = {slot.name: slot.index for slot in slots}
    for slot in slots:
        if slot.feature.extends is not None:
            slot.extends = index[slot.feature.extends]
    return slots
