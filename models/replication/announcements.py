"""Announcements of one engine to the others of its stream.

`models.replication.exchange` sends them.
"""

from __future__ import annotations

from typing import Protocol


class Announcements(Protocol):
    """Collects announcements for the other engines."""

    def session_finished(self, blob: bytes) -> None:
        """Announce a finished session."""

    def snapshot_due(self) -> None:
        """Announce the contributions of a snapshot, and add those of the other engines to it."""

    def agent_seen(self, agent_id: str, mode: str, hour: int) -> None:
        """Announce that an agent was active in an hour since 1970."""

    def anomaly_traced(self, trace_id: str, agent_id: str, time_us: int) -> None:
        """Announce an anomaly under a trace."""

    def deployment_announced(self, release: str, tools: list[str]) -> None:
        """Announce a deployment, and the tools that it declares."""
