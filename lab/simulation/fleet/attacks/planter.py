"""The shape of a planter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from lab.simulation.fleet.session import Played
from models.event import Event

if TYPE_CHECKING:
    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.personas import Persona
    from lab.simulation.fleet.scene import Scene

Act = Iterator[tuple[Played, list[Event]]]
"""Sessions, each with those of its events that are wrong."""


def anyone(persona: Persona) -> bool:  # noqa: ARG001  # the shape of `fits`
    """Tell that an attack is possible with any agent."""
    return True


def by_day_only(persona: Persona) -> bool:
    """Whether an agent never works by itself, nor at night."""
    return not persona.world.role.nightly


class Planter(Struct, frozen=True):
    """One kind of attack.

    Attributes
    ----------
    name
        One of `config.ATTACKS`.
    act
        Gives what is to happen on a day of the case.
    cause, also
        Feature that the first reason of an alert should name, and others that say the same.
    what
        One sentence.
    days
        How long it goes on; shorter where the simulation ends before.
    fits
        Whether an agent can be its victim.
    helpers
        Whether it needs other agents of lower numbers.
    """

    name: str
    act: Callable[[Scene, Case], Act]
    cause: str
    what: str
    also: tuple[str, ...] = ()
    days: int = 1
    fits: Callable[[Persona], bool] = anyone
    helpers: bool = False


def events(played: Played) -> list[Event]:
    """Give the events of a session without their times."""
    return [event for _, event in played]
