"""The stream: day by day, session by session, in order of time.

Memory holds the agents, the starts of one day, and running sessions, never all events.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from random import Random
from typing import TYPE_CHECKING

import msgspec

from lab.simulation.fleet.calendar import SCHEDULED, Calendar
from lab.simulation.fleet.extra import extra
from lab.simulation.fleet.fleet_day import FleetDay
from lab.simulation.fleet.personas import persona
from lab.simulation.fleet.plans import Plans
from lab.simulation.fleet.session_generator import Played, SessionSpec, play
from lab.simulation.fleet.world.draw import unit
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.simulation.fleet.cases import Truth
    from lab.simulation.fleet.config import SimulationConfig

PEAK = 1.8
"""Factor on the work of roles that close books, on the last two workdays of a month."""

_SORTED_EVERY_US = 120_000_000
_NEW_PERSON = 0.3


def simulate(
    config: SimulationConfig,
    on_truth: Callable[[Truth], None] | None = None,
    on_day: Callable[[int], None] | None = None,
) -> Iterator[bytes]:
    """Stream the events of a fleet in order of time, one JSON object without newline each.

    Parameters
    ----------
    config
        Equal configurations give equal bytes.
    on_truth
        Called with each planted case after its last day.
    on_day
        Called with each finished day.

    Raises
    ------
    ConfigError
        `config` is invalid.

    Examples
    --------
    >>> from lab.simulation.fleet import SimulationConfig
    >>> one = SimulationConfig(agents=4, days=2)
    >>> lines = list(simulate(one))
    >>> lines == list(simulate(one)), lines[0][:8]
    (True, b'{"id":"s')
    """
    simulation = _Simulation(config.validate())
    for day in range(config.days):
        yield from simulation.run(day)
        if on_truth is not None:
            for case in simulation.plans.over(day):
                on_truth(case.truth())
        if on_day is not None:
            on_day(day)
    yield from simulation.before(sys.maxsize)


class _Simulation:
    """A fleet with its plans and running sessions."""

    def __init__(self, config: SimulationConfig) -> None:
        self._config = config
        self._fleet = [persona(config.seed, index) for index in range(config.agents)]
        self.plans = Plans(config, self._fleet)
        peak = PEAK if "month_end_peak" in config.novelties else 1.0
        self._calendar = Calendar(self._fleet, config.activity, peak)
        self._rng = Random()  # noqa: S311 - made-up data; seeded for each session
        self._encode = msgspec.json.Encoder().encode
        self._waiting: list[tuple[int, str, bytes]] = []

    def run(self, day: int) -> Iterator[bytes]:
        """Give the events up to the last start of a day; later ones follow with the next day."""
        midnight_us = self._config.start_us + day * DAY_US
        factors = self.plans.factors(day)
        fleet_day = FleetDay(
            self._config, self._fleet, self.plans.conditions, self._rng, day, factors
        )
        beside = sorted(extra(fleet_day, self.plans), key=lambda played: played[0][0], reverse=True)
        sorted_us = midnight_us
        for start_us, index, number in self._calendar.starts(day, midnight_us, factors):
            while beside and beside[-1][0][0] <= start_us:
                self._take(beside.pop())
            if start_us - sorted_us > _SORTED_EVERY_US:
                yield from self.before(start_us)
                sorted_us = start_us
            self._take(self._ordinary(day, start_us, index, number))
        for played in reversed(beside):
            self._take(played)

    def before(self, end_us: int) -> Iterator[bytes]:
        """Give the events before a time, sorted; keep the others."""
        self._waiting.sort()
        count = bisect_left(self._waiting, end_us, key=lambda one: one[0])
        ready, self._waiting = self._waiting[:count], self._waiting[count:]
        for _, _, line in ready:
            yield line

    def _take(self, played: Played) -> None:
        encode = self._encode
        self._waiting += [(at_us, event.id, encode(event)) for at_us, event in played]

    def _ordinary(self, day: int, start_us: int, index: int, number: int) -> Played:
        """Play an ordinary session of an agent, and record the novelties that it shows."""
        one, today = self._fleet[index], self.plans.conditions(index, day)
        if number >= SCHEDULED:
            task = one.world.role.nightly[number - SCHEDULED]
        else:
            task = today.tasks[int(unit(one.key, day, number) * len(today.tasks))]
        spec = SessionSpec(
            persona=one,
            agent=today.agent,
            day=day,
            number=number,
            start_us=start_us,
            task=task,
            released=today.released,
            without=today.without,
            fresh=today.fresh,
        )
        asked = today.colleague is not None and number < SCHEDULED
        if asked and (number == 0 or unit(one.key, day, number, 1) < _NEW_PERSON):
            spec.human = today.colleague
        played = play(spec, self._rng)
        today.note(played)
        return played
