"""Plans of all days of a simulation: absences, attacks, and working conditions."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING

from lab.simulation.fleet.novelties import NOVELTIES
from lab.simulation.fleet.schedule import GroupNovelties, attacks, novelties
from lab.simulation.fleet.working_days import QUIET, WorkingConditions, conditions, ordinary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.config import SimulationConfig
    from lab.simulation.fleet.personas import Persona

SILENT = "telemetry.gap"


class Plans:
    """All cases of a simulation, by day and by agent.

    Parameters
    ----------
    config
        Configuration of the simulation.
    fleet
        The agents, in order of their numbers.

    Attributes
    ----------
    attacks, begin
        By day: running attacks, and novelties of single agents that begin with a separate session.
    """

    def __init__(self, config: SimulationConfig, fleet: Sequence[Persona]) -> None:
        self._last = config.days - 1
        self._fleet = fleet
        self._group = GroupNovelties(config)
        self.attacks: dict[int, list[Case]] = defaultdict(list)
        self.begin: dict[int, list[Case]] = defaultdict(list)
        self._ending: dict[int, list[Case]] = defaultdict(list)
        self._quiet_days: dict[int, list[Case]] = defaultdict(list)
        self._joining: list[Case] = []
        planned = list(attacks(config, fleet))
        for case in planned:
            self._ending[case.last_day].append(case)
            for day in range(case.first_day, case.last_day + 1):
                self.attacks[day].append(case)
        self._novelties = novelties(config, fleet, {case.index: case for case in planned})
        for cases in self._novelties.values():
            for case in cases:
                self._add(case)
        self._today = -1
        self._conditions: dict[int, WorkingConditions] = {}

    def _add(self, case: Case) -> None:
        self._ending[min(case.last_day, self._last)].append(case)
        begins = NOVELTIES[case.type].begins
        if begins == "agent":
            self._joining.append(case)
        elif begins == "absence":
            for day in range(case.first_day, case.last_day + 1):
                self._quiet_days[day].append(case)
        elif begins == "session":
            self.begin[case.first_day].append(case)

    def factors(self, day: int) -> dict[int, float]:
        """Give the factor on the work of each agent that deviates on a day."""
        found = {case.index: QUIET for case in self._quiet_days.get(day, ())}
        found |= {case.index: 0.0 for case in self._joining if day < case.first_day}
        return found | dict.fromkeys(self.silent(day), 0.0)

    def silent(self, day: int) -> set[int]:
        """Give the agents that act on a day without reporting."""
        return {case.index for case in self.attacks.get(day, ()) if case.type == SILENT}

    def conditions(self, index: int, day: int) -> WorkingConditions:
        """Give the working conditions of an agent on a day."""
        if day != self._today:
            self._today = day
            self._conditions.clear()
        known = self._conditions.get(index)
        if known is None:
            one = self._fleet[index]
            cases = self._novelties.get(index, []) + self._group.cases(one, day)
            known = self._conditions[index] = (
                conditions(one, cases, day) if cases else ordinary(one)
            )
        return known

    def deployed(self, day: int) -> Iterator[Persona]:
        """Give the agents that get a new version on a day."""
        own = {case.index for case in self.begin.get(day, ()) if case.type == "deployment"}
        for one in self._fleet:
            if one.index in own or self._group.begins(one, day):
                yield one

    def over(self, day: int) -> list[Case]:
        """Give the cases that end on a day and have events."""
        ended = self._ending.pop(day, [])
        ended += self._group.over(sys.maxsize if day == self._last else day)
        return [case for case in ended if case.found]
