"""What offline models look at: numbers of a judged event, and those of a whole history."""

from __future__ import annotations

from contextlib import ExitStack
from math import cos, log1p, pi, sin
from typing import TYPE_CHECKING

import numpy as np

from models.features import HOUR_US
from pipeline.detectors.detector import Act
from pipeline.processing.assembly import build_worker, clock_us
from pipeline.processing.replay import REPLAY_SECRET, in_order, learn_history
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.assessment import Assessment
    from models.event import Event
    from models.subject import Subject
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord
    from pipeline.settings import Settings

SIGNS: tuple[str, ...] = (
    "hour_sin",
    "hour_cos",
    "weekend",
    "bytes_in",
    "bytes_out",
    "records",
    "duration",
    "arguments",
    "delegation",
    "irreversible",
    "sensitive",
    "failed",
    "bits_sum",
    "bits_most",
    "events_today",
)
"""Names of the columns; quantities are logarithms, flags are 0 or 1."""

_IRREVERSIBLE = frozenset({"pay", "delete", "admin", "send", "execute"})
_SENSITIVE = frozenset({"confidential", "restricted"})
_DAY = 24


def signs_of(act: Act) -> list[float]:
    """Give an event's numbers in the order of `SIGNS`; what is unknown is 0."""
    event, assessment = act.event, act.assessment
    hours = assessment.time_us // HOUR_US
    angle = 2 * pi * (hours % _DAY) / _DAY
    volume, resource = event.volume, event.resource
    amounts = (volume.bytes_in, volume.bytes_out, volume.records) if volume else (0, 0, 0)
    return [
        sin(angle),
        cos(angle),
        float((hours // _DAY + 3) % 7 >= 5),  # 1970 began on a Thursday
        *(log1p(amount or 0) for amount in amounts),
        log1p(event.duration_ms or 0.0),
        float(len(event.arguments or ())),
        float(len(event.delegation or ())),
        float(event.operation in _IRREVERSIBLE),
        float(resource is not None and resource.sensitivity in _SENSITIVE),
        float(event.outcome in ("denied", "error")),
        assessment.s_sum,
        assessment.s_max,
        log1p(act.facts.day_events),
    ]


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
