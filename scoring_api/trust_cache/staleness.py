"""Whether answers are stale: by the lag of the store, or by the silence of a live source."""

from __future__ import annotations

from typing import Any

from models.trust.opinion import TrustPolicy
from models.units import SECOND_US
from scoring_api.clock import EvaluationClock
from scoring_api.status.freshness import lag_of, lags_of, late_of, sources_of
from scoring_api.status.metrics import Metrics
from scoring_api.trust_cache.store_reading import PipelineStatus

NEVER_US = 1 << 62


class Staleness:
    """The age of what the cache knows.

    Parameters
    ----------
    clock
        Gives the instant at which trust is evaluated.
    policy
        Has the bound of the age.
    metrics
        Shows lag, sources and staleness.

    Attributes
    ----------
    status
        Last status of the pipeline that was read.
    polled_us
        Time of the last complete poll, microseconds since 1970.
    stale
        Whether the lag, or the silence of a live source, exceeds the bound.
    turns_us
        Time at which answers become stale, as of the last poll; no answer may be valid longer.
    """

    def __init__(self, clock: EvaluationClock, policy: TrustPolicy, metrics: Metrics) -> None:
        self.status = PipelineStatus("none")
        self.polled_us = 0
        self.stale = True
        self.turns_us = NEVER_US
        self._clock = clock
        self._bound_us = policy.stale_after_s * SECOND_US
        self._metrics = metrics

    def beat(self, now_us: int) -> bool:
        """Measure the age; return whether answers became fresh."""
        lag = self.lag_us(now_us)
        self._metrics.lag.set(-1 if lag is None else lag / SECOND_US)
        lags = lags_of(self.status, now_us, self._clock.kind)
        self._metrics.pipeline.lags = {name: late / SECOND_US for name, late in lags.items()}
        self._metrics.pipeline.waiting = self.status.waiting
        self._metrics.pipeline.sources = self.sources(now_us)
        bound, late = self._bound_us, self.late_us(now_us)
        stale = late is None or late > bound or now_us - self.polled_us > bound
        self._metrics.stale.set(stale)
        self.turns_us = NEVER_US if stale or late is None else now_us + bound - late
        became_fresh = self.stale and not stale
        self.stale = stale
        return became_fresh

    def lag_us(self, now_us: int) -> int | None:
        """Give the lag of the answers in microseconds; None if unknown."""
        return lag_of(self.status, now_us, self._clock.kind)

    def late_us(self, now_us: int) -> int | None:
        """Give the age of the newest evidence: the lag, or the silence of a live source."""
        return late_of(self.status, now_us, self._clock.kind)

    def sources(self, now_us: int) -> list[dict[str, Any]]:
        """Give the last event of each source, with its age."""
        return sources_of(self.status, now_us, self._clock.kind, self._bound_us)

    def at_us(self, now_us: int) -> int:
        """Give the current event time of trust."""
        return self._clock.at_us(now_us, self.status.watermark_us)
