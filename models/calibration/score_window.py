"""Scores become p-values by rank among past scores (smoothed conformal p-values).

Scores are kept on a grid of 1/8 bit, so a window of thousands is a short histogram.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import exp, log1p, sqrt
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable

STEP = 8  # bins per bit
TOP = 2047
TAIL = 0.02
FLOOR_BITS = 1.4426950408889634  # one bit more is at most half as unlikely
FIRST = 4_000  # size of the first generation of a large window; each later one doubles


class Tail(NamedTuple):
    """Exponential tail of a window above its 98 % point ``z*``.

    Attributes
    ----------
    maximum
        Most scores above `z*`.
    predictive
        Whether to use the predictive distribution ``(1 + x / (k m))^-k`` (Lomax), as the mean
        excess `m` is known from `k` scores only. Otherwise the mean is inflated by a share of ``1 /
        sqrt(k)``.
    """

    maximum: int
    predictive: bool = False

    def beyond(self, bits: float, k: int, excess: float) -> float:
        """P(a score above `z*` exceeds it by so many bits). The mean excess has a floor.

        >>> [round(tail.beyond(10.0, 15, 3.0), 4) for tail in (INFLATED, PREDICTIVE)]
        [0.0707, 0.0493]
        """
        k, mean = max(k, 1), max(excess, FLOOR_BITS)
        if self.predictive:
            return exp(-k * log1p(bits / (k * mean)))
        return exp(-bits / (mean * (1 + 1 / sqrt(k))))


INFLATED, PREDICTIVE = Tail(100), Tail(15, predictive=True)
LINKED = Tail(20)  # tail of a window that continues with a more general one


def bin_of(score: float) -> int:
    """Give the grid cell of a score in bits."""
    cell = int(score * STEP)
    return 0 if cell < 0 else TOP if cell > TOP else cell


class Histogram(Struct, array_like=True):
    """Sorted distinct bins with their counts."""

    bins: list[int] = []
    counts: list[int] = []
    n: int = 0

    def add(self, cell: int) -> None:
        """Count a score."""
        at = bisect_left(self.bins, cell)
        if at < len(self.bins) and self.bins[at] == cell:
            self.counts[at] += 1
        else:
            self.bins.insert(at, cell)
            self.counts.insert(at, 1)
        self.n += 1

    def rank(self, cell: int) -> tuple[int, int]:
        """Give how many scores lie above a cell, and how many in it."""
        at = bisect_right(self.bins, cell)
        ties = self.counts[at - 1] if at and self.bins[at - 1] == cell else 0
        return sum(self.counts[at:]), ties


class ScoreWindow(Struct, array_like=True):
    """The last `size` / 2 to `size` scores, in two generations.

    Examples
    --------
    >>> window = ScoreWindow(size=1000)
    >>> for i in range(400):
    ...     window.add(i / 100)
    >>> window.n, round(window.p_value(3.5, 0.5), 2)
    (400, 0.11)
    """

    size: int
    old: Histogram = field(default_factory=Histogram)
    new: Histogram = field(default_factory=Histogram)

    @property
    def n(self) -> int:
        """Scores in the window."""
        return self.old.n + self.new.n

    def add(self, score: float) -> None:
        """Count a score; the older half leaves when the newer half is full."""
        self.add_cell(bin_of(score))

    def add_cell(self, cell: int) -> None:
        """Count a score that is on a grid of its own."""
        self.new.add(cell)
        if self.new.n >= min(self.size // 2, max(FIRST, 2 * self.old.n)):
            self.old, self.new = self.new, Histogram()

    def p_value(
        self,
        score: float,
        u: float,
        general: Callable[[float], float] | None = None,
        tail: Tail = INFLATED,
    ) -> float:
        """P(a past score is as high), smoothed by `u`, in (0, 1]; non-increasing in `score`.

        Within the window, it is ``(#{z > S} + u (#{z = S} + 1)) / (n + 1)`` (Vovk et al. 2005).
        Above the 98 % point ``z*`` a rank cannot separate scores. There the light-tailed case of
        peaks over threshold continues from the p-value at ``z*`` (Siffer et al. 2017).

        Parameters
        ----------
        general
            P-value of a more general pool. Its tail continues this one.
        tail
            Tail without such a pool.
        """
        cell = bin_of(score)
        above, ties = self.new.rank(cell)
        n = self.new.n
        if self.old.n:
            more, equal = self.old.rank(cell)
            above += more
            ties += equal
            n += self.old.n
        if above <= min(TAIL * n, tail.maximum):
            start, k, tied, excess = self._tail(tail.maximum)
            if cell > start:
                p = (k + u * (tied + 1)) / (n + 1)
                if general is not None:
                    return max(p * general(score) / max(general(start / STEP), 1e-300), 1e-300)
                return max(p * tail.beyond((cell - start) / STEP, k, excess), 1e-300)
        return (above + u * (ties + 1)) / (n + 1)

    def _walk(self, allowed: float) -> tuple[int, int, int, int]:
        """Find the first cell, from above, at which the count exceeds `allowed`.

        Returns
        -------
        cell, above, there, total
            The cell, the lowest one if all scores are allowed; scores above it; scores in it, none
            if all are allowed; and the sum of the cells of those above.
        """
        merged = dict(zip(self.old.bins, self.old.counts, strict=True))
        for cell, count in zip(self.new.bins, self.new.counts, strict=True):
            merged[cell] = merged.get(cell, 0) + count
        cell = above = total = 0
        for cell, count in sorted(merged.items(), reverse=True):
            if above + count > allowed:
                return cell, above, count, total
            above += count
            total += cell * count
        return cell, above, 0, total

    def _tail(self, maximum: int) -> tuple[int, int, int, float]:
        """Give the 98 % point, scores above it, scores at it, and their mean excess in bits."""
        cell, k, there, total = self._walk(min(TAIL * self.n, maximum))
        if not there:
            return -1, k, 0, 0.0
        return cell, k, there, (total / k - cell) / STEP if k else 0.0
