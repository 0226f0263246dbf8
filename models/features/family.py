"""A family: detectors that speak of the same behaviour."""

from __future__ import annotations

from msgspec import Struct


class Family(Struct, frozen=True):
    """Detectors that speak of the same behaviour.

    Attributes
    ----------
    story
        Families of one story report the same thing; the rarest of them counts.
    alone
        Whether the family may raise a case without another one.
    shared
        Whether the same new value at other agents belongs to the same case.
    """

    name: str
    story: str
    alone: bool = True
    shared: bool = False
