"""The only module of the API that reads the wall clock.

Trust is a function of *event* time. On live data this is the wall clock. Over a recording it is the
watermark of judged events, because otherwise every agent of last year would have decayed to
unknown.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

ClockKind = Literal["wall", "event"]


def wall_us() -> int:
    """Read the wall clock: microseconds since 1970 in UTC.

    >>> wall_us() > 1_700_000_000_000_000
    True
    """
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class EvaluationClock:
    """Gives the event time at which trust is evaluated.

    Parameters
    ----------
    kind
        ``wall`` for live sources, ``event`` for recordings.

    Examples
    --------
    >>> EvaluationClock("event").at_us(now_us=50, watermark_us=7)
    7
    >>> EvaluationClock("wall").at_us(now_us=50, watermark_us=7)
    50
    """

    kind: ClockKind = "wall"

    def at_us(self, now_us: int, watermark_us: int | None) -> int:
        """Give the evaluation time: `now_us` on the wall clock, else the watermark.

        Without a watermark nothing was judged yet, so all agents are unknown.
        """
        if self.kind == "event" and watermark_us is not None:
            return watermark_us
        return now_us
