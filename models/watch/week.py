"""How an agent's hours differ: how much it usually does in each hour of the week (science 3).

Hours of the day are told apart on workdays and on weekends. What is known of one begins as what the
agent does in any hour, and counts as two windows of it.
"""

from __future__ import annotations

DAY_HOURS = 24
CELLS = 2 * DAY_HOURS
PARTS = CELLS + 2  # hours of workdays and of weekends that have passed stand behind the cells
_UNIT = 16  # all is kept in sixteenths, so that it fades in whole numbers
_WEEK_HOURS, _WORKDAY_HOURS, _THURSDAY = 7 * DAY_HOURS, 5 * DAY_HOURS, 3  # 1970 began on one
_KEPT = 871  # of 1,024 after a week: half after 30 days
_LONGEST = 64  # weeks after which hardly anything is left
_ANY_HOUR = 2.0  # windows


def cell(hour: int) -> int:
    """Give the place of an hour since 1970: its hour of the day, 24 further on weekends.

    >>> cell(9), cell(2 * 24 + 9)
    (9, 33)
    """
    of_week = (hour + _THURSDAY * DAY_HOURS) % _WEEK_HOURS
    return of_week % DAY_HOURS + DAY_HOURS * (of_week >= _WORKDAY_HOURS)


def workday_hours(hour: int) -> int:
    """Give the workday hours between the Monday before 1970 and an hour since 1970."""
    weeks, rest = divmod(hour + _THURSDAY * DAY_HOURS, _WEEK_HOURS)
    return weeks * _WORKDAY_HOURS + min(rest, _WORKDAY_HOURS)


def pass_by(week: dict[int, int], closed: int, acts: float, hour: int) -> dict[int, int]:
    """Take in an hour that is over; the hours to another pass, and what is known fades by weeks.

    Returns
    -------
    dict of int to int
        What is not 0, in order.
    """
    kept = [week.get(part, 0) for part in range(PARTS)]
    kept[cell(closed)] += int(acts * _UNIT)
    monday = hour - (hour + _THURSDAY * DAY_HOURS) % _WEEK_HOURS
    at = max(closed, monday - _LONGEST * _WEEK_HOURS)
    while at < monday:
        end = min(monday, at - (at + _THURSDAY * DAY_HOURS) % _WEEK_HOURS + _WEEK_HOURS)
        _pass(kept, at, end)
        kept = [one * _KEPT >> 10 for one in kept]
        at = end
    _pass(kept, at, hour)
    return {part: one for part, one in enumerate(kept) if one}


def _pass(kept: list[int], start: int, end: int) -> None:
    on_workdays = workday_hours(end) - workday_hours(start)
    kept[CELLS] += on_workdays * _UNIT
    kept[CELLS + 1] += (end - start - on_workdays) * _UNIT


def due(week: dict[int, int], hour: int, mean: float) -> tuple[float, float]:
    """Give acts and windows that are remembered of hours like one.

    Parameters
    ----------
    mean
        What any hour brings.

    Examples
    --------
    >>> week = {}
    >>> for day in range(4, 4 + 14):  # Mondays to Fridays at nine, ten acts
    ...     week = pass_by(week, 24 * day + 9, 10.0 * (cell(24 * day) < 24), 24 * day + 33)
    >>> [round(known, 1) for known in due(week, 24 * 18 + 9, 3.0)]
    [84.6, 10.0]
    """
    at = cell(hour)
    acts = week.get(at, 0) / _UNIT + _ANY_HOUR * mean
    return acts, _windows(week, weekend=at >= DAY_HOURS) + _ANY_HOUR


def _windows(week: dict[int, int], *, weekend: bool) -> float:
    return week.get(CELLS + weekend, 0) / (_UNIT * DAY_HOURS)


def spread(week: dict[int, int], mean: float, pairs: float) -> float | None:
    """Give by how much variance exceeds the mean of an hour, over that mean.

    Work comes in sessions, so that is the same in quiet hours and in busy ones. What the means of
    the hours of the week account for is left out, and so is how far these are off by chance.

    Parameters
    ----------
    mean, pairs
        Mean of the counts ``n`` of hours, and of ``n (n - 1)``.

    Returns
    -------
    float or None
        0 or more; None where too few hours have passed to tell.
    """
    each = [_windows(week, weekend=weekend) for weekend in (False, True)]
    means = square = 0.0
    for at, kept in week.items():
        if at < CELLS and (windows := each[at >= DAY_HOURS]):
            usual = kept / _UNIT / windows
            means += usual
            square += windows * usual * usual
    passed = DAY_HOURS * (each[0] + each[1])
    if 2.0 * means >= mean * passed:
        return None
    by_chance = means / passed
    return max(0.0, (pairs - square / passed + by_chance) / (mean - by_chance))
