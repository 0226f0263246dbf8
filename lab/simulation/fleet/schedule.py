"""Schedule of attacks and benign novelties."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from lab.simulation.fleet.attacks import PLANTERS
from lab.simulation.fleet.calendar import month_end, weekday
from lab.simulation.fleet.cases import Case
from lab.simulation.fleet.novelties import NOVELTIES
from lab.simulation.fleet.working_days import fresh_resource, newcomer, tool_kept_for
from lab.simulation.fleet.world.draw import mix, unit, word
from lab.simulation.fleet.world.roles import MONTHLY
from models.event import Event, instant
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lab.simulation.fleet.attacks import Planter
    from lab.simulation.fleet.config import SimulationConfig
    from lab.simulation.fleet.personas import Persona

_FRESH_DAYS = 3
_MIN_DAYS = 7
_HELPED_FROM = 8
_ATTACKED, _NOVELTY, _WHEN = word("attacked"), word("news"), word("when")


def attacks(config: SimulationConfig, fleet: Sequence[Persona]) -> Iterator[Case]:
    """Plan the attacks: at most one per agent, with types evenly distributed."""
    used: Counter[str] = Counter()
    last = config.days - config.history_days
    for one in fleet:
        if last < 1 or unit(one.key, _ATTACKED) >= config.attacked:
            continue
        fitting = [
            planter
            for name in config.attacks
            if (planter := PLANTERS[name]).fits(one)
            and (not planter.helpers or one.index >= _HELPED_FROM)
        ]
        if not fitting:
            continue
        planter = min(fitting, key=lambda planter: used[planter.name])
        used[planter.name] += 1
        yield _attack(config, one, planter)


def _attack(config: SimulationConfig, one: Persona, planter: Planter) -> Case:
    days = min(planter.days, config.days - config.history_days)
    key = mix(one.key, _ATTACKED, word(planter.name))
    room = config.days - config.history_days - days + 1
    day = config.history_days + int(unit(key, _WHEN) * room)
    return Case(
        number=f"{planter.name}-{one.index:06d}",
        kind="attack",
        type=planter.name,
        index=one.index,
        agent_id=one.agent.id,
        first_day=_workday(config, day, days),
        days=days,
        key=key,
        cause=planter.cause,
        also=planter.also,
        what=planter.what,
    )


def _workday(config: SimulationConfig, day: int, days: int) -> int:
    """Move a day so that the case's days are workdays, later if possible."""
    within = range(config.history_days, config.days - days + 1)
    moves: list[int] = [*range(day, day + 5), *range(day - 1, day - 5, -1)]
    for moved in moves:
        start = weekday(config.start_us + moved * DAY_US)
        if moved in within and start + min(days, 5) <= 5:
            return moved
    return day


def novelties(
    config: SimulationConfig, fleet: Iterable[Persona], attacked: dict[int, Case]
) -> dict[int, list[Case]]:
    """Plan the benign novelties of single agents, never on days of an attack."""
    planned: dict[int, list[Case]] = defaultdict(list)
    types = [name for name, one in NOVELTIES.items() if one.agents and name in config.novelties]
    if config.days < _MIN_DAYS or not types:
        return {}
    expected = config.novelties_per_week * config.days / 7
    for one in fleet:
        count = int(expected + unit(one.key, _NOVELTY))
        first = int(unit(one.key, _NOVELTY, 1) * len(types))
        for n in range(min(count, len(types))):
            case = _own(config, one, types[(first + n) % len(types)])
            against = attacked.get(one.index)
            if against is None or _apart(case, against):
                planned[one.index].append(case)
    return dict(planned)


def _apart(case: Case, attack: Case) -> bool:
    before = case.first_day > attack.last_day + 1 and NOVELTIES[case.type].begins != "agent"
    return before or case.last_day < attack.first_day - 1


