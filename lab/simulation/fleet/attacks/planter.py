"""Type of a planter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from lab.simulation.fleet.session_generator import Played
from models.event import Event

if TYPE_CHECKING:
    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.fleet_day import FleetDay
    from lab.simulation.fleet.personas import Persona

Act = Iterator[tuple[Played, list[Event]]]
"""Sessions, each with its harmful events."""


def anyone(persona: Persona) -> bool:  # noqa: ARG001  # signature of `fits`
    """Return True: the attack is possible with any agent."""
    return True


def by_day_only(persona: Persona) -> bool:
    """Return whether an agent never works autonomously or at night."""
    return not persona.world.role.nightly


class Planter(Struct, frozen=True):
    """One kind of attack.

    Attributes
    ----------
    name
        One of `config.ATTACKS`.
    act
        Gives the sessions of one day of the case.
    cause, also
        Expected feature of the first reason, and equivalent ones.
    what
        Description in one sentence.
    days
        Length in days; shorter if the simulation ends before.
    fits
        Returns whether an agent can be its victim.
    helpers
        Whether it needs other agents with lower numbers.
    """

    name: str
    act: Callable[[FleetDay, Case], Act]
    cause: str
    what: str
    also: tuple[str, ...] = ()
    days: int = 1
    fits: Callable[[Persona], bool] = anyone
    helpers: bool = False


def events(played: Played) -> list[Event]:
    """Give the events of a session without their times."""
    return [event for _, event in played]
