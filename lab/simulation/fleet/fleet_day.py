"""Tools of planters: play an ordinary session, change it, or append events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from lab.simulation.fleet.calendar import weekday
from lab.simulation.fleet.session_generator import Played, SessionSpec, play
from lab.simulation.fleet.world.draw import unit
from lab.simulation.fleet.world.roles import all_roles
from lab.simulation.fleet.world.words import FOREIGN, ITEMS
from models.event import Event, Network, Resource, Volume, instant
from models.units import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.config import SimulationConfig
    from lab.simulation.fleet.personas import Persona
    from lab.simulation.fleet.working_days import WorkingConditions
    from lab.simulation.sample.world.roles import Task, Tool

change = msgspec.structs.replace
_NUMBERS = 1_000_000
_HELPERS_FROM = 400
_FAVOURITES = 4


class FleetDay:
    """The fleet on one day, as input of a planter.

    Parameters
    ----------
    config
        Configuration of the simulation.
    fleet
        The agents.
    conditions
        Gives the working conditions of an agent on a day.
    rng
        Random source of sessions.
    day
        The current day.
    factors
        Factor on the work of each agent today; 0: absent.
    """

    def __init__(
        self,
        config: SimulationConfig,
        fleet: list[Persona],
        conditions: Callable[[int, int], WorkingConditions],
        rng: Random,
        day: int,
        factors: Mapping[int, float],
    ) -> None:
        self.config, self.fleet, self.day = config, fleet, day
        self._factors = factors
        self.midnight_us = config.start_us + day * 24 * HOUR_US
        self._conditions, self._rng = conditions, rng

    def works(self) -> bool:
        """Return whether today is a workday."""
        return weekday(self.midnight_us) < 5

    def there(self, index: int) -> bool:
        """Return whether an agent acts today."""
        return self._factors.get(index, 1.0) > 0

    def draw(self, case: Case, *numbers: int) -> float:
        """Draw from [0, 1) for a case and a day."""
        return unit(case.key, self.day, *numbers)

    def spec(
        self,
        case: Case,
        number: int = 0,
        *,
        index: int | None = None,
        hour: float | None = None,
        **changes: Any,
    ) -> SessionSpec:
        """Give an ordinary session of the agent for today.

        Parameters
        ----------
        number
            Distinguishes the sessions of one case and day.
        index
            Number of another agent than that of the case.
        hour
            Start hour; by default a random time between 09:30 and 16:00.
        changes
            Attributes of the session to replace.
        """
        who = case.index if index is None else index
        conditions = self._conditions(who, self.day)
        if hour is None:
            hour = 9.5 + 6.5 * self.draw(case, number, 1)
        spec = SessionSpec(
            persona=self.fleet[who],
            agent=conditions.agent,
            day=self.day,
            number=_NUMBERS + case.key % _NUMBERS * 64 + number,
            start_us=self.midnight_us + int(hour * HOUR_US),
            task=conditions.tasks[int(self.draw(case, number, 2) * len(conditions.tasks))],
            released=conditions.released,
            smooth=True,
        )
        for name, value in changes.items():
            setattr(spec, name, value)
        return spec

    def play(self, spec: SessionSpec) -> Played:
        """Give the events of a session."""
        return play(spec, self._rng)

    def helpers(self, case: Case, count: int) -> list[int]:
        """Give other agents with lower numbers, independent of the fleet's size.

        Agents of the same peer group are first.
        """
        low = max(0, case.index - _HELPERS_FROM)
        mine = self.fleet[case.index].group
        near = sorted(
            (n for n in range(low, case.index) if self.there(n)),
            key=lambda n: (self.fleet[n].group != mine, unit(case.key, n)),
        )
        return near[:count]


def add(spec: SessionSpec, played: Played, tool: Tool, gap_s: float = 4.0, **changes: Any) -> Event:
    """Append a call to a session, with the constants of the tool as arguments.

    Parameters
    ----------
    spec
        Session whose persona defines the agent's frequent resources.
    played
        The session; the call is appended.
    tool
        The called tool.
    gap_s
        Seconds after the previous call.
    changes
        Fields of the event to replace.
    """
    before_us, before = played[-1]
    at_us = before_us + int(gap_s * 1_000_000)
    constants = {key: slot[1:] for key, slot in tool.arguments if slot[0] == "="}
    event = change(
        before,
        id=f"{before.session}-{len(played):02d}",
        time=instant(at_us),
        tool=tool.name,
        operation=tool.operation,
        arguments=constants or None,
        argument_origins={key: [(value, ["system"])] for key, value in constants.items()} or None,
        resource=own_resource(spec, tool, len(played)),
        network=_network_to(before.network, tool.destination),
        volume=_typical_volume(tool, spec.persona.size),
        outcome="ok",
        duration_ms=float(tool.milliseconds),
    )
    event = change(event, **changes) if changes else event
    played.append((at_us, event))
    return event


def own_resource(spec: SessionSpec, tool: Tool, number: int) -> Resource:
    """Give one of the agent's most frequent resources of a tool; any for a foreign tool."""
    known = spec.persona.world.resources.get(tool.name)
    if known is None:
        item = ITEMS[(spec.persona.key + number % 2) % len(ITEMS)]
        return change(tool.resource, id=f"{tool.resource.id}/{item}", type="collection")
    return known[(spec.persona.offset + number % _FAVOURITES) % len(known)]