def _own(config: SimulationConfig, one: Persona, name: str) -> Case:
    key = mix(one.key, _NOVELTY, word(name))
    days = NOVELTIES[name].shown_days or 1 + key % 3
    room = max(1, config.days - 3 - days)
    day = min(3 + int(unit(key, _WHEN) * room), config.days - days)
    day = _early_in_week(config, day)
    return _benign(f"{name}-{one.index:06d}", one, name, day, days, key)


def _early_in_week(config: SimulationConfig, day: int) -> int:
    """Move back to Wednesday or earlier, so that workdays follow."""
    while weekday(config.start_us + day * DAY_US) > 2 and day > 0:
        day -= 1
    return day


def _benign(number: str, one: Persona, name: str, day: int, days: int, key: int) -> Case:
    case = Case(
        number=number, kind="benign", type=name, index=one.index, agent_id=one.agent.id,
        first_day=day, days=days, key=key, what=NOVELTIES[name].what,
    )  # fmt: skip
    case.shows = _shows(one, case)
    return case


def _shows(one: Persona, case: Case) -> Callable[[Event], bool]:
    """Return a predicate for ordinary events that show the novelty; by default all do."""
    if case.type == "new_colleague":
        person = newcomer(case)
        return lambda event: event.human == person
    if case.type == "first_use":
        tool = tool_kept_for(one, case)
        return lambda event: event.tool == tool
    if case.type == "new_resource":
        resource = fresh_resource(one)
        return lambda event: event.resource == resource
    return lambda _: True


class GroupNovelties:
    """Novelties of whole peer groups; cases are made for the days on which they show.

    Parameters
    ----------
    config
        Configuration of the simulation.
    """

    def __init__(self, config: SimulationConfig) -> None:
        self._config = config
        self._types = [
            name for name, one in NOVELTIES.items() if one.groups and name in config.novelties
        ]
        self._monthly = "month_end_peak" in config.novelties
        self._open: dict[str, Case] = {}
        self._days: dict[tuple[int, str], int] = {}

    def cases(self, one: Persona, day: int) -> list[Case]:
        """Give the novelties of an agent's group that have begun by a day."""
        found = []
        for name in self._types:
            first = self._first(one.group, name)
            if first <= day:
                key = mix(one.group, word(name))
                found.append(self._case(one, name, first, _FRESH_DAYS, key, day))
        if self._monthly and one.world.role.name in MONTHLY and self._closes(day):
            first, days = self._closing(day)
            found.append(self._case(one, "month_end_peak", first, days, one.key, day))
        return found

    def begins(self, one: Persona, day: int) -> bool:
        """Return whether an agent's group gets a new version on a day."""
        return "deployment" in self._types and self._first(one.group, "deployment") == day

    def _case(self, one: Persona, name: str, first: int, days: int, key: int, day: int) -> Case:
        number = f"{name}-group-{first:03d}-{one.index:06d}"
        known = self._open.get(number)
        if known is not None:
            return known
        case = _benign(number, one, name, first, days, key)
        if first <= day <= case.last_day:
            self._open[number] = case
        return case

    def _first(self, group: int, name: str) -> int:
        known = self._days.get((group, name))
        if known is None:
            config = self._config
            key = mix(group, _WHEN, word(name))
            room = config.days - config.history_days - _FRESH_DAYS
            known = config.days
            if config.days >= 2 * _MIN_DAYS and room > 0:
                known = _early_in_week(config, config.history_days + int(unit(key) * room))
            self._days[group, name] = known
        return known

    def _closes(self, day: int) -> bool:
        return month_end(self._config.start_us + day * DAY_US)

    def _closing(self, day: int) -> tuple[int, int]:
        """Give first day and length of the month-end closing that contains a day."""
        month = instant(self._config.start_us + day * DAY_US).month
        near = [
            one
            for one in range(max(0, day - 4), day + 5)
            if self._closes(one) and instant(self._config.start_us + one * DAY_US).month == month
        ]
        return near[0], near[-1] - near[0] + 1

    def over(self, day: int) -> list[Case]:
        """Remove and return the cases that end on a day."""
        done = [name for name, case in self._open.items() if case.last_day <= day]
        return [self._open.pop(name) for name in done]
