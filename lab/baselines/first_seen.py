"""Flag values that are new for an agent."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lab.baselines.tokens import Course, categories, identifiers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.event import Event


class FirstSeen:
    """Count the values of an event that are new for its agent."""

    def __init__(self) -> None:
        self._course = Course()
        self._seen: defaultdict[str, set[str]] = defaultdict(set)

    def judge(self, block: Sequence[Event]) -> list[float]:
        """Score each event before learning it."""
        return [self._one(event) for event in block]

    def _one(self, event: Event) -> float:
        previous, _ = self._course.step(event)
        x = categories(event, previous)
        tokens = {f"{name}={value}" for name, value in x.items() if name != "previous_tool"}
        tokens |= {f"{previous} then {event.tool}", *identifiers(event)}
        seen = self._seen[event.agent.id]
        new = len(tokens - seen)
        seen |= tokens
        return float(new)
