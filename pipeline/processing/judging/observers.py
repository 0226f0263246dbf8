"""Callbacks for the judgements of a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.result import Result
    from pipeline.processing.stream_types import RawRecord

Observer: TypeAlias = "Callable[[RawRecord, Event, Result, AgentState], None]"


class Observers(NamedTuple):
    """Callbacks for the judgements of a worker; None where nobody asks.

    Attributes
    ----------
    observer
        Called with the judgement of each event, in order; for replays.
    reviewer
        Called with each anomaly of a trusted history, which no other output reports.
    """

    observer: Observer | None = None
    reviewer: Observer | None = None


NO_OBSERVERS = Observers()
