"""Callbacks for the judgements of a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.fast_path import OrdinaryEvent
    from models.result import Result
    from pipeline.processing.stream_types import RawRecord

Observer: TypeAlias = "Callable[[RawRecord, Event, Result, AgentState], None]"
Listener: TypeAlias = "Callable[[str, OrdinaryEvent, str | None], None]"


class Observers(NamedTuple):
    """Callbacks for the judgements of a worker; None where nobody asks.

    Attributes
    ----------
    observer
        Called with the judgement of each event, in order; for replays.
    listener
        Called with location, result and agent role of each event judged on the fast path. The
        observer is then called only for other events, which is much faster.
    reviewer
        Called with each anomaly of a trusted history, which no other output reports.
    """

    observer: Observer | None = None
    listener: Listener | None = None
    reviewer: Observer | None = None

    @property
    def every_event(self) -> bool:
        """Whether the observer needs the full judgement of every event."""
        return self.observer is not None and self.listener is None


NO_OBSERVERS = Observers()
