"""Quantities per window: how far above its usual level is a sum of bytes or records."""

from __future__ import annotations

from math import copysign, log1p, log2, sqrt
from typing import TYPE_CHECKING

from river import stats
from scipy.special import stdtr

if TYPE_CHECKING:
    from models.event import Event

FADING = 0.05  # of a window's weight per window
PRIOR_WINDOWS = 8.0  # what the peers' level counts for, in windows of the agent's own
MOST_FREEDOM = 30.0
LEAST_SPREAD = 0.35  # on the log scale: a factor of 1.4 is never remarkable
LEAST_WINDOWS = 3.0
QUANTITIES = ("bytes_in_hour", "bytes_out_hour", "records_hour")


def squash(value: float) -> float:
    """Bring a quantity to the scale on which it is compared: ``sign(x) ln(1 + |x|)``."""
    return copysign(log1p(abs(value)), value)


class Level:
    """Usual level and spread of one quantity; river's exponentially weighted statistics.

    Examples
    --------
    >>> level = Level()
    >>> for value in (100, 120, 90, 110, 105, 95):
    ...     level.learn(value)
    >>> level.bits(100) < 1 < 10 < level.bits(5000)
    True
    """

    __slots__ = ("_mean", "_var", "n")

    def __init__(self) -> None:
        self.n = 0
        self._mean = stats.EWMean(FADING)
        self._var = stats.EWVar(FADING)

    def learn(self, value: float) -> None:
        """Take in one value (of a closed window)."""
        x = squash(value)
        self._mean.update(x)
        self._var.update(x)
        self.n += 1

    @property
    def mean(self) -> float:
        """Usual level on the log scale."""
        return float(self._mean.get())

    @property
    def variance(self) -> float:
        """Spread on the log scale, squared."""
        return max(0.0, float(self._var.get()))

    def usual(self, peers: Level | None = None) -> tuple[float, float, float]:
        """Give location, spread and weight (in windows) of the predictive distribution."""
        own = min(float(self.n), 1 / FADING)
        prior = min(float(peers.n), PRIOR_WINDOWS) if peers is not None else 0.0
        weight = own + prior
        if not weight:
            return 0.0, LEAST_SPREAD, 0.0
        mean = own * self.mean / weight
        variance = own * self.variance / weight
        if peers is not None and prior:
            mean += prior * peers.mean / weight
            variance += prior * peers.variance / weight
        return mean, max(LEAST_SPREAD, sqrt(variance)), weight

    def bits(self, value: float, peers: Level | None = None, *, one_sided: bool = True) -> float:
        """Surprise of a value in bits: ``-log2`` of a Student-t tail; 0 when it is not high.

        Parameters
        ----------
        value
            The running sum of an open window; it can only grow, so a burst shows before the
            window closes.
        peers
            Level of the peer group, which stands in while the agent's own windows are few.
        one_sided
            True: only too much is surprising.
        """
        mean, spread, weight = self.usual(peers)
        if weight < LEAST_WINDOWS:
            return 0.0
        z = (squash(value) - mean) / (spread * sqrt(1 + 1 / weight))
        if not one_sided:
            z = abs(z)
        if z <= 1.0:
            return 0.0
        freedom = min(weight, MOST_FREEDOM)
        return -log2(max(float(stdtr(freedom, -z)), 1e-300))


def quantities(event: Event) -> tuple[int | None, int | None, int | None]:
    """Give bytes in, bytes out and records of an event, in the order of `QUANTITIES`."""
    volume = event.volume
    if volume is None:
        return None, None, None
    return volume.bytes_in, volume.bytes_out, volume.records
