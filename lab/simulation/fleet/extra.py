"""Additional sessions: attacks, deployments, and forced first uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulation.fleet.attacks import PLANTERS
from lab.simulation.fleet.fleet_day import change
from lab.simulation.fleet.working_days import FIRST_RELEASE, tool_kept_for
from lab.simulation.fleet.world.draw import unit
from models.event import Event, instant
from models.units import MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.fleet_day import FleetDay
    from lab.simulation.fleet.personas import Persona
    from lab.simulation.fleet.plans import Plans
    from lab.simulation.fleet.session_generator import Played

_FORCED = 900


def extra(fleet_day: FleetDay, plans: Plans) -> Iterator[Played]:
    """Play a day's additional sessions, and record their cases."""
    for case in plans.attacks.get(fleet_day.day, ()):
        yield from _attack(fleet_day, case)
    for case in plans.begin.get(fleet_day.day, ()):
        if case.type == "first_use":
            yield _first_use(fleet_day, plans, case)
    silent = plans.silent(fleet_day.day)
    for one in plans.deployed(fleet_day.day):
        # A deployment is announced even if the agent reports nothing.
        if fleet_day.there(one.index) or one.index in silent:
            yield _rollout(fleet_day, plans, one)


def _attack(fleet_day: FleetDay, case: Case) -> Iterator[Played]:
    for played, wrong in PLANTERS[case.type].act(fleet_day, case):
        names = {event.id for event in wrong}
        for at_us, event in played:
            if event.id in names:
                case.note(at_us, event)
            else:
                case.around.append(event.id)
        yield played


def _rollout(fleet_day: FleetDay, plans: Plans, one: Persona) -> Played:
    """Announce a new version, before the first scheduled work of the day."""
    today = plans.conditions(one.index, fleet_day.day)
    at_us = fleet_day.midnight_us + int((3 + 30 * unit(one.key, fleet_day.day)) * MINUTE_US)
    notes = {"change": f"CHG-{one.group % 100_000}-{fleet_day.day}"}
    if today.agent.version == FIRST_RELEASE:
        added = (tool.name for tool in one.world.role.tools.values() if tool.release)
        notes.update(("adds_tool", name) for name in added)
    event = Event(
        id=f"rollout-{one.index:06d}-{fleet_day.day:04d}",
        time=instant(at_us),
        agent=today.agent,
        tool="deploy.rollout",
        operation="admin",
        outcome="ok",
        kind="deployment",
        attributes=notes,
    )
    played = [(at_us, event)]
    today.note(played)
    return played


def _first_use(fleet_day: FleetDay, plans: Plans, case: Case) -> Played:
    """Give a session of a task that needs a tool which the agent has not used before."""
    one = fleet_day.fleet[case.index]
    tool = tool_kept_for(one, case)
    tasks = [
        task
        for task in one.world.role.tasks
        if any(call.tool.name == tool and not call.optional for call in task.calls)
    ]
    task = tasks[int(unit(case.key, 2) * len(tasks))]
    played = fleet_day.play(change(fleet_day.spec(case), task=task, number=_FORCED))
    plans.conditions(case.index, fleet_day.day).note(played)
    return played
