"""The product's baseline of an agent, without peers, content, calibration and gate."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lab.baselines.tokens import Course, categories
from models.baseline.online_baseline import AgentBaseline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.event import Event


class OwnHistory:
    """Surprise in bits under the agent's own counts."""

    def __init__(self) -> None:
        self._course = Course()
        self._agents: defaultdict[str, AgentBaseline] = defaultdict(AgentBaseline)

    def judge(self, block: Sequence[Event]) -> list[float]:
        """Score each event before learning it."""
        return [self._one(event) for event in block]

    def _one(self, event: Event) -> float:
        previous, _ = self._course.step(event)
        x = categories(event, previous)
        baseline = self._agents[event.agent.id]
        score = baseline.score_one(x)
        baseline.learn_one(x)
        return float(score)
