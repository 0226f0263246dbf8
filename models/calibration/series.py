"""A calibrated series: the bits of one detector, of one family, or of the combination."""

from __future__ import annotations

from msgspec import Struct

from models.codec.stable_id import stable_id
from models.constants import COMBINED_TAIL_BITS, CONTENT_TESTS, DECLARED, TAIL_BITS
from models.features.counters import COUNTERS
from models.features.families import CONTENT, FAMILIES, SEVERAL


class Series(Struct, frozen=True):
    """One calibrated series.

    Attributes
    ----------
    family
        Family that its rarity belongs to.
    declared, tests
        How far its bits are believed before it has a history, and its tests on one agent-day: the
        declared rate is ``tests * 2^(-declared * bits)`` agent-days.
    tail_bits
        Bits of rarity beyond the `TAIL_DAYS` highest days after which the tail falls half as fast.
    exposure
        Number under which the agent-days of a registered detector are counted, as it may be added
        later; 0 where all agent-days count.
    """

    name: str
    family: str
    declared: float = DECLARED
    tail_bits: float = TAIL_BITS
    exposure: int = 0
    tests: float = 1.0

    @property
    def id(self) -> int:
        """Number under which its days are stored."""
        return stable_id(self.name)


_COUNTED = {counter.family for counter in COUNTERS}
_MEMBERS = {
    **{name: name for name in FAMILIES if name not in _COUNTED or name in SEVERAL},
    **{counter.name: counter.family for counter in COUNTERS},
}

SERIES: tuple[Series, ...] = tuple(
    Series(name, family)
    if name != CONTENT
    else Series(name, family, declared=1.0, tests=CONTENT_TESTS)
    for name, family in _MEMBERS.items()
)
"""One for each detector and counter, and one for each family of several counters."""

COMBINATION = Series("combination", "combination", declared=1.0, tail_bits=COMBINED_TAIL_BITS)
"""The combination of the families of a session."""
