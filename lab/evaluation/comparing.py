"""Baselines in the same harness: same events, same order, same split, no labels."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from time import perf_counter
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from lab.baselines import RunBaseline
from lab.evaluation.judging import joined
from models.errors import MalformedEvent
from pipeline.formats import event_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.baselines import Baseline, Offer
    from lab.evaluation.judged import Judgement, Session
    from lab.evaluation.truth.known import Truth
    from models.event import Event
    from pipeline.formats import Format
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord

_BLOCK = 256
_POOL_MINIMUM = 50
_Run = tuple[str, str]


def compared(
    offer: Offer,
    judged: Sequence[Judgement],
    truth: Truth,
    wire: Format,
    *,
    cold: bool,
    progress: Progress | None = None,
) -> tuple[list[Session], dict[str, Any]]:
    """Judge the product's events with a baseline.

    Parameters
    ----------
    judged
        The product's judgements; the same events get scores of the baseline.

    Returns
    -------
    list of Session
        Sessions with the baseline's ranks, and with p-values from its scores of the history if
        there are enough.
    dict
        ``title``, ``whole_runs`` (it scores finished sessions, not events) and ``seconds``. If it
        cannot run, there are no sessions, and ``skipped`` gives the reason.
    """
    started = perf_counter()
    built = offer.build()
    history, rest = truth.split(cold=cold)
    past = _events(history, wire)
    if isinstance(built, RunBaseline):
        runs = _runs(event for _, event in past)
        wanted = {j.where for j in judged}
        if not runs:
            return [], {"title": offer.title, "skipped": "learns from a history, there is none"}
        events = {where: e for where, e in _events(rest, wire) if where in wanted}
        scores, pool = _of_runs(built, runs, events), list[float]()
    else:
        highest: defaultdict[_Run, float] = defaultdict(float)
        for _, event, score in _scored(built, past, progress):
            highest[_run(event)] = max(score, highest[_run(event)])
        pool = sorted(highest.values())
        scores = {where: s for where, _, s in _scored(built, _events(rest, wire), progress)}
    sessions = joined(_with_scores(judged, scores, pool), truth)
    return sessions, {
        "title": offer.title,
        "whole_runs": isinstance(built, RunBaseline),
        "seconds": perf_counter() - started,
    }


def _events(records: Iterable[RawRecord], wire: Format) -> Iterator[tuple[str, Event]]:
    for record in records:
        try:
            event = event_of(record, wire)
        except MalformedEvent:
            continue  # the product counts it as rejected
        yield record.where, event


def _scored(
    baseline: Baseline, events: Iterable[tuple[str, Event]], progress: Progress | None
) -> Iterator[tuple[str, Event, float]]:
    block: list[tuple[str, Event]] = []

    def done() -> Iterator[tuple[str, Event, float]]:
        scores = baseline.judge([event for _, event in block])
        for (where, event), score in zip(block, scores, strict=True):
            yield where, event, score
        if progress is not None:
            progress.advance(len(block))
        block.clear()

    for pair in events:
        block.append(pair)
        if len(block) == _BLOCK:
            yield from done()
    if block:
        yield from done()


def _run(event: Event) -> _Run:
    return event.agent.id, event.session or event.id


def _runs(events: Iterable[Event]) -> dict[_Run, list[Event]]:
    runs: defaultdict[_Run, list[Event]] = defaultdict(list)
    for event in events:
        runs[_run(event)].append(event)
    return runs


def _of_runs(
    baseline: RunBaseline, history: dict[_Run, list[Event]], events: dict[str, Event]
) -> dict[str, float]:
    """Give each event the score of its session."""
    baseline.fit(list(history.values()))
    runs = _runs(events.values())
    found = dict(zip(runs, baseline.score(list(runs.values())), strict=True))
    return {where: found[_run(event)] for where, event in events.items()}


def _with_scores(
    judged: Sequence[Judgement], scores: dict[str, float], pool: list[float]
) -> Iterator[Judgement]:
    """Replace the product's scores by those of a baseline, with p-values of the running maximum."""
    highest: dict[_Run, float] = {}
    for j in judged:
        key = (j.agent_id, j.session)
        rank = scores.get(j.where, 0.0)
        highest[key] = max(rank, highest.get(key, rank))
        p = None
        if len(pool) >= _POOL_MINIMUM:
            above = len(pool) - bisect_left(pool, highest[key])
            p = (above + 1) / (len(pool) + 1)
        yield replace(j, rank=rank, p=None, pool=None, session_p=p, alert=None, reason=None)
