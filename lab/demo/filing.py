"""What became of each event of the sample: its case, its alert and its reasons.

The store keeps the rarest event of each case. The report speaks of single events, so the sample is
judged once more, as `habitus replay` does. The same key gives the same judgements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from models.event import rfc3339
from pipeline.processing.assembly import build_worker
from pipeline.processing.recordings.judge import judge_all
from pipeline.sources.recordings import records_of
from pipeline.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.result import Reason, Result
    from pipeline.processing.stream_types import RawRecord
    from pipeline.settings import Settings


class Filed(Struct, frozen=True):
    """One event in a case.

    Attributes
    ----------
    opened
        Whether it raised the case.
    alert
        Whether it raised the case or made it grow.
    return_period_days
        Once in how many days the fleet sees something as rare, if all is well; None while rates are
        not known.
    """

    event_id: str
    agent_id: str
    time: str
    case_id: str
    opened: bool
    alert: bool
    anomaly: str | None
    severity: str | None
    return_period_days: float | None
    reasons: list[Reason]


class Queue(Struct, frozen=True):
    """All events in cases, in order, and the number of notes: rare for an agent, yet no case."""

    filed: list[Filed]
    notes: int


def filed_events(settings: Settings, events: Path, secret: bytes, now_us: int) -> Queue:
    """Judge recorded events into a store in memory, and give those in cases."""
    filed: list[Filed] = []
    notes: set[str] = set()

    def observe(record: RawRecord, event: Event, result: Result, agent_state: AgentState) -> None:
        del record, event, agent_state
        if result.case_id is not None:
            filed.append(
                Filed(
                    result.event_id, result.agent_id, rfc3339(result.time_us), result.case_id,
                    result.change == "opened", result.alert, result.anomaly, result.severity,
                    result.return_period_days, result.reasons,
                )
            )  # fmt: skip
        elif result.anomaly is not None:
            notes.add(result.key)

    with open_store("sqlite::memory:", secret=secret) as store:
        worker = build_worker(settings, store, publish=False, observer=observe)
        judge_all(worker, records_of([str(events)], now_us=now_us))
    return Queue(filed, len(notes))
