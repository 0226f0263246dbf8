"""Evaluate labelled recordings: judge without labels, then compare with them."""

from __future__ import annotations

from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING, Any

from lab.ablation import ablated, features_named
from lab.baselines import chosen
from lab.evaluation.budget import at_budget, trade_off
from lab.evaluation.by_case import by_case
from lab.evaluation.cases import by_type, cases_of, summary
from lab.evaluation.comparing import compared
from lab.evaluation.figures import figures, groups
from lab.evaluation.intervals import DRAWS, intervals
from lab.evaluation.judging import Measured, joined, judge_after_history
from lab.evaluation.mistakes import mistakes
from lab.evaluation.spread import reliability, thinned
from lab.evaluation.transfer import left_out
from lab.evaluation.truth.known import JUDGED
from lab.evaluation.truth.labels import InLabels
from lab.evaluation.truth.mismatch import refuse_mismatch
from lab.evaluation.truth.planted import ATTACK
from lab.evaluation.truth.planted_file import InFile
from lab.field_ablation import FieldAblation
from lab.left_out import fields_and_features
from pipeline.clock import clock_us
from pipeline.formats import event_format
from pipeline.sources.files import find
from pipeline.sources.recordings import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.evaluation.judged import Session
    from lab.evaluation.truth.known import Truth
    from pipeline.processing.progress import Progress
    from pipeline.settings import Settings

HISTORY_DAYS = 14


