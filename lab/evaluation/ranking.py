"""Ranking metrics: pure functions over scores of positives and negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Scores = NDArray[np.float64]


def auroc(positive: Sequence[float] | Scores, negative: Sequence[float] | Scores) -> float | None:
    """Give the probability that a positive scores above a negative; ties count half.

    Returns
    -------
    float or None
        0 to 1, higher is better; None without positives or without negatives.

    Examples
    --------
    >>> auroc([3.0, 2.0], [1.0, 2.0]), auroc([], [1.0])
    (0.875, None)
    """
    if not len(positive) or not len(negative):
        return None
    return float(roc_auc_score(*_stacked(positive, negative)))


def average_precision(
    positive: Sequence[float] | Scores, negative: Sequence[float] | Scores
) -> float | None:
    """Give the average precision; equal scores are one step.

    Returns
    -------
    float or None
        0 to 1, higher is better; None without positives or without negatives.

    Examples
    --------
    >>> average_precision([2.0], [2.0, 1.0]), average_precision([1.0], [])
    (0.5, None)
    """
    if not len(positive) or not len(negative):
        return None
    return float(average_precision_score(*_stacked(positive, negative)))


def detection(
    scores: Sequence[float] | Scores, benign: Sequence[float] | Scores, alarmed: float
) -> float | None:
    """Give the share of scores above the threshold that alarms a given share of benign ones.

    Parameters
    ----------
    alarmed
        Share of alarmed benign scores, 0 to 1. The threshold is their interpolated 1 - `alarmed`
        quantile.

    Returns
    -------
    float or None
        0 to 1; None if either list is empty.

    Examples
    --------
    >>> detection([9.0, 1.0], [0.0, 1.0, 2.0, 3.0], 0.05)
    0.5
    """
    if not len(scores) or not len(benign):
        return None
    threshold = np.quantile(np.asarray(benign, dtype=float), 1 - alarmed)
    return float((np.asarray(scores, dtype=float) > threshold).mean())


def _stacked(
    positive: Sequence[float] | Scores, negative: Sequence[float] | Scores
) -> tuple[NDArray[np.bool_], Scores]:
    truth = np.r_[np.ones(len(positive), bool), np.zeros(len(negative), bool)]
    return truth, np.r_[np.asarray(positive, dtype=float), np.asarray(negative, dtype=float)]
