"""Z-scores: distance of a count or volume from the agent's mean, in standard deviations."""

from __future__ import annotations

from collections import defaultdict
from math import sqrt
from typing import TYPE_CHECKING

from river import stats

from lab.baselines.tokens import Course, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.event import Event

_ENOUGH = 5
_FLOOR = 0.1  # keeps the z-score finite after a constant history


class ZScores:
    """The largest absolute z-score of calls in the session, and of volumes by tool."""

    def __init__(self) -> None:
        self._course = Course()
        self._statistics: defaultdict[tuple[str, str, str], stats.Var] = defaultdict(stats.Var)

    def judge(self, block: Sequence[Event]) -> list[float]:
        """Score each event before learning it."""
        return [self._one(event) for event in block]

    def _one(self, event: Event) -> float:
        _, calls = self._course.step(event)
        worst = 0.0
        for name, value in numbers(event, calls).items():
            own = self._statistics[event.agent.id, event.tool, name]
            whole = self._statistics[event.agent.id, "", name]
            chosen = own if own.mean.n >= _ENOUGH and name != "calls" else whole
            if chosen.mean.n >= _ENOUGH:
                spread = max(sqrt(chosen.get()), _FLOOR)
                worst = max(worst, abs(value - chosen.mean.get()) / spread)
            own.update(value)
            whole.update(value)
        return worst
