"""What is odd about a session in several ways, none of which is rare enough by itself.

Each statistic of an event has a p-value. Of a session the smallest of each is kept, and their
product says how odd the session is altogether (Fisher 1925, who adds up ``-2 ln p``). The parts
depend on one another and on how long the session is, so the sum is not compared with a chi-squared
distribution but ranked among those of past sessions of the role (`models.session_pools`).

An agent that is learning, or learning anew, is left out: nearly all it does is a little odd. The
sum of all categories is not among the parts: it repeats what the rarest of them says.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from models.groups import CONTENT, PEAK, VOLUME

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTS = (CONTENT, PEAK, VOLUME)
MOST_BITS = 40.0

Least = tuple[float, float, float]
"""Bits of a session's smallest p-value of each part; 0 where it had none."""


def sharpened(least: Sequence[float], each: Sequence[float | None]) -> Least:
    """Take in the p-values of an event.

    Parameters
    ----------
    each
        By statistic, in the order of `models.groups.STATISTICS`; None where there is none.

    Examples
    --------
    >>> sharpened((0.0, 3.0, 0.0), [0.25, 0.001, 0.5, None])
    (2.0, 3.0, 0.0)
    """
    content, peak, volume = (
        before if (p := each[part]) is None else max(before, bits(p))
        for part, before in zip(PARTS, least, strict=True)
    )
    return content, peak, volume


def total(least: Sequence[float]) -> float:
    """Give how odd a session is altogether, in bits.

    >>> total((2.0, 3.0, 0.5))
    5.5
    """
    content, peak, volume = least
    return content + peak + volume


def bits(p: float) -> float:
    """Give ``-log2 p``, at most `MOST_BITS`.

    >>> bits(0.125), bits(1e-300)
    (3.0, 40.0)
    """
    return min(MOST_BITS, -log2(p))