def _typical_volume(tool: Tool, size: float) -> Volume:
    return Volume(
        bytes_in=int(tool.bytes_in * size) or None,
        bytes_out=int(tool.bytes_out * size) or None,
        records=int((tool.records or 0) * size) or None,
    )


def _network_to(network: Network | None, destination: str | None) -> Network | None:
    return None if network is None else change(network, destination=destination)


def familiar(
    spec: SessionSpec,
    draw: float,
    fits: Callable[[Tool], bool] = lambda tool: tool.operation == "read",
) -> Tool:
    """Give a tool of the agent's ordinary tasks; by default a reading one."""
    habit = spec.persona.world.habits[spec.persona.habit]
    everyday: dict[str, Tool] = {}
    for task in habit:
        for call in task.calls:
            if not call.optional and not call.tool.release:
                everyday.setdefault(call.tool.name, call.tool)
    fitting = [tool for tool in everyday.values() if fits(tool)] or list(everyday.values())
    return fitting[int(draw * len(fitting))]


def foreign_tool(spec: SessionSpec, draw: float) -> Tool:
    """Give a tool of another role that the agent's role lacks."""
    own = spec.persona.world.role.tools
    others = [
        tool
        for role in all_roles().values()
        for tool in role.tools.values()
        if tool.name not in own and tool.operation != "execute"
    ]
    return others[int(draw * len(others))]


def foreign_resource(key: int, part: str = "current") -> Resource:
    """Give a restricted resource of no role."""
    domain, collection = FOREIGN[key % len(FOREIGN)]
    name = ITEMS[key // 11 % len(ITEMS)]
    return Resource(
        id=f"{domain}/{collection}-{name}/{part}", type="collection", domain=domain,
        sensitivity="restricted",
    )  # fmt: skip


def other_task(spec: SessionSpec, draw: float) -> Task:
    """Give the task of the role with the least overlap in tools.

    It uses at least one tool that the current task never uses.
    """
    own = {call.tool.name for call in spec.task.calls}
    missing = own | {spec.without}
    tasks = {
        task.name: task
        for task in spec.persona.world.role.tasks
        if task.mode == spec.task.mode
        and any(
            call.tool.name not in missing
            and call.tool.release <= spec.released
            and not call.optional
            for call in task.calls
        )
    }
    minimum = sorted(
        tasks.values(),
        key=lambda task: len(own & {call.tool.name for call in task.calls}) / len(task.calls),
    )
    return minimum[int(draw * min(2, len(minimum)))]