def evaluate(
    files: Sequence[str],
    *,
    fmt: str,
    cold: bool = False,
    without: Sequence[str] = (),
    truth: str | None = None,
    history_days: int = HISTORY_DAYS,
    baselines: Sequence[str] = (),
    ablate: Sequence[str] = (),
    draws: int = DRAWS,
    settings: Settings,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge labelled recordings and compute the figures.

    Parameters
    ----------
    files
        Recordings; events labelled ``baseline`` are the history. With `truth`, they are in order of
        event time, and the first `history_days` are the history.
    fmt
        A format with labels, or any format with `truth`.
    cold
        Judge everything in order of event time, without a history.
    without
        What to leave out: fields of the event as dotted names, families, and parts of the content
        detector (`lab.left_out`).
    truth
        File of planted cases, or None.
    baselines
        Names of baselines to compare with (`lab.baselines`), or ``all``.
    ablate
        Families and parts to judge without, one after the other (`lab.left_out`), or ``all``.
    draws
        Resamples for the intervals; 0: no intervals.

    Returns
    -------
    dict
        ``all``, ``joined``, ``files``, ``roles``: figures of the sessions labelled ``eval``
        (`figures.groups`). With `cold`, ``every_phase`` has the figures of all sessions.
        ``intervals``, ``budget``, ``trade_off``, ``types``, ``attacks`` (all types), ``mistakes``.
        ``cases``: the figures by case (`by_case`).
        ``unmeasured_cases``: planted cases without a judged event. ``left_out``, ``reliability``,
        ``scores``, ``baselines`` by name, and ``ablations`` (`ablated`, may be empty). The facts of
        the run are added (`Measured`).

    Raises
    ------
    ConfigError
        A file is missing, the format has no labels, no event is labelled ``eval``, or a baseline, a
        feature or what to leave out is unknown.
    """
    offers, features = chosen(baselines), features_named(ablate)
    run = measured(
        files,
        fmt=fmt,
        cold=cold,
        without=without,
        truth=truth,
        history_days=history_days,
        settings=settings,
        progress=progress,
    )
    part = [s for s in run.sessions if s.phase == JUDGED]
    result = groups(part)
    if cold:
        result["every_phase"] = groups(run.sessions)
    result |= _beside(run, part, draws)
    result["baselines"] = {}
    for name, offer in offers.items():
        advanced = run.truth.begun(progress, offer.title)
        sessions, facts = compared(
            offer, run.judged, run.truth, run.wire, cold=cold, progress=advanced
        )
        theirs = [s for s in sessions if s.phase == JUDGED]
        result["baselines"][name] = facts | _short(theirs, run.facts["alerts_per_day"], draws)
        if progress is not None:
            progress.stop()
    result["ablations"] = (
        ablated(run, features, settings=settings, progress=progress) if features else {}
    )
    return result | run.facts


def _beside(run: Measured, part: list[Session], draws: int) -> dict[str, Any]:
    cases = cases_of(part, run.truth.planted, run.truth.tasks)
    attacks = [case for case in cases if case.kind == ATTACK]
    calm = [s.score for s in part if s.label == "benign"]
    return {
        "intervals": intervals(part, draws),
        "budget": at_budget(part, run.facts["alerts_per_day"]),
        "trade_off": trade_off(part),
        "cases": by_case(run.sessions, run.truth.planted),
        "types": by_type(cases, calm),
        "mistakes": mistakes(part, attacks, run.truth.planted),
        "attacks": summary(attacks),
        "unmeasured_cases": len(run.truth.planted) and len(run.truth.planted) - len(cases),
        "left_out": left_out(part),
        "reliability": reliability(part),
        "scores": thinned(part),
    }


def _short(sessions: list[Session], per_day: float, draws: int) -> dict[str, Any]:
    """Compute the figures for the comparison of detectors."""
    if not sessions:
        return {}
    return {
        "figures": figures(sessions),
        "intervals": intervals(sessions, draws),
        "top": at_budget(sessions, per_day)["top"],
        "trade_off": trade_off(sessions),
    }


def judged_sessions(
    files: Sequence[str],
    *,
    fmt: str,
    cold: bool = False,
    without: Sequence[str] = (),
    settings: Settings,
    progress: Progress | None = None,
) -> tuple[list[Session], dict[str, Any]]:
    """Give the judged sessions for plots or comparisons, and the facts of the run.

    Parameters as in `evaluate`; results as in `Measured`.
    """
    run = measured(files, fmt=fmt, cold=cold, without=without, settings=settings, progress=progress)
    return run.sessions, run.facts


def measured(
    files: Sequence[str],
    *,
    fmt: str,
    cold: bool = False,
    without: Sequence[str] = (),
    truth: str | None = None,
    history_days: int = HISTORY_DAYS,
    settings: Settings,
    progress: Progress | None = None,
) -> Measured:
    """Judge recordings and join their ground truth; parameters as in `evaluate`."""
    wire = event_format(fmt)
    fields, features = fields_and_features(without)
    reader = FieldAblation(wire, fields) if fields else wire
    now_us = clock_us()
    known: Truth = (
        InLabels(files, fmt, now_us=now_us)
        if truth is None
        else InFile(files, truth, wire, history_days=history_days, now_us=now_us)
    )
    advanced = known.begun(progress, "judging")
    started = perf_counter()
    judged, worker = judge_after_history(
        *known.split(cold=cold),
        wire=reader,
        settings=settings,
        explain=truth is None,
        progress=advanced,
        without=features,
    )
    seconds = perf_counter() - started
    if progress is not None:
        progress.stop()
    events, reasons = counted(worker.counters, files)
    if truth is not None:
        days = 0 if cold or not events else history_days
        refuse_mismatch(judged, known, truth, history_days=days, rejected=reasons)
    sessions = joined(judged, known)
    beside = (truth, settings.inventory)
    facts = {
        "events": events,
        "unlabelled_sessions": sum(s.label is None for s in sessions),
        "odd_labels": known.unknown_labels,
        "rejected": sum(reasons.values()),
        "rejected_by": reasons,
        "seconds": seconds,
        "events_per_second": events / max(seconds, 1e-6),
        "config_version": worker.config_version,
        "alerts_per_day": worker.config.alerts_per_day,
        "format": fmt,
        "cold": cold,
        "without": list(without),
        "data": digests([*files, *(str(name) for name in beside if name is not None)]),
    }
    return Measured(sessions, facts, judged, known, reader, features)


def digests(files: Sequence[str]) -> dict[str, str]:
    """Give the SHA-256 of each file by name, except standard input."""
    found = {}
    for path in (path for name in files if name != "-" for path in find(name)):
        with path.open("rb") as data:
            digest = sha256()
            while block := data.read(1 << 20):
                digest.update(block)
        found[path.name] = digest.hexdigest()
    return found
