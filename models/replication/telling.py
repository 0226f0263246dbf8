"""What one engine announces to the others of its stream; `models.replication.exchange` sends it."""

from __future__ import annotations

from typing import Protocol


class Telling(Protocol):
    """Takes note of what the others must know."""

    def finished(self, blob: bytes) -> None:
        """Tell of a finished session."""

    def publishing(self) -> None:
        """Tell what goes into a snapshot now, and let what others told go into it as well."""

    def heard(self, agent_id: str, mode: str, hour: int) -> None:
        """Tell that an agent was heard, by the hour since 1970."""

    def traced(self, trace_id: str, agent_id: str, time_us: int) -> None:
        """Tell of an anomaly under a trace."""

    def deployed(self, release: str, tools: list[str]) -> None:
        """Tell of a deployment that was announced, and of the tools that it said it brings."""
