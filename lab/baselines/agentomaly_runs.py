"""The package agentomaly (import name spectra): profiles per role, fitted once on history."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.event import Event

_QUIET = dict.fromkeys(("CRITICAL", "HIGH", "MEDIUM", "LOW"), "log")


class Agentomaly:
    """The sum of the scores of its findings in a run; 0 for a role without history."""

    def __init__(self) -> None:
        self._package: Any = import_module("spectra")
        self._trainer: Any = import_module("spectra.profiler").ProfileTrainer(min_traces=1)
        self._monitors: dict[str, Any] = {}
        # The package logs every finding; the harness only counts them.
        logging.getLogger("spectra").setLevel(logging.CRITICAL + 1)

    def fit(self, runs: Sequence[Sequence[Event]]) -> None:
        """Train a profile per role."""
        roles: defaultdict[str, list[Any]] = defaultdict(list)
        for run in runs:
            trace = self._trace(run)
            roles[trace.agent_type].append(trace)
        for role, traces in roles.items():
            profile = self._trainer.train(agent_type=role, traces=traces)
            monitor = self._package.Monitor(profile, "medium", dict(_QUIET))
            monitor.start()
            self._monitors[role] = monitor

    def score(self, runs: Sequence[Sequence[Event]]) -> list[float]:
        """Score finished runs."""
        return asyncio.run(self._all(runs))

    async def _all(self, runs: Sequence[Sequence[Event]]) -> list[float]:
        scores = []
        for run in runs:
            trace = self._trace(run)
            monitor = self._monitors.get(trace.agent_type)
            found = [] if monitor is None else await monitor.analyze(trace)
            scores.append(float(sum(finding.score for finding in found)))
        return scores

    def _trace(self, events: Sequence[Event]) -> Any:
        first, last = events[0], events[-1]
        return self._package.AgentTrace(
            agent_type=first.agent.role or first.agent.id,
            started_at=first.time,
            ended_at=last.time,
            tool_calls=[
                self._package.ToolCall(
                    tool_name=event.tool,
                    arguments=event.arguments or {},
                    success=event.outcome in (None, "ok"),
                    timestamp=event.time,
                )
                for event in events
            ],
        )
