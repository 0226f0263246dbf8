"""Rates: on how many agent-days honest work brings a series to so many bits.

A series is one detector, one family of detectors, or the combination of all. Its rate is estimated
from day maxima, from general to specific: fleet, role, agent. Each level is a gamma-Poisson
estimate whose prior is the level above (Robbins 1956; Clayton and Kaldor 1987). The prior weighs in
*events*: ``(n + c) / (days + c / prior)``. So it takes ``1 / prior`` days to be overruled.
"""

from __future__ import annotations

from math import exp2, log, log2
from typing import TYPE_CHECKING

from msgspec import Struct, field

from models.calibration.day_maxima import (
    BIN_BITS,
    BINS,
    HALF_LIFE_DAYS,
    UNIT,
    DayMaxima,
    bin_of,
    block_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OF_FLEET, OF_ROLE, OF_AGENT = 1.0, 10.0, 1.0
"""Weight of the prior in events: declared -> fleet, fleet -> role, role -> agent."""
MAX_PRIOR_DAYS = 1_000.0
"""Most agent-days that one event of a prior weighs: a rate that is far too small is overruled."""
RARE_BITS = 7.0
"""Bits of rarity up to which a day counts for others: an attack must not raise their bar."""
RARE_AFTER_DAYS = 200
"""Agent-days of the fleet from which rarity is known well enough for that."""
TAIL_DAYS = 10.0
"""Agent-days above which the tail is extrapolated instead of counted."""


class Series(Struct, frozen=True):
    """One calibrated series.

    Attributes
    ----------
    declared
        How far its bits are believed before it has a history: the declared rate is
        ``2^(-declared * bits)`` agent-days.
    tail_bits
        Most bits of rarity beyond the `TAIL_DAYS` highest days.
    """

    name: str
    declared: float = 0.5
    tail_bits: float = 3.0


class RateTables(Struct):
    """Day maxima of the fleet, of each role, and of agents in a special state.

    Attributes
    ----------
    states
        Days of agents in their first week, and in the week after a deployment. Only these days
        judge an agent in this state, and they judge no other.
    """

    half_life: int = HALF_LIFE_DAYS
    fleet: DayMaxima = field(default_factory=DayMaxima)
    roles: dict[str, DayMaxima] = {}
    states: dict[str, DayMaxima] = {}

    @classmethod
    def empty(cls, half_life: int) -> RateTables:
        """Give tables without days, whose counts halve in blocks of so many days."""
        return cls(half_life, DayMaxima(half_life=half_life))

    def __bool__(self) -> bool:
        """Tell whether there are any days."""
        return bool(self.fleet.days or self.states)

    def of_role(self, role: str) -> DayMaxima:
        """Give the table of a role, to be changed."""
        return self.roles.setdefault(role, DayMaxima(half_life=self.half_life))

    def of_state(self, state: str) -> DayMaxima:
        """Give the table of a special state, to be changed."""
        return self.states.setdefault(state, DayMaxima(half_life=self.half_life))

    def merge(self, other: RateTables) -> None:
        """Add the tables of another shard."""
        self.fleet.merge(other.fleet)
        for role, table in other.roles.items():
            self.of_role(role).merge(table)
        for state, table in other.states.items():
            self.of_state(state).merge(table)


class Rates:
    """Rarity of the bits of each series, for one agent, from published tables.

    Parameters
    ----------
    series
        The calibrated series, in the order of their indices.
    half_life
        Days in which the counts halve.

    Examples
    --------
    >>> rates = Rates([Series("calls")])
    >>> own = DayMaxima()
    >>> for day in range(400):
    ...     rates.close(day // 10, "clerk", None, own, {0: 9.0 if day % 100 == 0 else 2.0})
    >>> rates.publish(40)
    >>> [round(rates.rarity(None, "clerk", None, 0, bits), 1) for bits in (2.0, 9.0, 12.0)]
    [0.0, 5.1, 5.6]
    """

    def __init__(self, series: Sequence[Series], half_life: int = HALF_LIFE_DAYS) -> None:
        self.series = tuple(series)
        self.half_life = half_life
        self.tables = RateTables.empty(half_life)
        self.pending = RateTables.empty(half_life)
        self._day = 0
        self._fleet: list[list[float]] = []
        self._roles: dict[tuple[str, int], list[float]] = {}
        self._rare: list[int] = []
        self._derive()

    # ------------------------------------------------------------------ learning

    def close(
        self,
        day: int,
        role: str,
        state: str | None,
        own: DayMaxima | None,
        maxima: Mapping[int, float],
    ) -> None:
        """Count an agent-day that is over; others see it at the next `publish`.

        Parameters
        ----------
        day
            Day since 1970.
        state
            Special state of the agent on this day; None for none.
        own
            The agent's own table, which takes the day at once and in full; None for none.
        maxima
            Series -> highest bits of the day.
        """
        if state is not None:
            self.pending.of_state(state).add(day, maxima)
            return
        if own is not None:
            own.add(day, maxima)
        clipped = {index: min(bits, self._rare[index] * BIN_BITS) for index, bits in maxima.items()}
        self.pending.fleet.add(day, clipped)
        self.pending.of_role(role).add(day, clipped)

    def apply(self, pending: RateTables, day: int) -> None:
        """Make pending days count, of this or another shard, as of a day since 1970."""
        same_block = block_of(day, self.half_life) == block_of(self._day, self.half_life)
        self._day = day
        if pending:
            self.tables.merge(pending)
        if pending or not same_block:
            self._derive()

    def publish(self, day: int) -> None:
        """Make the own pending days count, as of a day since 1970."""
        pending, self.pending = self.pending, RateTables.empty(self.half_life)
        self.apply(pending, day)

    def load(self, tables: RateTables, day: int) -> None:
        """Replace the published tables, as of a day since 1970."""
        self.tables, self._day = tables, day
        self._derive()

    def _derive(self) -> None:
        """Compute the fleet's rates by bin; those of roles follow when asked for."""
        self._roles.clear()
        passed, days = self.tables.fleet.weights(block_of(self._day, self.half_life))
        self._fleet = [
            self._fleet_rates(index, one, passed, days) for index, one in enumerate(self.series)
        ]
        known = days >= RARE_AFTER_DAYS * UNIT
        self._rare = [
            next((at for at, rate in enumerate(rates) if known and -log2(rate) >= RARE_BITS), BINS)
            for rates in self._fleet
        ]

    def _fleet_rates(self, index: int, series: Series, passed: int, days: int) -> list[float]:
        """Give the rate of each bin: counted, beyond the `TAIL_DAYS` highest days extrapolated.

        The tail is exponential with the mean excess. It gains at most a bit per bit.
        """
        counts = _reaching(self.tables.fleet, index, passed)
        whole = days / UNIT
        rates = []
        for place in range(BINS):
            declared = exp2(-series.declared * place * BIN_BITS)
            rates.append(min(shrunk(counts[place], whole, declared, OF_FLEET), 1.0))
        start = max((place for place in range(1, BINS) if counts[place] >= TAIL_DAYS), default=0)
        if start:
            excess = sum(counts[start + 1 :]) * BIN_BITS / counts[start]
            slope = max(excess * log(2.0), 1.0)
            for place in range(start + 1, BINS):
                beyond = min((place - start) * BIN_BITS / slope, series.tail_bits)
                rates[place] = rates[start] * exp2(-beyond)
        return rates

    # ------------------------------------------------------------------ reading

    def rarity(
        self, own: DayMaxima | None, role: str, state: str | None, index: int, bits: float
    ) -> float:
        """Give ``-log2`` of the agent-days on which the series reaches so many bits.

        Parameters
        ----------
        own
            The agent's own table; None for an agent without one.
        state
            Special state of the agent; None for none.

        Returns
        -------
        float
            Bits, 0 or more; higher is rarer. Never falls with `bits`.
        """
        place = bin_of(bits)
        if not place:
            return 0.0
        block = block_of(self._day, self.half_life)
        rate = self._fleet[index][place]
        count = days = 0.0
        if own is not None:
            passed, weight = own.weights(block)
            days = weight / UNIT
            count = _reached(own, index, place, passed)
        of_role = self.tables.roles.get(role)
        if of_role is not None:
            passed, weight = of_role.weights(block)
            others = max(self._reaching_role(role, index, passed)[place] - count, 0.0)
            rate = shrunk(others, max(weight / UNIT - days, 0.0), rate, OF_ROLE)
        rate = shrunk(count, days, rate, OF_AGENT)
        special = self.tables.states.get(state) if state is not None else None
        if special is not None:
            passed, weight = special.weights(block)
            reached = _reached(special, index, place, passed)
            rate = shrunk(reached, weight / UNIT, rate, OF_AGENT)
        return -log2(min(rate, 1.0))

    def _reaching_role(self, role: str, index: int, passed: int) -> list[float]:
        key = (role, index)
        found = self._roles.get(key)
        if found is None:
            found = self._roles[key] = _reaching(self.tables.roles[role], index, passed)
        return found


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


def _reaching(table: DayMaxima, index: int, passed: int) -> list[float]:
    """Give the agent-days at or above each bin."""
    counts = [0.0] * BINS
    total = 0
    first = index * BINS
    for place in range(BINS - 1, 0, -1):
        total += table.cells.get(first + place, 0) >> passed
        counts[place] = total / UNIT
    counts[0] = table.weights(table.block + passed)[1] / UNIT
    return counts


def _reached(table: DayMaxima, index: int, place: int, passed: int) -> float:
    """Give the agent-days at or above one bin."""
    first, last = index * BINS + place, (index + 1) * BINS
    return sum(n >> passed for cell, n in table.cells.items() if first <= cell < last) / UNIT
