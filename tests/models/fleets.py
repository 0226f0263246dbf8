"""Fleets of agents with a past that tests judge."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from models.event import Credential, Human, Resource, Volume
from tests.models.conftest import MONDAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from models.event import Event

AGENTS = 6
DAYS = 20
TYPICAL: dict[str, Any] = {
    "tool": "crm.read",
    "mode": "delegated",
    "human": Human("ana"),
    "resource": Resource(id="crm/customer/1", type="record", domain="crm"),
    "volume": Volume(bytes_out=1_000),
    "credential": Credential(id="c", scopes=["crm.read"]),
}
TOOLS = ("crm.read", "crm.read", "crm.note", "mail.read", "mail.send")


def at_day(day: float, **later: float) -> datetime:
    """Give the time of day at which the first session of a day begins, or so much later."""
    return MONDAY + timedelta(days=day, **later)


def a_day(
    an_event: Callable[..., Event], day: float, agents: int = AGENTS, **more: Any
) -> Iterator[Event]:
    """Give one day of even work: each agent has two sessions of three calls."""
    for half in (0, 6):
        for number in range(agents):
            for step in range(3):
                at = at_day(day, hours=half, minutes=number, seconds=20 * step)
                fields = TYPICAL | {"session": f"{day}-{half}"} | more
                yield an_event(f"agent-{number}", at, **fields)


def work(an_event: Callable[..., Event]) -> Iterator[Event]:
    """Give the past of a fleet that works the same every day."""
    for day in range(DAYS):
        yield from a_day(an_event, day)


def a_lively_day(
    an_event: Callable[..., Event], day: int, agents: int = 12, *, pause: int = 0
) -> Iterator[Event]:
    """Give one day of uneven work: amounts, tools and resources differ from day to day.

    Parameters
    ----------
    pause
        Days by which the same work comes later.
    """
    random = Random(day)  # noqa: S311 - a simulation
    events = []
    for number in range(agents):
        for session in range(random.randrange(1, 4)):
            start = at_day(day + pause, hours=4 * session, minutes=random.uniform(0, 90))
            for step in range(random.randrange(2, 7)):
                fields = TYPICAL | {
                    "tool": random.choice(TOOLS),
                    "resource": Resource(
                        id=f"crm/customer/{random.randrange(40)}", type="record", domain="crm"
                    ),
                    "volume": Volume(bytes_out=int(random.lognormvariate(7, 0.7))),
                    "session": f"{day} {session}",
                    "id": f"{day} {number} {session} {step}",
                }
                later = timedelta(seconds=step * random.uniform(5, 60))
                events.append(an_event(f"agent-{number}", start + later, **fields))
    yield from sorted(events, key=lambda one: (one.time, one.id))


def lively_work(an_event: Callable[..., Event], days: int = 30) -> Iterator[Event]:
    """Give the past of a fleet whose work is uneven."""
    for day in range(days):
        yield from a_lively_day(an_event, day)
