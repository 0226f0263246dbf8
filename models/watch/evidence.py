"""Slow change: a running product of e-values over an agent's p-values (science 6)."""

from __future__ import annotations

from math import log, log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.watch.state import Watch

_MIN_P, _MAX_P = 1e-9, 1.0 - 1e-4


def e_value(p: float) -> float:
    """Give the e-value of a p-value, mixed over the calibrators ``k p^(k - 1)``.

    ``(1 - p + p ln p) / (p (ln p)^2)``: mean 1 at most where p is uniform (Vovk and Wang 2021).

    Examples
    --------
    >>> round(e_value(0.5), 2), round(e_value(0.001), 1)
    (0.64, 20.8)
    """
    p = min(max(p, _MIN_P), _MAX_P)
    ln = log(p)
    return (1 - p + p * ln) / (p * ln * ln)


def gather(watch: Watch, p: float, maximum: float) -> bool:
    """Take in a p-value; True when the evidence that habits have changed reaches its limit.

    Parameters
    ----------
    maximum
        ``A_drift``: with valid p-values, at least so many tests lie between two false alarms
        (Shin, Ramdas and Rinaldo 2023).
    """
    watch.evidence = max(0.0, watch.evidence) + log2(e_value(p))
    if watch.evidence < log2(maximum):
        return False
    watch.evidence = 0.0
    return True
