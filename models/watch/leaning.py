"""Bytes out of a day, held against what the day's calls usually take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.baseline.volume_baseline import added
from models.watch.sizes import per_mille

if TYPE_CHECKING:
    from models.baseline.online_baseline import AgentBaseline
    from models.watch.state import Watch

DAY_METRIC = "bytes_out_day"


def add_out(
    watch: Watch, baseline: AgentBaseline, day: int, amount: int | None, usual: float
) -> float | None:
    """Add bytes out to the day's sum, learning the day before; give the sum.

    Parameters
    ----------
    usual
        What such a call usually sends.
    """
    if day > watch.out_day:
        if watch.out_day >= 0 and watch.out_sum >= 0:
            value = per_mille(float(watch.out_sum), watch.out_expected)
            baseline.learn_number(DAY_METRIC, value)
        watch.out_day, watch.out_sum, watch.out_expected = day, -1, 0.0
    if amount is None or day < watch.out_day:
        return None
    watch.out_sum = added(watch.out_sum, amount)
    watch.out_expected += usual
    return float(watch.out_sum)
