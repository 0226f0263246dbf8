"""Accepted event times: refuse events of a wrong clock, and attempts to move the stream's time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from models.errors import MalformedEvent
from models.event import instant, microseconds
from models.units import DAY_US

if TYPE_CHECKING:
    from pipeline.settings import Settings

EARLIEST_US = 946_684_800_000_000
"""Start of the year 2000. Earlier times come from clocks that were never set."""
MAX_AHEAD_US = DAY_US
"""Upper bound of the setting: an event may be at most a day ahead of its arrival."""


def check_time(time_us: int, arrived_us: int, ahead_us: int) -> None:
    """Refuse an event with an impossible time; all times are microseconds since 1970.

    Parameters
    ----------
    ahead_us
        Largest accepted lead of the event time over the arrival time.

    Raises
    ------
    MalformedEvent
        With the reason ``past_time`` or ``future_time``.

    Examples
    --------
    >>> check_time(EARLIEST_US, EARLIEST_US, 0)
    >>> check_time(EARLIEST_US - 1, EARLIEST_US, 0)
    Traceback (most recent call last):
    models.errors.MalformedEvent: past_time: time is of the year 1999, expected 2000 or later
    >>> check_time(EARLIEST_US + 4_000_000, EARLIEST_US, 1_000_000)
    Traceback (most recent call last):
    models.errors.MalformedEvent: future_time: time is 4 s ahead of arrival, expected at most 1 s
    """
    if time_us < EARLIEST_US:
        raise MalformedEvent(
            "past_time", f"time is of the year {_year(time_us)}, expected 2000 or later"
        )
    if time_us - arrived_us > ahead_us:
        raise MalformedEvent(
            "future_time",
            f"time is {(time_us - arrived_us) / 1e6:.0f} s ahead of arrival, "
            f"expected at most {ahead_us / 1e6:.0f} s",
        )


def _year(time_us: int) -> int:
    """Give the year of a time; times before the first year of the calendar give 1.

    >>> _year(-1), _year(-(10**18))
    (1969, 1)
    """
    first = microseconds(datetime.min.replace(tzinfo=UTC))
    return instant(max(time_us, first)).year


def ahead_us_of(settings: Settings) -> int:
    """Give the largest accepted lead of an event over its arrival, also for recordings."""
    if settings.clock == "event":
        return MAX_AHEAD_US
    return min(settings.max_future_s * 1_000_000, MAX_AHEAD_US)
