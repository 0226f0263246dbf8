"""Rates: on how many agent-days honest work brings a series to so many bits.

A series is one detector, one family of detectors, or the combination of all. Its rate is estimated
from day maxima, from general to specific: fleet, role, agent. Each level is a gamma-Poisson
estimate whose prior is the level above (Robbins 1956; Clayton and Kaldor 1987). The prior weighs in
*events*: ``(n + c) / (days + c / prior)``. So it takes ``1 / prior`` days to be overruled.
"""

from __future__ import annotations

from functools import partial
from math import exp2, log, log2
from typing import TYPE_CHECKING, Literal

from models.calibration.day_maxima import BIN_BITS, BINS, UNIT, DayMaxima, block_of
from models.calibration.pools import Pool, shrunk, tail_of
from models.calibration.rate_tables import RateTables
from models.constants import (
    AGENT_EVENTS,
    FLEET_EVENTS,
    HALF_LIFE_DAYS,
    RARE_AFTER_DAYS,
    RARE_BITS,
    ROLE_EVENTS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from models.calibration.series import Series

LN2 = log(2.0)
Kind = Literal["role", "state"]


class Rates:
    """Rarity of the bits of each series, for one agent, from published tables.

    Parameters
    ----------
    series
        The calibrated series.
    half_life
        Days in which the counts halve.

    Examples
    --------
    >>> from models.calibration.series import Series
    >>> calls = Series("calls", "breadth")
    >>> rates, own = Rates([calls]), DayMaxima()
    >>> for day in range(400):
    ...     rates.close(day // 10, "clerk", None, own, {calls.id: 9.0 if day % 100 == 0 else 2.0})
    >>> rates.publish(40)
    >>> [round(rates.rarity(None, "clerk", None, calls.id, bits), 1) for bits in (2.0, 9.0, 12.0)]
    [0.0, 5.4, 6.3]
    """

    def __init__(self, series: Sequence[Series], half_life: int = HALF_LIFE_DAYS) -> None:
        self.series = {one.id: one for one in series}
        self.half_life = half_life
        self.tables = RateTables.empty(half_life)
        self.pending = RateTables.empty(half_life)
        self.day = 0
        self._clip_bits = RARE_BITS
        self._fleet: dict[int, list[float]] = {}
        self._pools: dict[tuple[Kind, str, int], Pool] = {}
        self._rare: dict[int, int] = {}
        self._derive()

    # ------------------------------------------------------------------ learning

    def close(
        self,
        day: int,
        role: str | None,
        state: str | None,
        own: DayMaxima | None,
        maxima: Mapping[int, float],
    ) -> None:
        """Count an agent-day that is over; others see it at the next `publish`.

        Parameters
        ----------
        day
            Day since 1970.
        role
            Role of the agent; None counts the day for the fleet alone.
        state
            Special state of the agent on this day; None for none.
        own
            The agent's own table, which takes the day at once and in full; None for none.
        maxima
            Series -> highest bits of the day.
        """
        if state is not None:
            rare = {one: self._rare_in_state(state, one) * BIN_BITS for one in maxima}
            clipped = {one: min(bits, rare[one]) for one, bits in maxima.items()}
            self.pending.of_state(state).add(day, clipped)
            return
        if own is not None:
            own.add(day, maxima)
        clipped = {
            one: min(bits, self._rare.get(one, BINS - 1) * BIN_BITS) for one, bits in maxima.items()
        }
        self.pending.fleet.add(day, clipped)
        if role is not None:
            self.pending.of_role(role).add(day, clipped)

    def count_case(self, day: int, maxima: Mapping[int, float]) -> None:
        """Count what a case brought on a day that is over, beside `close`.

        An undecided case is an attack or honest work. It counts for the fleet alone, and all of
        them together for one agent-day in ``2 ** RARE_BITS`` at most: an attack that comes every
        day stays rare.

        Parameters
        ----------
        day
            Day since 1970.
        maxima
            Series -> highest bits of the day.
        """
        if maxima:
            self.pending.cases.add(day, maxima)

    def apply(self, pending: RateTables, day: int, clip_bits: float = RARE_BITS) -> None:
        """Make pending days count, of this or another shard, as of a day since 1970.

        Parameters
        ----------
        clip_bits
            Rarity up to which the days that follow count for others.
        """
        same_block = block_of(day, self.half_life) == block_of(self.day, self.half_life)
        self.day = day
        changed = bool(pending) or not same_block or clip_bits != self._clip_bits
        self._clip_bits = clip_bits
        if pending:
            self.tables.merge(pending)
        if changed:
            self._derive()

    def publish(self, day: int, clip_bits: float = RARE_BITS) -> None:
        """Make the own pending days count, as of a day since 1970."""
        pending, self.pending = self.pending, RateTables.empty(self.half_life)
        self.apply(pending, day, clip_bits)

    def load(self, tables: RateTables, day: int, clip_bits: float = RARE_BITS) -> None:
        """Replace the published tables, as of a day since 1970."""
        self.tables, self.day, self._clip_bits = tables, day, clip_bits
        self._derive()

    def _derive(self) -> None:
        """Compute the fleet's rates by bin; those of pools follow when asked for."""
        self._pools.clear()
        passed, _ = self.tables.fleet.weights(block_of(self.day, self.half_life))
        for number, one in self.series.items():
            days = _days(self.tables.fleet, one, passed)
            rates = self._fleet[number] = self._fleet_rates(number, one, passed, days)
            self._rare[number] = self._first_rare(rates, days)

    def _rare_in_state(self, state: str, series: int) -> int:
        """Give the first bin that is rare among days in a special state."""
        pool = self._pool("state", state, series) if series in self.series else None
        return BINS - 1 if pool is None else pool.clip

    def _first_rare(self, rates: Iterable[float], days: float) -> int:
        """Give the first bin from which on days count for others no further."""
        if days < RARE_AFTER_DAYS:
            return BINS - 1
        return next(
            (at for at, rate in enumerate(rates) if -log2(min(rate, 1.0)) >= self._clip_bits),
            BINS - 1,
        )

    def _fleet_rates(self, number: int, series: Series, passed: int, days: float) -> list[float]:
        """Give the rate of each bin: counted, beyond the `TAIL_DAYS` highest days extrapolated.

        The tail begins as an exponential with the mean excess, at most a bit per bit. It falls
        ever more slowly, as a generalised Pareto distribution does.
        """
        counts = self._counts(number, passed, days)
        rates = []
        for place in range(BINS):
            declared = min(1.0, series.tests * exp2(-series.declared * place * BIN_BITS))
            rates.append(min(shrunk(counts[place], days, declared, FLEET_EVENTS), 1.0))
        start = tail_of(counts)
        if start:
            excess = sum(counts[start + 1 :]) * BIN_BITS / counts[start]
            slope = max(excess * LN2, 1.0)
            for place in range(start + 1, BINS):
                steps = (place - start) * BIN_BITS / slope
                beyond = series.tail_bits * log2(1.0 + LN2 * steps / series.tail_bits)
                rates[place] = rates[start] * exp2(-beyond)
        return rates

    def _counts(self, number: int, passed: int, days: float) -> list[float]:
        """Give the agent-days of the fleet at or above each bin, with those of cases."""
        counts = self.tables.fleet.reaching(number, passed)
        passed, _ = self.tables.cases.weights(block_of(self.day, self.half_life))
        of_cases = self.tables.cases.reaching(number, passed)
        if of_cases[1]:
            weight = min(1.0, days * exp2(-RARE_BITS) / of_cases[1])
            for place in range(1, BINS):
                counts[place] += weight * of_cases[place]
        return counts

    # ------------------------------------------------------------------ reading

    def rarity(
        self, own: DayMaxima | None, role: str | None, state: str | None, series: int, bits: float
    ) -> float:
        """Give ``-log2`` of the agent-days on which the series reaches so many bits.

        Between two bins it is interpolated.

        Parameters
        ----------
        own
            The agent's own table; None for an agent without one.
        role
            Role of the agent; None for what is known of the fleet alone.
        state
            Special state of the agent; None for none.
        series
            Number of the series.

        Returns
        -------
        float
            Bits, 0 or more; higher is rarer. Never falls with `bits`.
        """
        if bits <= 0.0:
            return 0.0
        cells = bits / BIN_BITS
        place = min(int(cells), BINS - 1)
        low = self._at(own, role, state, series, place)
        if place == BINS - 1:
            return low
        high = self._at(own, role, state, series, place + 1)
        return low + (cells - place) * (high - low)

    def _at(
        self, own: DayMaxima | None, role: str | None, state: str | None, series: int, place: int
    ) -> float:
        """Give the rarity of a bin."""
        if not place:
            return 0.0
        pool = self._pool("state", state, series)
        prior = partial(self._ordinary, own, role, series)
        rate = (
            prior(place) if pool is None else pool.rate(place, partial(pool.of_all, prior), prior)
        )
        return -log2(min(rate, 1.0))

    def _ordinary(self, own: DayMaxima | None, role: str | None, series: int, place: int) -> float:
        """Give the rate of a bin for an agent in no special state."""
        fleet, one = self._fleet[series], self.series[series]
        rate, days, passed = fleet[place], 0.0, 0
        if own is not None:
            passed, _ = own.weights(block_of(self.day, self.half_life))
            days = _days(own, one, passed)
        pool = self._pool("role", role, series)
        if pool is not None:
            reaching = pool.reaching
            days_of_others = max(pool.days - days, 0.0)

            def counted(at: int) -> float:
                of_own = 0.0 if own is None else own.reached(series, at, passed)
                others = max(reaching[at] - of_own, 0.0)
                return shrunk(others, days_of_others, fleet[at], ROLE_EVENTS)

            rate = pool.rate(place, counted, fleet.__getitem__)
        count = 0.0 if own is None else own.reached(series, place, passed)
        return shrunk(count, days, rate, AGENT_EVENTS)

    @property
    def known_days(self) -> int:
        """Agent-days that the rates are estimated from."""
        return self.tables.fleet.weights(block_of(self.day, self.half_life))[1] // UNIT

    def _pool(self, kind: Kind, name: str | None, series: int) -> Pool | None:
        """Give the days of a role or of a special state; None where there are none."""
        if name is None:
            return None
        key = (kind, name, series)
        found = self._pools.get(key)
        if found is None:
            table = (self.tables.roles if kind == "role" else self.tables.states).get(name)
            if table is None:
                return None
            found = self._pools[key] = self._counted(kind, table, series)
        return found

    def _counted(self, kind: Kind, table: DayMaxima, series: int) -> Pool:
        passed, _ = table.weights(block_of(self.day, self.half_life))
        reaching = table.reaching(series, passed)
        days = _days(table, self.series[series], passed)
        pool = Pool(reaching, days, self._rare[series], tail_of(reaching))
        if kind == "role":  # its days are clipped as those of the fleet
            return pool
        counted = map(partial(pool.of_all, self._fleet[series].__getitem__), range(BINS))
        return pool._replace(clip=self._first_rare(counted, days))


def _days(table: DayMaxima, series: Series, passed: int) -> float:
    """Give the agent-days that a series could have reached its bits on."""
    if series.exposure:
        return table.reached(series.exposure, 1, passed)
    return (table.days >> passed) / UNIT
