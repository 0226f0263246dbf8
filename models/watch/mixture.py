"""Which tools an agent uses how often: this week, this quarter, and at the anchor."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.watch.state import Watch

MAX_TOOLS = 32
SCALE = 64
"""Uses are kept as whole numbers, so many to one."""

_FAST, _SLOW = 2.0 ** (-1 / 7), 2.0 ** (-1 / 90)
_TODAY, FAST, SLOW, ANCHOR = range(4)


def use(watch: Watch, mark: int) -> None:
    """Count a use of a tool; the rarest is forgotten where there are too many."""
    row = watch.mixture.get(mark)
    if row is None:
        if len(watch.mixture) >= MAX_TOOLS:
            del watch.mixture[min(watch.mixture, key=lambda m: (sum(watch.mixture[m]), m))]
        row = watch.mixture[mark] = [0, 0, 0, 0]
    row[_TODAY] += SCALE


def close_day(watch: Watch, day: int, *, anchor: bool) -> int:
    """End a day; give how far this week's mixture lies from the anchor.

    Parameters
    ----------
    anchor
        The habits of now are approved: the slow mixture becomes the anchor.

    Returns
    -------
    int
        Jensen-Shannon divergence in thousandths of a bit, 0 .. 1000; 0 without an anchor.
    """
    rows = watch.mixture
    for mark in [mark for mark, row in rows.items() if not any(row)]:
        del rows[mark]
    for row in rows.values():
        row[FAST] = round(row[FAST] * _FAST) + row[_TODAY]
        row[SLOW] = round(row[SLOW] * _SLOW) + row[_TODAY]
        row[_TODAY] = 0
    if anchor:
        watch.anchored = day
        for row in rows.values():
            row[ANCHOR] = row[SLOW]
    watch.strayed = round(1_000 * apart(rows, FAST, ANCHOR)) if watch.anchored >= 0 else 0
    return watch.strayed


def apart(rows: dict[int, list[int]], one: int, other: int) -> float:
    """Jensen-Shannon divergence of two columns, in bits, 0 (alike) .. 1 (nothing in common).

    Examples
    --------
    >>> apart({1: [0, 8, 8, 8], 2: [0, 8, 8, 8]}, FAST, ANCHOR)
    0.0
    >>> apart({1: [0, 8, 8, 0], 2: [0, 0, 8, 8]}, FAST, ANCHOR)
    1.0
    """
    here, there = ([row[column] for row in rows.values()] for column in (one, other))
    if not sum(here) or not sum(there):
        return 0.0
    return max(0.0, _divergence(here, there))


def _divergence(here: Sequence[int], there: Sequence[int]) -> float:
    total_here, total_there, out = sum(here), sum(there), 0.0
    for a, b in zip(here, there, strict=True):
        p, q = a / total_here, b / total_there
        middle = (p + q) / 2
        out += (p * log2(p / middle) if p else 0.0) + (q * log2(q / middle) if q else 0.0)
    return out / 2
