"""Volume baselines: how far a sum of bytes or records per window exceeds its mean."""

from __future__ import annotations

import struct
from math import copysign, log1p, log2, sqrt
from typing import TYPE_CHECKING, Any

from river import stats
from scipy.special.cython_special import stdtr  # of one number: no array is made

if TYPE_CHECKING:
    from models.event import Event

FADING = 0.05  # of a window's weight per window
PRIOR_WINDOWS = 8.0  # weight of the peers' baseline, in windows of the agent
MAX_FREEDOM = 30.0
MIN_SPREAD = 0.35  # on the log scale: a factor of 1.4 is never surprising
MIN_WINDOWS = 3.0
# River's own forms of its two statistics: mean, fading, 1 - fading, begun; mean and mean square.
_MEAN = struct.Struct("<ddd?d")
_VARIANCE = struct.Struct("<ddd?ddd?dd")
QUANTITIES = ("bytes_in_hour", "bytes_out_hour", "records_hour", "cost")
MAX = 1 << 53
"""Largest amount of a call or a window. A double holds every whole number up to it."""
_TOKENS = (
    "tokens",
    "total_tokens",
)  # attributes with the number of tokens; the first one present counts
_MILLIONTHS = 1e6  # of one unit of money


def squash(value: float) -> float:
    """Bring a quantity to the scale on which it is compared: ``sign(x) ln(1 + |x|)``."""
    return copysign(log1p(abs(value)), value)


class VolumeBaseline:
    """Mean and spread of one quantity, as exponentially weighted statistics of river.

    Attributes
    ----------
    n
        Number of learned windows.
    mean, variance
        Mean and variance on the log scale.

    Examples
    --------
    >>> volume = VolumeBaseline()
    >>> for value in (100, 120, 90, 110, 105, 95):
    ...     volume.learn(value)
    >>> volume.bits(100) < 1 < 10 < volume.bits(5000)
    True
    """

    __slots__ = ("_square", "_statistics", "mean", "n", "variance")

    def __init__(self) -> None:
        self.n = 0
        self.mean = 0.0
        self.variance = 0.0
        self._square = 0.0  # as stored; river has it once it is asked to learn
        self._statistics: tuple[stats.EWMean, stats.EWVar] | None = None

    def learn(self, value: float) -> None:
        """Learn one value of a closed window."""
        if self._statistics is None:
            self._statistics = self._restore_statistics()
        mean, both = self._statistics
        x = squash(value)
        mean.update(x)
        both.update(x)
        self.n += 1
        # Ask river for its numbers once per window, not once per event.
        self.mean = float(mean.get())
        self.variance = max(0.0, float(both.get()))

    def learn_evenly(self, value: float) -> None:
        """Learn one value with equal weights. With many values, old ones fade.

        Values of several agents have no order, so early values must not weigh more.

        >>> volume = VolumeBaseline()
        >>> for value in (20, 2_000, 200_000):
        ...     volume.learn_evenly(value)
        >>> round(volume.mean, 2), round(squash(2_000), 2)
        (7.62, 7.6)
        """
        n, mean, square = self.state()
        x, step = squash(value), max(FADING, 1 / (n + 1))
        self.n, self.mean, self._square = n + 1, mean + step * (x - mean), square
        self._square += step * (x * x - square)
        self.variance = max(0.0, self._square - self.mean * self.mean)
        self._statistics = None

    def state(self) -> tuple[int, float, float]:
        """Give the number of values, their mean and their mean square: all there is to store."""
        if self._statistics is None:
            return self.n, self.mean, self._square
        raw = self._statistics[1]._ewvar.__getstate__()  # noqa: SLF001 - river gives no other way
        parts = _VARIANCE.unpack(raw)
        return self.n, parts[0], parts[4]

    @classmethod
    def of(cls, n: int, mean: float, square: float) -> VolumeBaseline:
        """Restore what `state` gave, bit for bit."""
        volume = cls()
        if n:
            volume.n, volume.mean, volume._square = n, mean, square
            volume.variance = max(0.0, square - mean * mean)  # as river has it
        return volume

    def _restore_statistics(self) -> tuple[stats.EWMean, stats.EWVar]:
        """Give river's statistics with the stored values."""
        mean, both = stats.EWMean(FADING), stats.EWVar(FADING)
        if self.n:
            rest = (FADING, 1 - FADING, True)
            own = _MEAN.pack(self.mean, *rest, FADING)
            parts = _VARIANCE.pack(self.mean, *rest, self._square, *rest, FADING, FADING)
            mean._ewmean.__setstate__(own)  # noqa: SLF001 - river gives no other way
            both._ewvar.__setstate__(parts)  # noqa: SLF001 - river gives no other way
        return mean, both

    def expected(self, peers: VolumeBaseline | None = None) -> tuple[float, float, float]:
        """Give location, spread and weight (in windows) of the predictive distribution."""
        own = min(float(self.n), 1 / FADING)
        prior = min(float(peers.n), PRIOR_WINDOWS) if peers is not None else 0.0
        weight = own + prior
        if not weight:
            return 0.0, MIN_SPREAD, 0.0
        mean = own * self.mean / weight
        variance = own * self.variance / weight
        if peers is not None and prior:
            mean += prior * peers.mean / weight
            variance += prior * peers.variance / weight
        return mean, max(MIN_SPREAD, sqrt(variance)), weight

    def bits(
        self, value: float, peers: VolumeBaseline | None = None, *, one_sided: bool = True
    ) -> float:
        """Surprise of a value in bits: ``-log2`` of a Student-t tail; 0 when it is not high.

        Parameters
        ----------
        value
            The running sum of an open window; it can only grow, so a burst shows before the
            window closes.
        peers
            Baseline of the peer group, the prior while the agent has few windows.
        one_sided
            True: only too much is surprising.
        """
        mean, spread, weight = self.expected(peers)
        if weight < MIN_WINDOWS:
            return 0.0
        z = (squash(value) - mean) / (spread * sqrt(1 + 1 / weight))
        if not one_sided:
            z = abs(z)
        if z <= 1.0:
            return 0.0
        freedom = min(weight, MAX_FREEDOM)
        return -log2(max(float(stdtr(freedom, -z)), 1e-300))


