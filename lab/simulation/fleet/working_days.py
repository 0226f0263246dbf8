"""How an agent works on one day: its version, habits, tools; and which news its events show."""

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
    from lab.simulation.fleet.session import Played
    from lab.simulation.sample.world.roles import Task
    from models.event import Agent

QUIET = 0.08
"""Share of the work that goes on in a holiday."""

FIRST_RELEASE = "1.1"
"""Version that brings the further tools of a role."""

_FRESH = word("fresh")


class Ways(Struct, frozen=True, gc=False):
    """How an agent works on one day.

    Attributes
    ----------
    agent
        As its events carry it.
    tasks
        Delegated tasks, each as often as its weight.
    released, without
        As in `session.Visit`.
    colleague
        A person it works for besides its usual ones.
    fresh
        A resource that its peer group uses since a while ago.
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
        """Write down which of these events show news."""
        for case in self.shown:
            if case.shows is not None:
                for at_us, event in played:
                    if case.shows(event):
                        case.note(at_us, event)


def ordinary(persona: Persona) -> Ways:
    """Give the ways of an agent that no news ever came to."""
    return Ways(persona.agent, persona.world.habits[persona.habit])


def ways(persona: Persona, news: Sequence[Case], day: int) -> Ways:
    """Give the ways of an agent on a day, out of the news that come to it at some time."""
    deployed, without, colleague, fresh = 0, None, None, None
    for case in news:
        begun = case.first_day <= day
        if case.type == "deployment" and begun:
            deployed += 1
        elif case.type == "first_use" and not begun:
            without = spared(persona, case)
        elif case.type == "new_colleague" and begun:
            colleague = newcomer(case)
        elif case.type == "new_resource" and begun:
            fresh = fresh_resource(persona)
    agent = persona.agent
    if deployed:
        agent = msgspec.structs.replace(agent, version=f"1.{deployed}")
    habits = persona.world.habits
    return Ways(
        agent=agent,
        tasks=habits[(persona.habit + deployed) % HABITS],
        released=min(deployed, 1),
        without=without,
        colleague=colleague,
        fresh=fresh,
        shown=tuple(c for c in news if c.shows and c.first_day <= day <= c.last_day),
    )


def spared(persona: Persona, case: Case) -> str:
    """Give the tool that an agent gets along without until its `first_use`."""
    habit = persona.world.habits[persona.habit]
    tools = sorted({c.tool.name for task in habit for c in task.calls if not c.optional})
    return tools[int(unit(case.key, 1) * len(tools))]


def newcomer(case: Case) -> Human:
    """Give the person of a `new_colleague`."""
    return Human(id=f"person-new-{case.key % 10_000_000:07d}")


def fresh_resource(persona: Persona) -> Resource:
    """Give the resource that is new to a whole peer group: of a domain it works with, own name."""
    known = persona.world.role.tools
    name = sorted(known)[int(unit(persona.group, _FRESH) * len(known))]
    base = known[name].resource
    return Resource(
        id=f"{base.id}/launch-{persona.world.role.name}",
        type="collection",
        domain=base.domain,
        sensitivity=base.sensitivity,
    )
