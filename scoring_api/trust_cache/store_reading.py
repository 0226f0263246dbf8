"""What the API needs of a store: a few reads and one durable append.

The methods are called from one worker thread of the API, never from the event loop and never from
two threads at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from models.trust.state import TrustState
from pipeline.events.duplicates import Fate
from pipeline.store import LastEvent, PipelineStatus, Place, Sort

__all__ = ["LastEvent", "PipelineStatus", "Reading"]


class Reading(Protocol):
    """A store, as the API sees it."""

    def data_version(self) -> int:
        """Give a number that is cheap to have and changes with every commit."""
        ...

    def changes(self, after: int, limit: int) -> Sequence[tuple[int, TrustState]]:
        """Give trust rows with a sequence number above `after`, ascending."""
        ...

    def status(self) -> PipelineStatus:
        """Give the state of the pipeline."""
        ...

    def counters(self) -> Mapping[str, int]:
        """Give what the pipeline counted, by name."""
        ...

    def voices(self, bucket: int, /) -> Sequence[Mapping[str, bytes]]:
        """Give what is stored of when agents were heard, of a bucket of them: once a shard."""
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
        """Give anomalies in an order, those that come after a place in it."""
        ...

    def anomaly(self, anomaly_id: str, /) -> dict[str, Any] | None:
        """Give one anomaly by its id or by a name that leads to it."""
        ...

    def members(self, anomaly_id: str, limit: int, /) -> Sequence[str]:
        """Give the ids of agents of an anomaly of several, in order, at most `limit`."""
        ...

    def inbox(self, values: list[bytes], /) -> Sequence[Fate]:
        """Append raw native events but repeats durably, for the worker; give what each is."""
        ...
