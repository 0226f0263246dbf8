"""Judge a recording like a stream, and join its ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from lab.evaluation.judged import Judgement, Scored, Session
from pipeline.processing.assembly import build_worker
from pipeline.processing.recordings.judge import REPLAY_SECRET, judge_all, learn_history
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.evaluation.truth.known import Truth
    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.result import Result
    from pipeline.formats import Format
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord
    from pipeline.processing.worker import Worker
    from pipeline.settings import Settings


def judge_after_history(
    history: Iterable[RawRecord],
    records: Iterable[RawRecord],
    *,
    wire: Format,
    settings: Settings,
    explain: bool = False,
    progress: Progress | None = None,
    without: frozenset[str] = frozenset(),
) -> tuple[list[Judgement], Worker]:
    """Learn a history, then judge the later records with gated learning.

    Parameters
    ----------
    history
        Trusted history, in order of event time; may be empty.
    records
        Records to judge, in order of event time.
    wire
        Decodes both to events.
    explain
        Compute reasons for every event, not only for surprising ones; several times as slow.
    without
        Families, and parts of the content detector, that judgement leaves out.

    Returns
    -------
    list of Judgement
        Judgements of `records` in order, without rejected ones.
    Worker
        The worker, with its counters.
    """
    found: list[Judgement] = []

    def observe(record: RawRecord, event: Event, a: Result, agent_state: AgentState) -> None:
        if worker.engine.trusted_history:
            return
        found.append(
            Judgement(
                where=record.where,
                event_id=a.event_id,
                agent_id=a.agent_id,
                role=agent_state.trust.role,
                session=a.session or a.event_id,
                time_us=a.time_us,
                has_origins=bool(event.argument_origins),
                rank=a.rank,
                p=a.p,
                pool=a.p_pool,
                session_p=a.session_p,
                alert=(a.case_id or a.key) if a.alert else None,
                filed=a.case_id,
                reason=a.reasons[0].feature if a.reasons else None,
            )
        )

    with open_store("sqlite::memory:", secret=REPLAY_SECRET) as store:
        worker = build_worker(
            settings,
            store,
            publish=False,
            explain_all=explain,
            observer=observe,
            without=without,
        )
        worker.wire = wire
        past = iter(history)
        for first in past:  # only if there is a history
            learn_history(worker, chain([first], past), progress=progress)
        judge_all(worker, records, progress=progress)
    return found, worker


@dataclass(frozen=True)
class Measured:
    """A judged recording with its truth.

    Attributes
    ----------
    sessions
        Judged sessions in order of their first event, with labels.
    facts
        ``events`` (learned and judged), ``unlabelled_sessions``, ``odd_labels``,
        ``rejected``, ``rejected_by``
        (reason), ``seconds`` (of learning and judging), ``events_per_second``,
        ``config_version``, ``alerts_per_day``, ``format``, ``cold``, ``without``, ``data``
        (digests by file).
    judged
        The judgements before the labels were joined.
    wire
        Decodes events without the omitted fields.
    without
        Families, and parts of the content detector, that judgement left out.
    """

    sessions: list[Session]
    facts: dict[str, Any]
    judged: list[Judgement]
    truth: Truth
    wire: Format
    without: frozenset[str] = frozenset()


def joined(judged: Iterable[Judgement], truth: Truth) -> list[Session]:
    """Join judgements with labels, and group them by session.

    Parameters
    ----------
    truth
        Labels of judgements. A session has the labels of its first event, but one event of an
        attack makes it attacked.
    """
    sessions: dict[tuple[str, str], Session] = {}
    for j in judged:
        known = truth.of(j)
        session = sessions.get((j.agent_id, j.session))
        if session is None:
            session = sessions[j.agent_id, j.session] = Session(
                agent_id=j.agent_id,
                name=j.session,
                role=j.role,
                source=known.source,
                phase=known.phase,
                label=known.session_label,
                task=known.task_id,
                goal=known.attack_id,
            )
        elif known.case is not None and known.session_label == "attacked_succeeded":
            session.label, session.goal = known.session_label, known.attack_id
        session.has_origins |= j.has_origins
        session.events.append(
            Scored(
                time_us=j.time_us,
                rank=j.rank,
                label=known.event_label,
                p=j.p,
                pool=j.pool,
                session_p=j.session_p,
                alert=j.alert,
                filed=j.filed,
                reason=j.reason,
                case=known.case,
            )
        )
    return list(sessions.values())
