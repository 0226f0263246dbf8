"""Working conditions of an agent on one day: version, habits, tools, and visible novelties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from lab.simulation.fleet.world.draw import unit, word
from lab.simulation.fleet.world.roles import HABITS
from models.event import Human, Resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.personas import Persona
    from lab.simulation.fleet.session_generator import Played
    from lab.simulation.sample.world.roles import Task
    from models.event import Agent

QUIET = 0.08
"""Share of the work during a holiday."""

FIRST_RELEASE = "1.1"
"""Version that adds the further tools of a role."""

_FRESH = word("fresh")


class WorkingConditions(Struct, frozen=True, gc=False):
    """Working conditions of an agent on one day.

    Attributes
    ----------
    agent
        Agent of its events.
    tasks
        Delegated tasks, each repeated by its weight.
    released, without
        As in `session.SessionSpec`.
    colleague
        A person it works for in addition to its regular ones.
    fresh
        A resource that its peer group has recently begun to use.
    shown
        Cases that its events of the day may show.
    """

    agent: Agent
    tasks: list[Task]
    released: int = 0
    without: str | None = None
    colleague: Human | None = None
    fresh: Resource | None = None
    shown: tuple[Case, ...] = ()

    def note(self, played: Played) -> None:
        """Record which of these events show novelties."""
        for case in self.shown:
            if case.shows is not None:
                for at_us, event in played:
                    if case.shows(event):
                        case.note(at_us, event)


def ordinary(persona: Persona) -> WorkingConditions:
    """Give the conditions of an agent without novelties."""
    return WorkingConditions(persona.agent, persona.world.habits[persona.habit])


def conditions(persona: Persona, novelties: Sequence[Case], day: int) -> WorkingConditions:
    """Give the conditions of an agent on a day from its novelties."""
    deployed, without, colleague, fresh = 0, None, None, None
    for case in novelties:
        begun = case.first_day <= day
        if case.type == "deployment" and begun:
            deployed += 1
        elif case.type == "first_use" and not begun:
            without = tool_kept_for(persona, case)
        elif case.type == "new_colleague" and begun:
            colleague = newcomer(case)
        elif case.type == "new_resource" and begun:
            fresh = fresh_resource(persona)
    agent = persona.agent
    if deployed:
        agent = msgspec.structs.replace(agent, version=f"1.{deployed}")
    habits = persona.world.habits
    return WorkingConditions(
        agent=agent,
        tasks=habits[(persona.habit + deployed) % HABITS],
        released=min(deployed, 1),
        without=without,
        colleague=colleague,
        fresh=fresh,
        shown=tuple(c for c in novelties if c.shows and c.first_day <= day <= c.last_day),
    )


def tool_kept_for(persona: Persona, case: Case) -> str:
    """Give the tool that an agent does not use before its `first_use`."""
    habit = persona.world.habits[persona.habit]
    tools = sorted({c.tool.name for task in habit for c in task.calls if not c.optional})
    return tools[int(unit(case.key, 1) * len(tools))]


def newcomer(case: Case) -> Human:
    """Give the person of a `new_colleague`."""
    return Human(id=f"person-new-{case.key % 10_000_000:07d}")


def fresh_resource(persona: Persona) -> Resource:
    """Give the new resource of a peer group: from a known domain, with a new name."""
    known = persona.world.role.tools
    name = sorted(known)[int(unit(persona.group, _FRESH) * len(known))]
    base = known[name].resource
    return Resource(
        id=f"{base.id}/launch-{persona.world.role.name}",
        type="collection",
        domain=base.domain,
        sensitivity=base.sensitivity,
    )
