"""Ablation: judge again without each family or part of the content detector, and compare."""

from __future__ import annotations

from collections import Counter
from math import log2
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from lab.evaluation.budget import raised
from lab.evaluation.cases import cases_of
from lab.evaluation.figures import ALARMED, figures
from lab.evaluation.judging import joined, judge_after_history
from lab.evaluation.truth.known import JUDGED
from lab.evaluation.truth.planted import ATTACK
from lab.left_out import KIND_OF, left_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.evaluation.cases import Case
    from lab.evaluation.judged import Scored, Session
    from lab.evaluation.judging import Measured
    from lab.evaluation.truth.known import Truth
    from pipeline.processing.progress import Progress
    from pipeline.settings import Settings

TOGETHER = "+"
ALL = "all"


class Worth(Struct, frozen=True):
    """Figures of a run, with all families or without one.

    Attributes
    ----------
    bits
        Mean over attacks of the highest rank of their harmful events, which orders the queue.
    p_bits
        Mean over attacks of ``-log2 p`` of the event with the smallest p.
    found
        Number of attacks with an alert.
    precision, false_alerts
    Precision of the alerts, and number of false ones.
    auroc, at_1, at_5
        Figures of sessions: AUROC of attacked against benign ones, and detection at thresholds that
        alarm 1 % and 5 % of the benign ones.
    event_ap
        Average precision of events.
    """

    bits: float | None
    p_bits: float | None
    found: int
    precision: float | None
    false_alerts: int
    auroc: float | None
    at_1: float | None
    at_5: float | None
    event_ap: float | None


def features_named(names: Sequence[str]) -> list[str]:
    """Resolve names of families and parts; ``all`` is each. A plus ablates several together.

    Raises
    ------
    ConfigError
        There is no such family or part.

    Examples
    --------
    >>> features_named(["hour+net", "intent"])
    ['hour+net', 'intent']
    >>> len(features_named(["all"])) == len(KIND_OF)
    True
    """
    wanted = [one for name in names for one in (KIND_OF if name == ALL else [name])]
    left_out([part for name in wanted for part in name.split(TOGETHER)])
    return list(dict.fromkeys(wanted))


def ablated(
    run: Measured,
    names: Sequence[str],
    *,
    settings: Settings,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge a recording again without each of some families or parts, one after the other.

    Parameters
    ----------
    run
        The recording judged with all of them.
    names
        Result of `features_named`.
    settings
        Settings of that run.

    Returns
    -------
    dict
        ``whole``: the figures (`Worth`) with all. ``attacks``: the number of attacks.
        ``features``: one row per name, the largest loss first. A row has ``feature``, ``kind``,
        ``without`` (the figures without it) and ``change`` (the difference). ``lost`` and
        ``gained`` count attacks found only with it and only without it; ``types`` are those lost.
    """
    first = _Outcome.of(run.sessions, run.truth)
    rows = []
    for number, name in enumerate(names, 1):
        advanced = run.truth.begun(progress, f"without {name}, {number} of {len(names)}")
        rows.append(_row(name, first, _without(run, name, settings, advanced)))
        if progress is not None:
            progress.stop()
    return {
        "whole": msgspec.to_builtins(first.worth),
        "attacks": len(first.found),
        "features": sorted(rows, key=_by_loss),
    }


class _Outcome(Struct, frozen=True):
    """The figures of a run, without its judgements."""

    worth: Worth
    found: list[tuple[str, bool]]  # type of each attack, and whether it was found

    @classmethod
    def of(cls, sessions: Sequence[Session], truth: Truth) -> _Outcome:
        part = [s for s in sessions if s.phase == JUDGED]
        cases = [c for c in cases_of(part, truth.planted, truth.tasks) if c.kind == ATTACK]
        found = [(case.type, case.alarm is not None) for case in cases]
        return cls(worth(part, cases), found)


def worth(sessions: Sequence[Session], attacks: Sequence[Case]) -> Worth:
    """Compute the compared figures.

    Parameters
    ----------
    sessions
        All judged sessions.
    attacks
        The attacks in them.

    Examples
    --------
    >>> from lab.evaluation.cases import cases_of
    >>> from lab.evaluation.judged import Scored, Session
    >>> quiet = Session(agent_id="a", label="benign", events=[Scored(time_us=0, rank=1.0, label=0)])
    >>> harmful = Scored(time_us=9, rank=7.0, label=1, p=0.25, alert="a|tool.new")
    >>> loud = Session(agent_id="a", label="attacked_succeeded", events=[harmful])
    >>> of = worth([quiet, loud], cases_of([loud], {}, ()))
    >>> of.bits, of.p_bits, of.found, of.precision, of.auroc
    (7.0, 2.0, 1, 1.0, 1.0)
    """
    of, alerts = figures(sessions), raised(sessions)
    at_1, at_5 = (of["detection"][f"{alarmed}"] for alarmed in ALARMED)
    return Worth(
        bits=_mean(attacks, lambda event: event.rank),
        p_bits=_mean(attacks, lambda event: -log2(event.p) if event.p is not None else 0.0),
        found=sum(attack.alarm is not None for attack in attacks),
        precision=alerts["precision"],
        false_alerts=alerts["false_alerts"],
        auroc=of["auroc"],
        at_1=at_1,
        at_5=at_5,
        event_ap=of["event_ap"],
    )


def _mean(attacks: Sequence[Case], bits: Callable[[Scored], float]) -> float | None:
    """Give the mean over attacks of the maximum over harmful events, so that bursts count once."""
    if not attacks:
        return None
    highest = [
        max((bits(event) for event in attack.events if event.label == 1), default=0.0)
        for attack in attacks
    ]
    return sum(highest) / len(highest)


def _without(run: Measured, name: str, settings: Settings, progress: Progress | None) -> _Outcome:
    """Judge without a family or part, and without reasons, which the figures do not need."""
    judged, _ = judge_after_history(
        *run.truth.split(cold=run.facts["cold"]),
        wire=run.wire,
        settings=settings,
        without=run.without | left_out(name.split(TOGETHER)),
        progress=progress,
    )
    return _Outcome.of(joined(judged, run.truth), run.truth)


def _row(name: str, whole: _Outcome, without: _Outcome) -> dict[str, Any]:
    before, after = (msgspec.structs.asdict(one.worth) for one in (whole, without))
    pairs = list(zip(whole.found, without.found, strict=True))
    lost = Counter(kind for (kind, hit), (_, again) in pairs if hit and not again)
    kinds = dict.fromkeys(KIND_OF[part] for part in name.split(TOGETHER))
    return {
        "feature": name,
        "kind": TOGETHER.join(kinds),
        "without": after,
        "change": {key: _difference(before[key], after[key]) for key in before},
        "lost": lost.total(),
        "gained": sum(again and not hit for (_, hit), (_, again) in pairs),
        "types": dict(lost.most_common()),
    }


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _by_loss(row: dict[str, Any]) -> tuple[float, float]:
    """Sort key: lost attacks first, then lost bits."""
    return row["change"]["found"], row["change"]["bits"] or 0.0
