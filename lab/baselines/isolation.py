"""Scikit-learn's isolation forest over hashed features, refitted whenever the data doubles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import IsolationForest

from lab.baselines.tokens import Course, hashed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.event import Event

_WIDTH = 64
_FIRST = 256
_MAX = 100_000


class Isolation:
    """`sklearn.ensemble.IsolationForest`; scores are 0 until the first fit.

    A new value sets a column that was always empty, which no tree splits on. So it detects
    anomalous combinations and volumes, but not novelty.
    """

    def __init__(self) -> None:
        self._course = Course()
        self._rows: list[list[float]] = []
        self._forest: IsolationForest | None = None
        self._next = _FIRST

    def judge(self, block: Sequence[Event]) -> list[float]:
        """Score a block, then learn it."""
        rows = [hashed(event, *self._course.step(event), _WIDTH) for event in block]
        scores = [0.0] * len(rows)
        if self._forest is not None:
            # In scikit-learn, higher is more normal.
            scores = [-float(score) for score in self._forest.score_samples(np.array(rows))]
        self._rows += rows[: _MAX - len(self._rows)]
        if len(self._rows) >= self._next:
            self._next = 2 * len(self._rows)
            self._forest = IsolationForest(random_state=7).fit(np.array(self._rows))
        return scores
