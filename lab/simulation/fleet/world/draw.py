"""Random draws: hashes of the seed and a few numbers.

A draw depends only on its numbers, so an agent acts the same in a fleet of any size. Distributions
are quantile tables: one multiplication and one look-up per draw.
"""

from __future__ import annotations

import math
import zlib
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MASK = (1 << 64) - 1
_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_UNIT = 2.0**-53
GRID = 4096
"""Entries of a quantile table."""

NORMAL = tuple(NormalDist().inv_cdf((n + 0.5) / GRID) for n in range(GRID))
"""Quantiles of the normal distribution."""

SPREAD = tuple(math.exp(0.6 * z) for z in NORMAL)
"""Quantiles of a lognormal factor around 1: sizes and durations of single calls."""

_LARGEST_MEAN, _MEANS_PER_UNIT, _POISSON_GRID = 64, 4, 1024


def mix(*parts: int) -> int:
    """Hash numbers to 64 bits.

    >>> mix(7, 1) == mix(7, 1), mix(7, 1) == mix(1, 7)
    (True, False)
    """
    state = 0
    for part in parts:
        z = (state + part + _STEP) & _MASK
        z = ((z ^ (z >> 30)) * _FIRST) & _MASK
        z = ((z ^ (z >> 27)) * _SECOND) & _MASK
        state = z ^ (z >> 31)
    return state


@lru_cache(4096)
def word(text: str) -> int:
    """Hash a word to a number for `mix`."""
    return zlib.crc32(text.encode())


def unit(*parts: int) -> float:
    """Give a uniform draw from [0, 1) for these numbers.

    >>> 0 <= unit(7, 1) < 1
    True
    """
    return (mix(*parts) >> 11) * _UNIT


def units(head: int, tail: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Draw one number from [0, 1) for each of `tail`: ``unit(…, t)`` after ``mix(…) == head``.

    >>> float(units(mix(7), np.array([3], dtype=np.uint64))[0]) == unit(7, 3)
    True
    """
    z = tail + np.uint64((head + _STEP) & _MASK)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * _UNIT


@lru_cache(64)
def zipf(size: int, exponent: float = 1.1) -> tuple[int, ...]:
    """Give the quantiles of a power law over the ranks 0 to `size` - 1.

    >>> ranks = zipf(40)
    >>> ranks[0], ranks[-1], ranks.count(0) > 5 * ranks.count(9)
    (0, 39, True)
    """
    weights = np.arange(1, size + 1, dtype=np.float64) ** -exponent
    ends = np.cumsum(weights) / weights.sum()
    quantiles = (np.arange(GRID) + 0.5) / GRID
    return tuple(np.minimum(np.searchsorted(ends, quantiles), size - 1).tolist())


def counts(means: NDArray[np.float64], draw: NDArray[np.float64]) -> NDArray[np.int64]:
    """Draw Poisson counts with these means, up to 64, as quantiles at `draw` in [0, 1)."""
    row = np.minimum(np.rint(means * _MEANS_PER_UNIT), _LARGEST_MEAN * _MEANS_PER_UNIT)
    return _poisson()[row.astype(np.int64), (draw * _POISSON_GRID).astype(np.int64)]


@lru_cache(1)
def _poisson() -> NDArray[np.int64]:
    quantiles = (np.arange(_POISSON_GRID) + 0.5) / _POISSON_GRID
    rows = [np.zeros(_POISSON_GRID, dtype=np.int64)]
    for quarter in range(1, _LARGEST_MEAN * _MEANS_PER_UNIT + 1):
        mean, chances = quarter / _MEANS_PER_UNIT, [0.0]
        chances[0] = math.exp(-mean)
        for n in range(1, int(mean + 10 * math.sqrt(mean) + 10)):
            chances.append(chances[-1] * mean / n)
        rows.append(np.searchsorted(np.cumsum(chances), quantiles).astype(np.int64))
    return np.stack(rows)
