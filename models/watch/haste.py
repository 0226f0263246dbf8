"""Approvals given too fast, counted over the last hour: in six steps of ten minutes, one number."""

from __future__ import annotations

STEP = 10  # minutes
_STEPS = 6
_BITS = 8
_MAX = (1 << _BITS) - 1
_ALL = (1 << _BITS * _STEPS) - 1


def pass_by(hasty: int, before: int, minute: int) -> int:
    """Bring the counts to another minute; what is older than an hour is forgotten.

    Parameters
    ----------
    hasty
        Counts of the six steps, the open one lowest, eight bits each.
    before, minute
        Minutes since 1970, of the last call and of this one.

    Examples
    --------
    >>> hasty = add(0, 3)
    >>> [within_hour(pass_by(hasty, 59, minute)) for minute in (60, 109, 110)]
    [3, 3, 0]
    """
    steps = min(_STEPS, minute // STEP - before // STEP)
    return hasty << _BITS * steps & _ALL if steps > 0 else hasty


def add(hasty: int, count: int) -> int:
    """Count in the open step.

    >>> within_hour(add(add(0, 8), 1)), within_hour(add(0, 10_000))
    (9, 255)
    """
    return hasty - (hasty & _MAX) + min(_MAX, (hasty & _MAX) + count)


def within_hour(hasty: int) -> int:
    """Give the sum of all steps: of fifty minutes at least, and of less than an hour."""
    return sum(hasty >> _BITS * step & _MAX for step in range(_STEPS))
