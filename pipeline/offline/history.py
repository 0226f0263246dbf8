"""The numbers of a whole history, for offline models to be fitted on."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from pipeline.clock import clock_us
from pipeline.detectors.detector import Act
from pipeline.offline.signs import SIGNS, signs_of
from pipeline.processing.assembly import build_worker
from pipeline.processing.replay import REPLAY_SECRET, in_order, learn_history
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.baseline.agent_state import Subject
    from models.event import Event
    from models.result import Assessment
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord
    from pipeline.settings import Settings


class History:
    """The numbers of every event of a history, learned as `habitus learn` learns one.

    Attributes
    ----------
    matrix
        One row an event, one column each of `SIGNS`.
    agents
        Agent of each row.

    Parameters
    ----------
    files
        Recordings that are vouched for; merged by event time.
    """

    def __init__(
        self,
        files: Sequence[str],
        *,
        fmt: str,
        settings: Settings,
        progress: Progress | None = None,
    ) -> None:
        rows: list[list[float]] = []
        self.agents: list[str] = []

        def observe(
            record: RawRecord, event: Event, assessment: Assessment, subject: Subject
        ) -> None:
            del record
            if event.kind == "action":
                rows.append(signs_of(Act(event, assessment, subject.profile.facts)))
                self.agents.append(event.agent.id)

        with ExitStack() as stack:
            store = stack.enter_context(open_store("sqlite::memory:", secret=REPLAY_SECRET))
            worker = build_worker(settings, store, fmt=fmt, publish=False, observer=observe)
            past = in_order(files, worker.wire, now_us=clock_us())
            learn_history(worker, past, progress=progress)
        self.matrix = np.array(rows, dtype=np.float64).reshape(-1, len(SIGNS))
