"""Return period: once in how many days the fleet sees something as rare, if all is well.

It decides whether a session is a case, and with what the event touches, how severe the case is.
"""

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


def return_period_bits(rarity: float, agents: float) -> float:
    """Give ``log2`` of the return period in days, ``R = 1 / (A * rate)``.

    Parameters
    ----------
    rarity
        ``-log2`` of the agent-days on which honest work comes as far.
    agents
        Agents active on a day.

    Examples
    --------
    >>> return_period_bits(10.0, 64.0)
    4.0
    """
    return rarity - log2(max(agents, 1.0))


def is_case(bits: float, cases_per_day: float) -> bool:
    """Tell whether a return period is worth a case: at most so many false cases a day.

    >>> is_case(0.0, 5.0), is_case(-3.0, 5.0)
    (True, False)
    """
    return bits >= -log2(cases_per_day)


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
