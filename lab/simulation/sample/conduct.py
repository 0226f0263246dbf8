"""An agent's ordinary day: its sessions, and deviations of the day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from lab.simulation.sample.session_generator import SessionSpec
from lab.simulation.sample.world.hours import night_starts, office_starts, weekday
from lab.simulation.sample.world.values import source
from models.event import Agent, Human

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from lab.simulation.sample.world.roles import Task
    from lab.simulation.sample.world.staff import Member


class Conditions(Struct, frozen=True, kw_only=True):
    """Deviations of one day of one agent.

    Attributes
    ----------
    sessions
        Delegated sessions of the day; None: 14 or 15 from Monday to Friday, else none.
    first_h, last_h
        First and last hour of session starts.
    scale
        Factor on volumes.
    version, released
        Version of the agent, and highest release of its tools.
    without
        Tools that it does not use yet.
    colleagues
        People it works for in addition to its regular ones.
    """

    sessions: int | None = None
    first_h: float = 8.0
    last_h: float = 17.5
    scale: float = 1.0
    version: str = "1.0"
    released: int = 0
    without: frozenset[str] = frozenset()
    colleagues: tuple[str, ...] = ()


ORDINARY = Conditions()


def day_visits(
    seed: int, member: Member, day: int, conditions: Conditions = ORDINARY
) -> Iterator[SessionSpec]:
    """Give the sessions of one agent on one day, in order of their start.

    Parameters
    ----------
    seed
        Equal arguments give equal sessions.
    member, day, conditions
        The agent, the day of the recording, and its deviations.
    """
    rng = source(seed, member.agent_id, day)
    agent = Agent(id=member.agent_id, role=member.role_name, version=conditions.version)
    humans = member.humans + conditions.colleagues
    for number, (start_us, task) in enumerate(_plan(member, day, conditions, rng)):
        yield SessionSpec(
            agent=agent,
            human=_asks(humans, task, rng),
            network=member.network,
            session=session_name(member.agent_id, day, number),
            start_us=start_us + member.shift_us,
            task=task,
            scopes=member.role.scopes,
            released=conditions.released,
            without=conditions.without,
            scale=conditions.scale,
        )


def session_name(agent_id: str, day: int, number: int) -> str:
    """Name a session; unique over the recording.

    >>> session_name("support-desk-1", 4, 11)
    'support-desk-1-004-11'
    """
    return f"{agent_id}-{day:03d}-{number:02d}"


def _plan(member: Member, day: int, conditions: Conditions, rng: Random) -> list[tuple[int, Task]]:
    nightly = member.role.nightly
    plan = list(zip(night_starts(rng, day, len(nightly)), nightly, strict=True))
    tasks = [task for task in member.role.tasks if not needs(task, conditions.without)]
    count = conditions.sessions
    if count is None:
        count = 14 + int(2 * rng.random()) if weekday(day) < 5 else 0
    starts = office_starts(rng, day, count, conditions.first_h, conditions.last_h)
    return plan + [(at_us, tasks[int(rng.random() * len(tasks))]) for at_us in starts]


def needs(task: Task, tools: frozenset[str]) -> bool:
    """Return whether a task requires one of these tools."""
    return any(call.tool.name in tools and not call.optional for call in task.calls)


def _asks(humans: tuple[str, ...], task: Task, rng: Random) -> Human | None:
    """Choose the requesting person; a scheduled session has none."""
    if task.mode == "autonomous":
        return None
    return Human(id=humans[int(rng.random() * len(humans))])
