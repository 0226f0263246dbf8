"""What is odd about an event in several ways, none of which is rare enough by itself.

Each statistic of an event has a p-value, and their product says how odd the event is altogether
(Fisher 1925, who adds up ``-2 ln p``). Of a session its oddest event counts. The parts depend on
one another, and the longer a session the odder that event, so the sum is not compared with a
chi-squared distribution but ranked among those of past sessions of the role
(`models.calibration.session_calibration`).

An agent that is learning, or learning anew, is left out: nearly all it does is a little odd. The
sum of all categories is not among the parts: it repeats what the rarest of them says.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from models.ranked import CONTENT, PEAK, VOLUME

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTS = (CONTENT, PEAK, VOLUME)
MAX_BITS = 40.0

Least = tuple[float, float, float]
"""Bits of the p-value of each part of a session's oddest event; 0 where it had none."""


def oddest(minimum: Sequence[float], each: Sequence[float | None]) -> Least:
    """Give the parts of the odder one: of the events before, or of this one.

    Parameters
    ----------
    each
        By statistic, in the order of `models.ranked.STATISTICS`; None where there is none.

    Examples
    --------
    >>> oddest((0.0, 3.0, 0.0), [0.25, 0.001, 0.5, None])
    (0.0, 3.0, 0.0)
    >>> oddest((0.0, 3.0, 0.0), [0.25, 0.001, 0.25, None])
    (2.0, 2.0, 0.0)
    """
    content, peak, volume = (0.0 if (p := each[part]) is None else bits(p) for part in PARTS)
    now = content, peak, volume
    return now if total(now) > total(minimum) else (minimum[0], minimum[1], minimum[2])


def total(minimum: Sequence[float]) -> float:
    """Give how odd an event is altogether, in bits.

    >>> total((2.0, 3.0, 0.5))
    5.5
    """
    content, peak, volume = minimum
    return content + peak + volume


def bits(p: float) -> float:
    """Give ``-log2 p``, at most `MAX_BITS`.

    >>> bits(0.125), bits(1e-300)
    (3.0, 40.0)
    """
    return min(MAX_BITS, -log2(p))
