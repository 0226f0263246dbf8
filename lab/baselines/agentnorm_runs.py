"""The package agentnorm: five detectors over a finished run, fitted once on history."""

from __future__ import annotations

from importlib import import_module
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.event import Event


class AgentNorm:
    """The largest ratio of a detector's score to its threshold; 1 and above are alerts."""

    def __init__(self) -> None:
        self._package: Any = import_module("agentnorm")
        self._monitor: Any = None

    def fit(self, runs: Sequence[Sequence[Event]]) -> None:
        """Fit its monitor on the history."""
        self._monitor = self._package.Monitor.fit([self._run(run) for run in runs])

    def score(self, runs: Sequence[Sequence[Event]]) -> list[float]:
        """Score finished runs."""
        return [self._worst(self._run(run)) for run in runs]

    def _worst(self, run: Any) -> float:
        scores = self._monitor.score(run).scores
        limits = self._monitor.thresholds
        ratios = [
            value / limits[name] if limits[name] else value * 2
            for name, value in scores.items()
            if isfinite(value) and isfinite(limits[name])
        ]
        return float(max(ratios, default=0.0))

    def _run(self, events: Sequence[Event]) -> Any:
        first = events[0]
        calls = [
            self._package.ToolCall(
                tool=event.tool,
                step=step,
                args=event.arguments or {},
                ok=event.outcome in (None, "ok"),
                result_size=(event.volume.bytes_in or 0) if event.volume else 0,
                output_bytes=(event.volume.bytes_out or 0) if event.volume else 0,
                resource=event.resource.id if event.resource else "",
                started_at=event.time,
            )
            for step, event in enumerate(events, 1)
        ]
        return self._package.Run(
            agent=first.agent.id,
            version=first.agent.version or "unversioned",
            principal=first.human.id if first.human else "",
            calls=calls,
            started_at=first.time,
        )
