"""Surprise of categories under the agent's own counts: no peers, no calibration, no gate."""

from __future__ import annotations

from collections import Counter, defaultdict
from math import log2
from typing import TYPE_CHECKING

from lab.baselines.tokens import Course, categories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.event import Event

_UNSEEN = 0.5  # count of each value before its first use, and of the unknown ones together


class OwnHistory:
    """Sum over the categories of ``-log2`` of the share that the agent's own history has."""

    def __init__(self) -> None:
        self._course = Course()
        self._agents: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)

    def judge(self, block: Sequence[Event]) -> list[float]:
        """Score each event before learning it."""
        return [self._one(event) for event in block]

    def _one(self, event: Event) -> float:
        previous, _ = self._course.step(event)
        x = categories(event, previous)
        x["previous_tool"] = f"{previous} then {event.tool}"
        score = 0.0
        for name, value in x.items():
            own = self._agents[event.agent.id, name]
            whole = own.total() + _UNSEEN * (len(own) + 1)
            score -= log2((own[value] + _UNSEEN) / whole)
            own[value] += 1
        return score
