"""Combine the rarities of one session: the rarest family leads, other stories add to it.

The sum is itself a series of `models.calibration.rates`. So it needs no shares of the budget: its
own day maxima say how often honest work comes as far.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, NamedTuple

from models.constants import LITTLE_BITS, LITTLE_CASES, NOISE_BITS, OTHER_STORIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.features.family import Family


class Combined(NamedTuple):
    """The combination of one session.

    Attributes
    ----------
    bits
        Rarity of the lead, plus `OTHER_STORIES` of what each other story has beyond `NOISE_BITS`.
    lead
        The rarest family that may raise a case; None where no family has any bits.
    """

    bits: float
    lead: str | None


def combine(families: Mapping[str, Family], rarities: Mapping[str, float]) -> Combined:
    """Combine the rarities of the families of one session.

    Parameters
    ----------
    families
        The families by name.
    rarities
        Family -> rarity in bits, 0 or more.

    Examples
    --------
    >>> from models.features.family import Family
    >>> data, tools = (Family(name, "work", "", "") for name in ("data", "tools"))
    >>> net, hours = Family("net", "net", "", ""), Family("hours", "hours", "", "", alone=False)
    >>> known = {one.name: one for one in (data, tools, net, hours)}
    >>> combine(known, {"data": 6.0, "tools": 5.0, "net": 4.0, "hours": 9.0})
    Combined(bits=9.5, lead='data')
    """
    stories: dict[str, float] = {}
    lead, highest = None, 0.0
    for name, family in families.items():
        bits = rarities.get(name, 0.0)
        if bits > NOISE_BITS:
            stories[family.story] = max(stories.get(family.story, 0.0), bits - NOISE_BITS)
        if family.alone and bits > highest:
            lead, highest = name, bits
    others = fsum(stories.values())
    if lead is not None:
        others -= stories.get(families[lead].story, 0.0)
    return Combined(highest + OTHER_STORIES * others, lead)


def little_bits(cases_per_day: float) -> float:
    """Give the bits up to which a detector says little.

    Who asks for more cases than by default is shown less rare ones.

    >>> little_bits(0.5), little_bits(5.0), little_bits(50.0)
    (1.0, 1.0, 0.1)
    """
    return LITTLE_BITS * min(1.0, LITTLE_CASES / cases_per_day)
