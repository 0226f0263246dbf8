"""Which agents have been quiet for a day, so that their days are closed without a next event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.telemetry.last_seen import BUCKETS
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOT_US = DAY_US // BUCKETS
"""Each bucket of agents has its own time of the day, so that not all agents are read at once."""
QUIET_DAYS = 2
"""Days from the last activity of an agent to the day on which its days are closed."""


def buckets_due(before_us: int, until_us: int) -> Iterator[tuple[int, range]]:
    """Give the buckets whose time of the day has come, each with days of last activity.

    Parameters
    ----------
    before_us, until_us
        The watermark before and now.

    Examples
    --------
    >>> day = 20_000 * DAY_US
    >>> list(buckets_due(day + SLOT_US - 1, day + SLOT_US))
    [(1, range(19998, 19999))]
    >>> dict(buckets_due(day - 3 * DAY_US, day))[0], list(buckets_due(0, day))
    (range(19996, 19999), [])
    """
    first, last = before_us // SLOT_US + 1, until_us // SLOT_US
    if not before_us:
        return
    for slot in range(first, min(last, first + BUCKETS - 1) + 1):
        latest = slot + (last - slot) // BUCKETS * BUCKETS
        days = range(slot // BUCKETS - QUIET_DAYS, latest // BUCKETS - QUIET_DAYS + 1)
        yield slot % BUCKETS, days
