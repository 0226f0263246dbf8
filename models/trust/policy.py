"""Every number of the trust arithmetic, in one frozen and versioned place."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from msgspec import Struct, field

from models.errors import ConfigError
from models.units import DAY_US, HOUR_US, SECOND_US

Severity = Literal["low", "medium", "high", "critical"]
Status = Literal["open", "confirmed", "dismissed"]
Level = Literal["restricted", "watch", "normal", "trusted"]

SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
LEVELS: tuple[Level, ...] = ("restricted", "watch", "normal", "trusted")


FORGOTTEN_HALF_LIVES = 16
"""Age, in its own half-lives, beyond which evidence does not count.

All older clean days together change no score by 0.01. The heaviest item weighs below 1e-3
(16 * 2^-16). The age must not depend on the weight of an item: a light item forgotten before its
day would make that day clean, and trust would rise without events.
"""


def _impact() -> dict[str, float]:
    return {"low": 0.5, "medium": 2.0, "high": 6.0, "critical": 16.0}


def _bounds() -> dict[str, float]:
    return {"watch": 25.0, "normal": 50.0, "trusted": 75.0}


def _ttl_s() -> dict[str, int]:
    irreversible = dict.fromkeys(("delete", "execute", "send", "pay", "admin"), 30)
    return {"read": 300, "write": 60, "unknown": 60, **irreversible}


class TrustPolicy(Struct, frozen=True, kw_only=True):
    """Parameters from evidence to trust, and from trust to a level.

    Attributes
    ----------
    version
        Name of the configuration, also in answers about agents without a state.
    prior_weight, base_rate
        W and a: weight of the prior in clean days, and its expectation (0..1).
    positive_half_life_days, negative_half_life_days, confirmed_half_life_days
        Half-lives of a clean day, an open item and a confirmed item, in days of event time.
    impact
        Weight of an item by severity, in clean days, at full confidence.
    quantile
        Quantile of the Beta distribution that gives `lower`: the probability that `lower` is too
        high.
    bounds
        Smallest `lower` (0..100) of each level above ``restricted``.
    margin, rise_hours
        A level rises only after `lower` was `margin` points above its bound for so long.
    ttl_s
        How long an answer is valid, by operation. ``unknown`` is for readers that name none.
    stale_after_s
        How far the pipeline may lag before its answers are stale.

    Examples
    --------
    >>> policy = TrustPolicy()
    >>> policy.validate()
    >>> policy.impact["critical"], policy.bounds["normal"]
    (16.0, 50.0)
    """

    version: str = "default"
    prior_weight: float = 4.0
    base_rate: float = 0.5
    positive_half_life_days: float = 14.0
    negative_half_life_days: float = 30.0
    confirmed_half_life_days: float = 180.0
    impact: dict[str, float] = field(default_factory=_impact)
    quantile: float = 0.05
    bounds: dict[str, float] = field(default_factory=_bounds)
    margin: float = 5.0
    rise_hours: float = 24.0
    ttl_s: dict[str, int] = field(default_factory=_ttl_s)
    stale_after_s: int = 300

    @property
    def rise_us(self) -> int:
        """How long `lower` must exceed a bound before a rise, in microseconds."""
        return round(self.rise_hours * HOUR_US)

    def half_life_us(self, status: Status) -> float:
        """Half-life of an item of this status, in microseconds."""
        days = (
            self.confirmed_half_life_days if status == "confirmed" else self.negative_half_life_days
        )
        return days * DAY_US

    def bound(self, level: Level) -> float:
        """Smallest `lower` of a level, 0..100; 0 for ``restricted``."""
        return self.bounds.get(level, 0.0)

    def ttl_us(self, operation: str | None) -> int:
        """How long an answer asked for this operation may be kept, in microseconds."""
        fallback = self.ttl_s["unknown"]
        return self.ttl_s.get(operation or "unknown", fallback) * SECOND_US

    def validate(self) -> None:
        """Check the conditions of the invariants of the arithmetic.

        Raises
        ------
        ConfigError
            It names all errors at once.
        """
        wrong = [*_wrong_prior(self), *_wrong_forgetting(self), *_wrong_levels(self)]
        if wrong:
            raise ConfigError("; ".join(wrong))


def _wrong_prior(policy: TrustPolicy) -> list[str]:
    wrong = []
    # Written as `not (good)` throughout, so that a NaN is wrong too.
    if not 0 < policy.base_rate < 1:
        wrong.append(f"base_rate must be above 0 and below 1, got {policy.base_rate}")
    worth = policy.prior_weight * min(policy.base_rate, 1 - policy.base_rate)
    if not 1 - 1e-9 <= worth < float("inf"):  # 10 times (1 - 0.9) is a hair below 1
        # Below 1 the Beta density has a pole, and the quantile can pass the mean.
        wrong.append(
            "prior_weight times base_rate, and times 1 - base_rate, must be at least 1, got "
            f"{policy.prior_weight} and {policy.base_rate}"
        )
    if not 0 < policy.quantile < 0.5:
        wrong.append(f"quantile must be above 0 and below 0.5, got {policy.quantile}")
    return wrong


def _wrong_forgetting(policy: TrustPolicy) -> list[str]:
    wrong = []
    lives = (
        policy.positive_half_life_days,
        policy.negative_half_life_days,
        policy.confirmed_half_life_days,
    )
    if not 0 < lives[0] <= lives[1] <= lives[2] < float("inf"):
        # Otherwise an agent without events gains trust.
        wrong.append(
            "half-lives must be above 0 and positive <= negative <= confirmed, got "
            f"{lives[0]}, {lives[1]}, {lives[2]} days"
        )
    impact = [policy.impact.get(severity, float("nan")) for severity in SEVERITIES]
    rising = all(milder <= worse for milder, worse in pairwise(impact))
    if not (rising and impact[0] >= 0 and impact[-1] < float("inf")):
        wrong.append(
            f"impact must be at least 0 and not fall from low to critical, got {policy.impact}"
        )
    return wrong


def _wrong_levels(policy: TrustPolicy) -> list[str]:
    wrong = []
    bounds = [policy.bounds.get(level, float("nan")) for level in LEVELS[1:]]
    if not 0 < bounds[0] < bounds[1] < bounds[2] <= 100:
        wrong.append(f"bounds must rise from watch to trusted within 0..100, got {policy.bounds}")
    if not 0 <= policy.margin <= 100:
        wrong.append(f"margin must be 0 to 100 points, got {policy.margin}")
    if not 0 <= policy.rise_hours < float("inf"):
        wrong.append(f"rise_hours must be at least 0, got {policy.rise_hours}")
    if "unknown" not in policy.ttl_s or any(ttl < 0 for ttl in policy.ttl_s.values()):
        wrong.append(f"ttl_s must name 'unknown' and be at least 0 everywhere, got {policy.ttl_s}")
    if policy.stale_after_s <= 0:
        wrong.append(f"stale_after_s must be above 0, got {policy.stale_after_s}")
    return wrong


DEFAULT_POLICY = TrustPolicy()
