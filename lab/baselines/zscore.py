"""How many standard deviations a count or a volume lies from the agent's mean."""

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
_FLOOR = 0.1  # a constant history must not make the next byte infinitely odd


class ZScores:
    """The largest absolute z-score: calls in the session, and volumes as usual for the tool."""

    def __init__(self) -> None:
        self._course = Course()
        self._usual: defaultdict[tuple[str, str, str], stats.Var] = defaultdict(stats.Var)

    def judge(self, block: Sequence[Event]) -> list[float]:
        """Score each event before learning it."""
        return [self._one(event) for event in block]

    def _one(self, event: Event) -> float:
        _, calls = self._course.step(event)
        worst = 0.0
        for name, value in numbers(event, calls).items():
            own = self._usual[event.agent.id, event.tool, name]
            whole = self._usual[event.agent.id, "", name]
            usual = own if own.mean.n >= _ENOUGH and name != "calls" else whole
            if usual.mean.n >= _ENOUGH:
                spread = max(sqrt(usual.get()), _FLOOR)
                worst = max(worst, abs(value - usual.mean.get()) / spread)
            own.update(value)
            whole.update(value)
        return worst
