"""Have the product judge a recording, as it would a stream."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from lab.evaluation.judged import Judgement
from pipeline.processing.assembly import build_worker
from pipeline.processing.replay import REPLAY_SECRET, judge_all, learn_history
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.assessment import Assessment
    from models.event import Event
    from models.quiet import Usual
    from models.subject import Subject
    from pipeline.formats import Format
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord
    from pipeline.processing.worker import Worker
    from pipeline.settings import Settings


def judge_apart(
    history: Iterable[RawRecord],
    records: Iterable[RawRecord],
    *,
    wire: Format,
    settings: Settings,
    explain: bool = False,
    progress: Progress | None = None,
) -> tuple[list[Judgement], Worker]:
    """Learn a history, judge what follows, learning on behind the gate.

    Parameters
    ----------
    history
        A past that is vouched for, in order of event time; may be empty.
    records
        What is judged, in order of event time.
    wire
        Makes events of both.
    explain
        Have reasons for every event, not only for those worth a look; several times as slow.

    Returns
    -------
    list of Judgement
        Of the events of `records`, in order; rejected ones have none.
    Worker
        With its counters, for what it says of itself.
    """
    found: list[Judgement] = []

    def observe(record: RawRecord, event: Event, a: Assessment, subject: Subject) -> None:
        if worker.engine.vouched:
            return
        found.append(
            Judgement(
                where=record.where,
                event_id=a.event_id,
                agent_id=a.agent_id,
                role=subject.trust.role,
                session=a.session or a.event_id,
                time_us=a.time_us,
                carries_origins=bool(event.argument_origins),
                rank=a.rank,
                p=a.p,
                pool=a.p_pool,
                session_p=a.session_p,
                alert=a.key if a.alert else None,
                reason=a.reasons[0].feature if a.reasons else None,
            )
        )

    def listen(where: str, usual: Usual, role: str | None) -> None:
        found.append(
            Judgement(
                where=where,
                event_id=usual.event_id,
                agent_id=usual.agent_id,
                role=role,
                session=usual.session or usual.event_id,
                time_us=usual.time_us,
                carries_origins=usual.carries_origins,
                rank=usual.rank,
                p=usual.p,
                pool=usual.pool,
                session_p=usual.session_p,
            )
        )

    with open_store("sqlite::memory:", secret=REPLAY_SECRET) as store:
        worker = build_worker(
            settings, store, publish=False, explain_all=explain, observer=observe, listener=listen
        )
        worker.wire = wire
        past = iter(history)
        for first in past:  # nothing to finish where nothing was learned
            learn_history(worker, chain([first], past), progress=progress)
        judge_all(worker, records, progress=progress)
    return found, worker
