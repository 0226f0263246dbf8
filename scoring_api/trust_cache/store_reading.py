"""Interface of a store for the API: a few reads and one durable append.

One worker thread of the API calls the methods, never the event loop, and never two threads at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from models.trust.state import TrustState
from pipeline.casework.desk import Files
from pipeline.events.duplicates import Reception
from pipeline.store import LastEvent, PipelineStatus, Place, Sort

__all__ = ["LastEvent", "PipelineStatus", "Reading"]


class Reading(Files, Protocol):
    """A store for the API."""

    def data_version(self) -> int:
        """Give a number that changes with every commit; cheap to read."""
        ...

    def changes(self, after: int, limit: int) -> Sequence[tuple[int, TrustState]]:
        """Give trust states with a sequence number above `after`, ascending."""
        ...

    def status(self) -> PipelineStatus:
        """Give the state of the pipeline."""
        ...

    def counters(self) -> Mapping[str, int]:
        """Give the counters of the pipeline, by name."""
        ...

    def last_seen_records(self, bucket: int, /) -> Sequence[Mapping[str, bytes]]:
        """Give the stored last-seen data of one bucket of agents, one mapping per shard."""
        ...

    def recent_events(
        self, before: int | None, since_us: int, limit: int, /
    ) -> Sequence[tuple[int, bytes]]:
        """Give the latest events with their numbers, the newest first."""
        ...

    def anomalies(
        self,
        *,
        agent_id: str | None,
        severity: Sequence[str] | None,
        kind: Sequence[str] | None,
        not_kind: Sequence[str] | None,
        since_us: int | None,
        until_us: int | None,
        sort: Sort,
        ascending: bool,
        after: Place | None,
        limit: int,
    ) -> Sequence[dict[str, Any]]:
        """Give sorted anomalies after a sort key."""
        ...

    def anomaly(self, anomaly_id: str, /) -> dict[str, Any] | None:
        """Give an anomaly by its id or one of its names, or None."""
        ...

    def members(self, anomaly_id: str, limit: int, /) -> Sequence[str]:
        """Give the agent ids of a finding of several agents, in order, at most `limit`."""
        ...

    def inbox(self, values: list[bytes], /) -> Sequence[Reception]:
        """Append raw native events except duplicates durably; return the fate of each."""
        ...

    def report(self, fmt: str, reporter: str, values: list[bytes], /) -> None:
        """Append payloads of another format durably."""
        ...
