"""Fleets that work the same every day: the past of agents that tests judge."""

from __future__ import annotations

from datetime import timedelta
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


def at_day(day: float, **later: float) -> datetime:
    """Give the time of day at which the first session of a day begins, or so much later."""
    return MONDAY + timedelta(days=day, **later)


def a_day(
    an_event: Callable[..., Event], day: float, agents: int = AGENTS, **more: Any
) -> Iterator[Event]:
    """Give one day of work: each agent has two sessions of three calls."""
    for half in (0, 6):
        for number in range(agents):
            for step in range(3):
                at = at_day(day, hours=half, minutes=number, seconds=20 * step)
                yield an_event(
                    f"agent-{number}", at, session=f"{day}-{half}", **(TYPICAL | more)
                )  # fmt: skip


def work(an_event: Callable[..., Event]) -> Iterator[Event]:
    """Give the past of the fleet: `DAYS` days."""
    for day in range(DAYS):
        yield from a_day(an_event, day)
