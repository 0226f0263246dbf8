"""A family: detectors that report the same kind of behaviour, with what people read about it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field


class Family(Struct, frozen=True):
    """Detectors that report the same kind of behaviour.

    Attributes
    ----------
    story
        Families of one story report the same thing; the rarest of them counts.
    anomaly
        Anomaly type of a case that it leads, unless its feature or counter has another one.
    title
        What it is, in a line.
    catches, blind, needs
        What it finds, what it cannot see, and the fields that it needs.
    case
        Fields of an event that must be rare after a typical past.
    times
        How many such events of one session it takes.
    alone
        Whether the family may raise a case without another one.
    shared
        Whether the same new value at other agents belongs to the same case.
    certain
        Whether it raises a case while rates are not known yet.
    naming
        Whether it names a session that another family of its story leads.
    """

    name: str
    story: str
    anomaly: str
    title: str
    catches: str = ""
    blind: str = ""
    needs: str = ""
    case: dict[str, Any] = field(default_factory=dict)
    times: int = 1
    alone: bool = True
    shared: bool = False
    certain: bool = False
    naming: bool = False
