"""What the days of one simulation bring: who is away, who is attacked, who works how."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING

from lab.simulation.fleet.schedule import GroupNews, attacks, news
from lab.simulation.fleet.working_days import QUIET, Ways, ordinary, ways

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
        Of the simulation.
    fleet
        Its agents, in order of their numbers.

    Attributes
    ----------
    attacks, begin
        By day: attacks under way, and news of single agents that begins with a session of its own.
    """

    def __init__(self, config: SimulationConfig, fleet: Sequence[Persona]) -> None:
        self._last = config.days - 1
        self._fleet = fleet
        self._group = GroupNews(config)
        self.attacks: dict[int, list[Case]] = defaultdict(list)
        self.begin: dict[int, list[Case]] = defaultdict(list)
        self._ending: dict[int, list[Case]] = defaultdict(list)
        self._away: dict[int, list[Case]] = defaultdict(list)
        self._joining: list[Case] = []
        planned = list(attacks(config, fleet))
        for case in planned:
            self._ending[case.last_day].append(case)
            for day in range(case.first_day, case.last_day + 1):
                self.attacks[day].append(case)
        self._news = news(config, fleet, {case.index: case for case in planned})
        for cases in self._news.values():
            for case in cases:
                self._add(case)
        self._today = -1
        self._ways: dict[int, Ways] = {}

    def _add(self, case: Case) -> None:
        self._ending[min(case.last_day, self._last)].append(case)
        if case.type == "new_agent":
            self._joining.append(case)
        elif case.type == "holiday":
            for day in range(case.first_day, case.last_day + 1):
                self._away[day].append(case)
        elif case.type in ("deployment", "first_use"):
            self.begin[case.first_day].append(case)

    def factors(self, day: int) -> dict[int, float]:
        """Say whose work is more or less than usual on a day, and by how much."""
        found = {case.index: QUIET for case in self._away.get(day, ())}
        found |= {case.index: 0.0 for case in self._joining if day < case.first_day}
        return found | dict.fromkeys(self.silent(day), 0.0)

    def silent(self, day: int) -> set[int]:
        """Say who acts on a day and reports nothing of it."""
        return {case.index for case in self.attacks.get(day, ()) if case.type == SILENT}

    def ways(self, index: int, day: int) -> Ways:
        """Say how an agent works on a day."""
        if day != self._today:
            self._today = day
            self._ways.clear()
        known = self._ways.get(index)
        if known is None:
            one = self._fleet[index]
            cases = self._news.get(index, []) + self._group.cases(one, day)
            known = self._ways[index] = ways(one, cases, day) if cases else ordinary(one)
        return known

    def deployed(self, day: int) -> Iterator[Persona]:
        """Give the agents that a new version comes to on a day."""
        own = {case.index for case in self.begin.get(day, ()) if case.type == "deployment"}
        for one in self._fleet:
            if one.index in own or self._group.begins(one, day):
                yield one

    def over(self, day: int) -> list[Case]:
        """Give the cases that end with a day and have shown."""
        ended = self._ending.pop(day, [])
        ended += self._group.over(sys.maxsize if day == self._last else day)
        return [case for case in ended if case.found]
