"""Events ahead of their time: a clock that is wrong, or somebody who wants to move the stream's."""

from __future__ import annotations

from models.errors import MalformedEvent


def refuse_future(time_us: int, arrived_us: int, most_us: int) -> None:
    """Refuse an event that happens too far ahead of its arrival, all in microseconds.

    >>> refuse_future(10, 5, 5)
    >>> refuse_future(4_000_000, 0, 1_000_000)
    Traceback (most recent call last):
    models.errors.MalformedEvent: future_time: time is 4 s ahead of arrival, expected at most 1 s
    """
    ahead_us = time_us - arrived_us
    if ahead_us > most_us:
        raise MalformedEvent(
            "future_time",
            f"time is {ahead_us / 1e6:.0f} s ahead of arrival, "
            f"expected at most {most_us / 1e6:.0f} s",
        )
