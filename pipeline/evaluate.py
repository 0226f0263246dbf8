"""Measure on labelled recordings: judge without the labels, then compare with them.

Only this module reads labels, and it joins them to judgements when all of those are made.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from msgspec import Struct

from models.errors import ConfigError, MalformedEvent
from pipeline.assembly import build_worker, clock_us
from pipeline.evaluate_table import table
from pipeline.formats import FORMATS, Labels, format_named
from pipeline.metrics import Scored, Session, groups
from pipeline.replay import REPLAY_SECRET, in_order, judge_all
from pipeline.store import PipelineStatus, open_store
from pipeline.without import Without

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.assessment import Assessment
    from models.event import Event
    from models.subject import Subject
    from pipeline.formats import Format
    from pipeline.progress import Progress
    from pipeline.record import RawRecord
    from pipeline.settings import Settings
    from pipeline.worker import Worker

__all__ = ["Judgement", "evaluate", "joined", "judge_apart", "judged_sessions", "table"]

HISTORY = "baseline"
JUDGED = "eval"
_UNKNOWN = Labels()


@runtime_checkable
class Labelled(Protocol):
    """A format that also knows the truth."""

    def normalise(self, value: bytes) -> Event:
        """Make an event of one record, without its labels."""

    def labels(self, value: bytes) -> Labels:
        """Read the labels of one record."""


class Judgement(Struct, frozen=True, kw_only=True):
    """What the engine said of one event, before anyone looked at a label.

    Attributes
    ----------
    where
        Where its record stands (`RawRecord.where`).
    carries_origins
        Whether the event says where its arguments came from.
    rank, p, pool, session_p, alert
        As in `pipeline.metrics.Scored`.
    """

    where: str
    agent_id: str
    role: str | None
    session: str
    time_us: int
    carries_origins: bool
    rank: float
    p: float | None
    pool: str | None
    session_p: float | None
    alert: str | None


def judge_apart(
    history: Sequence[RawRecord],
    records: Sequence[RawRecord],
    *,
    wire: Format,
    settings: Settings,
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
            )
        )

    with open_store("sqlite::memory:", secret=REPLAY_SECRET) as store:
        worker = build_worker(settings, store, publish=False, observer=observe)
        worker.wire = wire
        if history:
            _learn(worker, history, progress)
        judge_all(worker, records, progress=progress)
    return found, worker


def _learn(worker: Worker, history: Sequence[RawRecord], progress: Progress | None) -> None:
    worker.engine.vouched = True
    try:
        judge_all(worker, history, progress=progress)
        worker.engine.finish_recording()
        status = PipelineStatus("drained", clock_us(), worker.watermark_us or None, 0)
        worker.commit(worker.flush(), {}, status)
    finally:
        worker.engine.vouched = False


def evaluate(
    files: Sequence[str],
    *,
    fmt: str,
    cold: bool = False,
    without: Sequence[str] = (),
    settings: Settings,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge labelled recordings and give the figures.

    Parameters
    ----------
    files
        Recordings; events labelled ``baseline`` are the history.
    fmt
        A format with labels.
    cold
        Learn no history first: judge everything in order of event time.
    without
        Fields of the event to leave out, dotted.

    Returns
    -------
    dict
        ``all``, ``joined``, ``files``, ``roles``: figures of the sessions labelled ``eval``
        (`pipeline.metrics.groups`), the same sessions warm and cold; under `cold`
        ``every_phase`` has them over all sessions. Beside these what `judged_sessions` tells of
        the run.

    Raises
    ------
    ConfigError
        A file is not there, the format has no labels, or nothing is labelled ``eval``.
    """
    sessions, facts = judged_sessions(
        files, fmt=fmt, cold=cold, without=without, settings=settings, progress=progress
    )
    result = groups([s for s in sessions if s.phase == JUDGED])
    if cold:
        result["every_phase"] = groups(sessions)
    return result | facts


def judged_sessions(
    files: Sequence[str],
    *,
    fmt: str,
    cold: bool = False,
    without: Sequence[str] = (),
    settings: Settings,
    progress: Progress | None = None,
) -> tuple[list[Session], dict[str, Any]]:
    """Give the judged sessions themselves, to plot or to compare; parameters as in `evaluate`.

    Returns
    -------
    list of Session
        In order of their first event, labels joined.
    dict
        ``events`` (learned and judged), ``unlabelled_sessions``, ``rejected``, ``seconds`` (of
        learning and judging), ``events_per_second``, ``config_version``, ``format``, ``cold``,
        ``without``.
    """
    wire = _labelled(fmt)
    reader = Without(wire, without) if without else wire
    records = in_order(files, wire, now_us=clock_us())
    truth = {r.where: known for r in records if (known := _truth(r, wire)) is not None}
    if not any(known.phase == JUDGED for known in truth.values()):
        raise ConfigError(
            f"none of {len(records)} records is labelled with phase {JUDGED!r}, nothing to measure"
        )
    past = {where for where, known in truth.items() if known.phase == HISTORY and not cold}
    if progress is not None:
        progress.start(len(records), "judging")
    started = perf_counter()
    judged, worker = judge_apart(
        [r for r in records if r.where in past],
        [r for r in records if r.where not in past],
        wire=reader,
        settings=settings,
        progress=progress,
    )
    seconds = perf_counter() - started
    if progress is not None:
        progress.stop()
    events, sessions = worker.counters["events"], joined(judged, truth)
    return sessions, {
        "events": events,
        "unlabelled_sessions": sum(s.label is None for s in sessions),
        "rejected": sum(n for k, n in worker.counters.items() if k.startswith("rejected_")),
        "seconds": seconds,
        "events_per_second": events / max(seconds, 1e-6),
        "config_version": worker.config_version,
        "format": fmt,
        "cold": cold,
        "without": list(without),
    }


def _labelled(fmt: str) -> Labelled:
    wire = format_named(fmt)
    if not isinstance(wire, Labelled):
        named = ", ".join(sorted(n for n, f in FORMATS.items() if isinstance(f, Labelled)))
        raise ConfigError(f"format {fmt!r} has no labels, expected one of: {named}")
    return wire


def _truth(record: RawRecord, wire: Labelled) -> Labels | None:
    """Read the labels of a record; one that cannot be read is rejected when it is judged."""
    try:
        return wire.labels(record.value)
    except MalformedEvent:
        return None


def joined(judged: Iterable[Judgement], truth: dict[str, Labels]) -> list[Session]:
    """Join judgements with labels, by where the record stands, and group them by session.

    Parameters
    ----------
    truth
        Labels by `RawRecord.where`; a record not in it has none. A session's are those of its
        first event.
    """
    sessions: dict[tuple[str, str], Session] = {}
    for j in judged:
        known = truth.get(j.where, _UNKNOWN)
        session = sessions.get((j.agent_id, j.session))
        if session is None:
            session = sessions[j.agent_id, j.session] = Session(
                agent_id=j.agent_id,
                name=j.session,
                role=j.role,
                source=known.source,
                phase=known.phase,
                label=known.session_label,
            )
        session.carries_origins |= j.carries_origins
        session.events.append(
            Scored(
                time_us=j.time_us,
                rank=j.rank,
                label=known.event_label,
                p=j.p,
                pool=j.pool,
                session_p=j.session_p,
                alert=j.alert,
            )
        )
    return list(sessions.values())
