"""Severity of a case: what it could cost, and how rarely honest work is like it."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from models.constants import RARE_DAYS_BITS
from models.trust.policy import SEVERITIES

if TYPE_CHECKING:
    from models.event import Event
    from models.trust.policy import Severity

BITS_TO_CERTAIN = 13.287712379549449
"""Bits of rarity from no confidence to full: four powers of ten."""
_GRAVE = frozenset({"pay", "delete", "admin", "send"})
_SENSITIVE = frozenset({"confidential", "restricted"})


def severity_of(kind: Severity, bits: float, event: Event) -> Severity:
    """Give the severity of a case by its type, its return period and what the event touches.

    It rises by one step each for what cannot be undone or touches sensitive data, and for a return
    period of a year or more. It falls by one below a day. Only a person makes a case critical.

    Parameters
    ----------
    kind
        Severity of the anomaly type.
    bits
        ``log2`` of the return period in days.
    """
    sensitive = event.resource is not None and event.resource.sensitivity in _SENSITIVE
    step = (event.operation in _GRAVE or sensitive) + (bits >= RARE_DAYS_BITS) - (bits < 0.0)
    place = SEVERITIES.index(kind) + step
    return SEVERITIES[max(0, min(place, SEVERITIES.index("high")))]


def confidence_of(bits: float, cases_per_day: float) -> float:
    """Give the confidence, 0 to 1, of a case by ``log2`` of its return period in days.

    A quarter where a case is just raised, 1 where it is a thousand times rarer.

    >>> confidence_of(0.0, 1.0), round(confidence_of(10.0, 1.0), 2), confidence_of(-9.0, 1.0)
    (0.25, 1.0, 0.0)
    """
    return max(0.0, min(1.0, 0.25 + (bits + log2(cases_per_day)) / BITS_TO_CERTAIN))
