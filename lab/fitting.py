"""Inputs of fitting: the feature matrix of a history, and the tool shares of its agents."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from models.detectors.detector import Detector
from models.detectors.fitted.columns import COLUMNS, row_of
from models.detectors.fitted.peer_groups import MIN_EVENTS, Shares, shares_of
from models.errors import MalformedEvent
from pipeline.clock import clock_us
from pipeline.formats import event_format, event_of
from pipeline.processing.assembly import build_worker
from pipeline.processing.recordings.judge import REPLAY_SECRET, in_order, learn_history
from pipeline.sources.recordings import records_of
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.event import Event
    from pipeline.processing.progress import Progress
    from pipeline.settings import Settings


class _Rows(Detector):
    """Notes the numbers of each event, and says nothing of it."""

    name = "rows of a history"

    def __init__(self) -> None:
        self.rows: list[list[float]] = []
        self.agents: list[str] = []

    def score_one(self, x: dict[str, Any]) -> None:
        """Note an event."""
        self.rows.append(row_of(x))
        self.agents.append(x["agent"])


class History:
    """Features of every event of a history, which is learned as in `habitus learn`.

    Attributes
    ----------
    matrix
        One row per event, with the columns `COLUMNS`.
    agents
        Agent of each row.

    Parameters
    ----------
    files
        Recordings of a trusted history; merged by event time.
    """

    def __init__(
        self,
        files: Sequence[str],
        *,
        fmt: str,
        settings: Settings,
        progress: Progress | None = None,
    ) -> None:
        rows = _Rows()
        with ExitStack() as stack:
            store = stack.enter_context(open_store("sqlite::memory:", secret=REPLAY_SECRET))
            worker = build_worker(settings, store, fmt=fmt, publish=False, detectors=[rows])
            past = in_order(files, worker.wire, now_us=clock_us())
            learn_history(worker, past, progress=progress)
        self.agents = rows.agents
        self.matrix = np.array(rows.rows, dtype=np.float64).reshape(-1, len(COLUMNS))


def tool_shares(files: Sequence[str], *, fmt: str, minimum: int = MIN_EVENTS) -> Shares:
    """Count the tools of every agent in recordings; agents with fewer events are left out."""
    wire = event_format(fmt)
    counts: dict[str, Counter[str]] = {}
    for record in records_of(files, now_us=clock_us()):
        try:
            event: Event = event_of(record, wire)
        except MalformedEvent:
            continue
        if event.kind == "action":
            counts.setdefault(event.agent.id, Counter())[event.tool] += 1
    return shares_of(counts, minimum=minimum)
