"""What the API needs of a store: a few reads and one durable append.

The methods are called from one worker thread of the API, never from the event loop and never from
two threads at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from models.trust_state import TrustState

RunState = Literal["running", "drained", "stopped", "none"]


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """How the pipeline is doing, as it last said itself.

    Attributes
    ----------
    state
        ``drained``: it ended because everything was judged; ``none``: there never was one.
    heartbeat_us
        Wall time of its last sign of life.
    watermark_us
        Event time up to which events were judged.
    lag_us
        Age of the oldest event not yet judged, at the heartbeat; 0 when it is level.
    """

    state: RunState
    heartbeat_us: int | None = None
    watermark_us: int | None = None
    lag_us: int | None = None


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

    def anomalies(
        self,
        *,
        agent_id: str | None,
        severity: str | None,
        kind: str | None,
        since_us: int | None,
        before: str | None,
        limit: int,
    ) -> Sequence[dict[str, Any]]:
        """Give anomalies, newest first, that come after the one with the id `before`."""
        ...

    def anomaly(self, anomaly_id: str, /) -> dict[str, Any] | None:
        """Give one anomaly."""
        ...

    def inbox(self, values: list[bytes], /) -> Sequence[int]:
        """Append raw native events durably, for the worker; give their positions."""
        ...
