"""River's half-space trees, one forest per agent."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from river import anomaly

from lab.baselines.tokens import Course, hashed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.event import Event

_WIDTH = 16
_WINDOW = 100  # agents of a few hundred events must fill it more than once


def _forest() -> anomaly.HalfSpaceTrees:
    return anomaly.HalfSpaceTrees(n_trees=10, height=8, window_size=_WINDOW, seed=7)


class HalfSpace:
    """`river.anomaly.HalfSpaceTrees` over hashed categories and volumes."""

    def __init__(self) -> None:
        self._course = Course()
        self._agents: defaultdict[str, anomaly.HalfSpaceTrees] = defaultdict(_forest)

    def judge(self, block: Sequence[Event]) -> list[float]:
        """Score each event before learning it."""
        return [self._one(event) for event in block]

    def _one(self, event: Event) -> float:
        x = dict(enumerate(hashed(event, *self._course.step(event), _WIDTH)))
        forest = self._agents[event.agent.id]
        score = float(forest.score_one(x))
        forest.learn_one(x)
        return score
