"""Pools: agent-days of a role or of a special state, and the rates that follow from counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from models.calibration.day_maxima import BINS
from models.constants import AGENT_EVENTS, MAX_PRIOR_DAYS, TAIL_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Pool(NamedTuple):
    """Agent-days of a role or of a special state.

    Attributes
    ----------
    reaching
        Those at or above each bin.
    days
        Those that the series could have reached its bits on.
    clip
        First bin that is rare. Days that are rarer are counted there.
    tail
        Highest bin that `TAIL_DAYS` of the days have reached; 0 for none.
    """

    reaching: list[float]
    days: float
    clip: int
    tail: int

    def of_all(self, prior: Callable[[int], float], place: int) -> float:
        """Give the rate of a bin from the counts of all days, shrunk towards a prior."""
        return shrunk(self.reaching[place], self.days, prior(place), AGENT_EVENTS)

    def rate(
        self, place: int, counted: Callable[[int], float], prior: Callable[[int], float]
    ) -> float:
        """Give the rate of a bin; never rises with the bin.

        Above the clip nothing is counted. There the pool continues as the level above does, from
        the highest bin that `TAIL_DAYS` of its days have reached. What fewer days have reached
        raises no bar.

        Parameters
        ----------
        counted
            Bin -> rate from the counts of the pool.
        prior
            Bin -> rate of the level above.
        """
        edge, tail = max(self.clip, self.tail), self.tail
        if place <= edge or not tail:
            return counted(place)
        return min(counted(edge), counted(tail) * (prior(place) / prior(tail)))


def shrunk(count: float, days: float, prior: float, events: float) -> float:
    """Estimate a rate from a count of days, shrunk towards a prior rate.

    Parameters
    ----------
    count, days
        Agent-days that reached the bits, and all agent-days.
    prior
        Rate of the level above.
    events
        Weight of the prior in events, each of them at most `MAX_PRIOR_DAYS` agent-days.

    Examples
    --------
    >>> round(shrunk(0, 30, 0.001, 1.0), 5), round(shrunk(3, 30, 0.001, 1.0), 5)
    (0.00097, 0.00388)
    """
    weight = events * min(1.0 / prior, MAX_PRIOR_DAYS)
    return (count + prior * weight) / (days + weight)


def tail_of(reaching: Sequence[float]) -> int:
    """Give the highest bin that `TAIL_DAYS` agent-days have reached; 0 for none."""
    return max((place for place in range(1, BINS) if reaching[place] >= TAIL_DAYS), default=0)
