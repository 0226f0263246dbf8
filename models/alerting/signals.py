"""Signals: what each detector says of a session, whatever kind of detector it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from models.baseline.session import Subject


class Signal(NamedTuple):
    """One detector's word on a session.

    Attributes
    ----------
    detector
        Name of the series: a feature family, a counter, a rule or a registered detector.
    family
        Family that it belongs to.
    subject
        What it is about; None where there is nothing to name.
    bits
        Its bits.
    rarity
        ``-log2`` of the agent-days on which honest work brings it as far.
    fresh
        Whether this event has raised it.
    """

    detector: str
    family: str
    subject: Subject | None
    bits: float
    rarity: float
    fresh: bool
