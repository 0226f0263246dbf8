"""Confidence intervals of figures: bootstrap over tasks and goals, whose sessions are similar.

A resample is one weight per session, so scores are sorted only once.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.evaluation.judged import SESSION_LABELS
from lab.evaluation.ranking import detection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lab.evaluation.judged import Session

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

DRAWS = 300
_COVERED = (2.5, 97.5)
_SEED = 20_260_105


class Ordered:
    """Sorted scores, the highest first, with their labels.

    Examples
    --------
    >>> ordered = Ordered(np.array([3.0, 1.0, 2.0]), np.array([True, True, False]))
    >>> auroc, ap = ordered.figures(np.array([1, 1, 1]))
    >>> float(auroc), round(float(ap), 3)
    (0.5, 0.833)
    """

    def __init__(self, scores: Floats, bad: NDArray[np.bool_]) -> None:
        self._order = np.argsort(-scores, kind="stable")
        self._bad = bad[self._order]
        ordered = scores[self._order]
        # Equal scores are one step: only the last index of each counts.
        self._last = np.r_[np.flatnonzero(np.diff(ordered)), len(ordered) - 1]

    def figures(self, weights: Ints) -> tuple[float | None, float | None]:
        """Give AUROC and average precision with a weight for each score."""
        if not len(self._order):
            return None, None
        w = weights[self._order]
        true = np.cumsum(w * self._bad)[self._last]
        false = np.cumsum(w * ~self._bad)[self._last]
        if not true[-1] or not false[-1]:
            return None, None
        area = np.trapezoid(np.r_[0, true], np.r_[0, false]) / (true[-1] * false[-1])
        steps = np.diff(true, prepend=0)
        precision = true / np.maximum(true + false, 1)
        return float(area), float((steps * precision).sum() / true[-1])


def intervals(sessions: Sequence[Session], draws: int = DRAWS) -> dict[str, Any]:
    """Give the interval that contains 95 % of the resampled figures.

    Parameters
    ----------
    draws
        Number of resamples of tasks and goals, with replacement; 0: no intervals.

    Returns
    -------
    dict
        Lower and upper bound by name of the figure; None for a missing figure.
    """
    if not draws:
        return {}
    known = [s for s in sessions if s.label in SESSION_LABELS]
    drawn: defaultdict[str, list[float]] = defaultdict(list)
    sample = _Sample(known)
    rng = np.random.default_rng(_SEED)
    strata = _strata(known)
    for _ in range(draws):
        weights = np.zeros(len(known), dtype=np.int64)
        for groups in strata:
            for place in rng.integers(0, len(groups), len(groups)):
                weights[groups[place]] += 1
        for name, value in sample.figures(weights).items():
            drawn[name] += [] if value is None else [value]
    return {
        name: [float(bound) for bound in np.percentile(values, _COVERED)] if values else None
        for name, values in drawn.items()
    }


def _strata(sessions: Sequence[Session]) -> list[list[list[int]]]:
    """Give the session indices of each group, by label."""
    strata = []
    for label in SESSION_LABELS:
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for place, session in enumerate(sessions):
            if session.label == label:
                groups[session.group].append(place)
        if groups:
            strata.append([groups[name] for name in sorted(groups)])
    return strata


class _Sample:
    """Arrays of the resampled data."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        labels = np.array([s.label for s in sessions])
        self._scores = np.array([s.score for s in sessions])
        self._p = np.array([np.nan if s.p is None else s.p for s in sessions])
        self._calm = np.flatnonzero(labels == "benign")
        self._found = np.flatnonzero(labels == "attacked_succeeded")
        self._both = np.r_[self._calm, self._found]
        bad = np.r_[np.zeros(len(self._calm), bool), np.ones(len(self._found), bool)]
        self._sessions = Ordered(self._scores[self._both], bad)
        events = [(i, e.rank, e.label) for i, s in enumerate(sessions) for e in s.events
                  if e.label is not None]  # fmt: skip
        self._of = np.array([i for i, _, _ in events], dtype=np.int64)
        ranks = np.array([rank for _, rank, _ in events])
        self._events = Ordered(ranks, np.array([label == 1 for *_, label in events], bool))

    def figures(self, weights: Ints) -> dict[str, float | None]:
        auroc, ap = self._sessions.figures(weights[self._both])
        event_auroc, event_ap = self._events.figures(weights[self._of])
        calm = np.repeat(self._scores[self._calm], weights[self._calm])
        found = np.repeat(self._scores[self._found], weights[self._found])
        p = np.repeat(self._p[self._calm], weights[self._calm])
        p = p[~np.isnan(p)]
        return {
            "auroc": auroc,
            "ap": ap,
            "detection 0.01": detection(found, calm, 0.01),
            "detection 0.05": detection(found, calm, 0.05),
            "event_auroc": event_auroc,
            "event_ap": event_ap,
            "benign p 0.05": float((p <= 0.05).mean()) if len(p) else None,
            "benign p 0.01": float((p <= 0.01).mean()) if len(p) else None,
        }
