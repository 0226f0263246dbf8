"""Working hours: office hours with a lunch break, fixed night jobs, free weekends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.units import DAY_US, MINUTE_US

if TYPE_CHECKING:
    from random import Random

START_US = 1_791_158_400_000_000
"""2026-10-05T00:00:00Z, a Monday: start of every recording."""


def weekday(day: int) -> int:
    """Give the day of the week of day `day` of the recording, 0 for Monday."""
    return day % 7


def day_us(day: int) -> int:
    """Give the midnight at the start of day `day` of the recording.

    >>> from models.event import rfc3339
    >>> rfc3339(day_us(14))
    '2026-10-19T00:00:00.000000Z'
    """
    return START_US + day * DAY_US


def office_starts(
    rng: Random, day: int, sessions: int, first_h: float = 8.0, last_h: float = 17.5
) -> list[int]:
    """Spread sessions over a working day so that they do not overlap.

    Parameters
    ----------
    rng
        Random source of the jitter.
    day
        Day of the recording.
    sessions
        Largest number of sessions; a session in the lunch break is often left out.
    first_h, last_h
        First and last hour of session starts.

    Returns
    -------
    list of int
        Starts in microseconds, ascending, whole seconds.
    """
    slot_s = int((last_h - first_h) * 3_600 / max(sessions, 1))
    starts = []
    for n in range(sessions):
        at_s = int(first_h * 3_600) + int((n + 0.6 * rng.random()) * slot_s)
        lunch = 12 * 3_600 <= at_s < 13 * 3_600
        if not (lunch and rng.random() < 0.6):
            starts.append(day_us(day) + at_s * 1_000_000)
    return starts


def night_starts(rng: Random, day: int, jobs: int) -> list[int]:
    """Give the starts of the scheduled jobs: 01:10, 02:00, 02:50 … with some seconds of delay."""
    return [
        day_us(day) + (70 + 50 * n) * MINUTE_US + int(90 * rng.random()) * 1_000_000
        for n in range(jobs)
    ]