def quantities(event: Event) -> tuple[int | None, int | None, int | None, int | None]:
    """Give bytes in and out, records and cost of an event, in the order of `QUANTITIES`.

    The cost of a call is its tokens, or its price in millionths of any currency. With both, it is
    their geometric mean, so that neither hides the other. Amounts above `MAX` count as `MAX`.
    """
    volume, spent = event.volume, None
    if event.attributes is not None:
        spent = _spent(event.attributes)
    if volume is None:
        return None, None, None, spent
    return _most(volume.bytes_in), _most(volume.bytes_out), _most(volume.records), spent


def added(total: int, amount: int) -> int:
    """Add a call to the sum of a window. -1 means no call yet; `MAX` is the upper bound.

    >>> added(-1, 7), added(MAX, 7) == MAX
    (7, True)
    """
    return min(MAX, max(0, total) + amount)


def _most(amount: int | None) -> int | None:
    return None if amount is None else min(MAX, amount)


def _spent(attributes: dict[str, Any]) -> int | None:
    tokens = next((n for name in _TOKENS if (n := _number(attributes.get(name))) is not None), None)
    price = _number(attributes.get("cost"))
    millionths = None if price is None else price * _MILLIONTHS
    if tokens is None or millionths is None:
        only = millionths if tokens is None else tokens
        return None if only is None else int(min(only, MAX))
    return int(min(sqrt((1.0 + tokens) * (1.0 + millionths)), MAX))


def _number(value: object) -> float | None:
    """Give a number from 0 to `MAX`. None for anything else."""
    return float(min(value, MAX)) if isinstance(value, int | float) and value >= 0 else None
