"""Hours of the week: which hours are on workdays."""

from __future__ import annotations

DAY_HOURS = 24
_WEEK_HOURS, _WORKDAY_HOURS, _THURSDAY = 7 * DAY_HOURS, 5 * DAY_HOURS, 3  # 1970 began on one


def on_weekend(hour: int) -> bool:
    """Tell whether an hour since 1970 is on a weekend.

    >>> on_weekend(9), on_weekend(2 * 24 + 9)
    (False, True)
    """
    return (hour + _THURSDAY * DAY_HOURS) % _WEEK_HOURS >= _WORKDAY_HOURS


def workday_hours(hour: int) -> int:
    """Give the workday hours between the Monday before 1970 and an hour since 1970."""
    weeks, rest = divmod(hour + _THURSDAY * DAY_HOURS, _WEEK_HOURS)
    return weeks * _WORKDAY_HOURS + min(rest, _WORKDAY_HOURS)
