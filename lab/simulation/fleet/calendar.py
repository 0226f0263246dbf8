"""Calendar of agents: number and start times of sessions per day.

Counts are overdispersed: Poisson with a mean that varies from day to day. Hours follow the week of
the agent's region, and scheduled jobs have fixed times. One day of the whole fleet is drawn at
once, in arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lab.simulation.fleet.world.draw import GRID, NORMAL, counts, mix, unit, units, word
from lab.simulation.fleet.world.roles import MONTHLY
from models.event import instant
from models.units import DAY_US, HOUR_US

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from lab.simulation.fleet.personas import Persona

SCHEDULED = 500
"""Number of an agent's first scheduled session of a day; delegated sessions count from 0."""

_WEEKEND = 5
_BUSY = 0.45
"""Standard deviation of the logarithm of an agent's daily activity; causes overdispersion."""

_HOURS = (0, 0, 0, 0, 0, 0, 0.5, 3, 9, 12, 12, 10, 5, 9, 11, 11, 9, 6, 2, 0.6, 0, 0, 0, 0)
_WEEKEND_HOURS = (0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 6, 6, 4, 4, 5, 4, 3, 1, 0, 0, 0, 0, 0, 0)
_REGION_HOURS = (0, 0, 1, -1, 0, 2)
_ON_CALL = {"support-desk": 0.35, "cloud-operator": 0.3, "threat-analyst": 0.3}
_DAYS_OFF = 0.015
_COUNT, _LUCK, _START, _JITTER = (word(name) for name in ("count", "luck", "start", "jitter"))

Start = tuple[int, int, int]
"""Microseconds, number of the agent, number of the session within its day."""


def weekday(at_us: int) -> int:
    """Give the day of the week, 0 for Monday; 1970 began on a Thursday.

    >>> weekday(0)
    3
    """
    return (at_us // DAY_US + 3) % 7


def month_end(at_us: int) -> bool:
    """Whether a day is one of the last two workdays of its month.

    >>> from models.event import EPOCH
    >>> [day for day in range(31) if month_end(day * DAY_US)]
    [28, 29]
    """
    if weekday(at_us) >= _WEEKEND:
        return False
    month = instant(at_us).month
    left = 0
    for ahead in range(1, 7):
        later = at_us + ahead * DAY_US
        if instant(later).month != month:
            break
        left += weekday(later) < _WEEKEND
    return left < 2


class Calendar:
    """The starts of a fleet's sessions, day by day.

    Parameters
    ----------
    fleet
        The agents, in order of their numbers.
    activity
        Factor on the number of delegated sessions.
    peak
        Factor of the last two workdays of a month, for roles that close books.
    """

    def __init__(self, fleet: Sequence[Persona], activity: float, peak: float) -> None:
        roles = [one.world.role.name for one in fleet]
        self._keys = np.array([one.key for one in fleet], dtype=np.uint64)
        self._rates = np.array([one.rate * activity for one in fleet])
        self._weekend = np.array([_ON_CALL.get(role, _DAYS_OFF) for role in roles])
        self._monthly = np.array([role in MONTHLY for role in roles])
        self._shift_us = np.array(
            [_REGION_HOURS[one.world.region] * HOUR_US for one in fleet], dtype=np.int64
        )
        self._peak = peak
        self._normal = np.array(NORMAL)
        self._hours = (_quantiles(_HOURS), _quantiles(_WEEKEND_HOURS))
        self._jobs = _jobs(fleet)

    def starts(self, day: int, at_us: int, factors: Mapping[int, float]) -> Iterator[Start]:
        """Give the starts of a day in order of time.

        Parameters
        ----------
        day
            Number of the day within the simulation.
        at_us
            Its midnight.
        factors
            Factor on delegated work by agent; 0: no work that day.
        """
        weekend = weekday(at_us) >= _WEEKEND
        means = self._rates * (self._weekend if weekend else 1.0)
        if month_end(at_us):
            means = np.where(self._monthly, means * self._peak, means)
        for index, factor in factors.items():
            means[index] *= factor
        busy = units(mix(_COUNT, day), self._keys)
        means = means * np.exp(_BUSY * self._normal[(busy * GRID).astype(np.int64)])
        numbers = counts(means, units(mix(_LUCK, day), self._keys))
        agents = np.repeat(np.arange(len(numbers)), numbers)
        order = np.arange(len(agents)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
        tail = self._keys[agents] + order.astype(np.uint64)
        table = self._hours[weekend]
        draw = units(mix(_START, day), tail) * (len(table) - 1)
        times = at_us + self._shift_us[agents]
        times = times + np.interp(draw, np.arange(len(table)), table).astype(np.int64)
        return self._in_order(day, at_us, times, agents, order, factors)

    def _in_order(
        self,
        day: int,
        at_us: int,
        times: NDArray[np.int64],
        agents: NDArray[np.int64],
        order: NDArray[np.int64],
        factors: Mapping[int, float],
    ) -> Iterator[Start]:
        """Add the scheduled sessions and sort."""
        who, which, when = self._jobs
        late = units(mix(_JITTER, day), self._keys[who] + which.astype(np.uint64))
        jobs = at_us + when + (late * 180_000_000).astype(np.int64)
        silent = [index for index, factor in factors.items() if factor == 0]
        kept = ~np.isin(who, silent)
        times = np.concatenate([times, jobs[kept]])
        agents = np.concatenate([agents, who[kept]])
        order = np.concatenate([order, SCHEDULED + which[kept]])
        for part in np.array_split(np.lexsort((agents, times)), 1 + len(times) // 20_000):
            yield from zip(
                times[part].tolist(), agents[part].tolist(), order[part].tolist(), strict=True
            )


def _quantiles(weights: Sequence[float]) -> NDArray[np.float64]:
    """Give the time of day in microseconds at 256 quantiles of a day's work."""
    ends = np.concatenate([[0.0], np.cumsum(weights)]) / sum(weights)
    steps = np.linspace(0.0, 1.0, 257)
    busy = np.flatnonzero(weights)
    # Only busy hours count: hours without work have no quantiles.
    edges = np.unique(np.concatenate([busy, busy + 1]))
    found: NDArray[np.float64] = np.interp(steps, ends[edges], edges) * HOUR_US
    return found


def _jobs(
    fleet: Sequence[Persona],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Give agent, number and time of day of each scheduled session, between 00:40 and 05:40."""
    rows = [
        (index, which, int((0.67 + 5 * unit(one.key, _JITTER, which)) * HOUR_US))
        for index, one in enumerate(fleet)
        for which in range(len(one.world.role.nightly))
    ]
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 3)
    return table[:, 0], table[:, 1], table[:, 2]
