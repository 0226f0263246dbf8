"""Slow exfiltration: bytes out a day, and their running sum above what is usual."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from models.quantity import LEAST_WINDOWS, squash

if TYPE_CHECKING:
    from models.baseline import AgentBaseline
    from models.watch.state import Watch

DAY_METRIC = "bytes_out_day"
SLACK = 0.5
MOST_STEP = 3.0


def add_out(watch: Watch, baseline: AgentBaseline, day: int, amount: int | None) -> float | None:
    """Add bytes out to the day's sum, closing the day before; give the sum.

    A day that is over moves `Watch.leaning`, a one-sided sum of its distance from the usual level
    in spreads, less `SLACK`; then it is learned, but never as more than twice the usual spread
    above the level while the sum is high: what leaks slowly must not become the level.
    """
    if day > watch.out_day:
        if watch.out_day >= 0 and watch.out_sum >= 0:
            _close(watch, baseline)
        watch.out_day, watch.out_sum = day, -1
    if amount is None or day < watch.out_day:
        return None
    watch.out_sum = max(0, watch.out_sum) + amount
    return float(watch.out_sum)


def _close(watch: Watch, baseline: AgentBaseline) -> None:
    value = float(watch.out_sum)
    level = baseline.levels.get(DAY_METRIC)
    if level is not None and level.n >= LEAST_WINDOWS:
        mean, spread, weight = level.usual()
        z = (squash(value) - mean) / (spread * sqrt(1 + 1 / weight))
        watch.leaning = max(0.0, watch.leaning + max(-MOST_STEP, min(MOST_STEP, z)) - SLACK)
    baseline.learn_number(DAY_METRIC, value)
