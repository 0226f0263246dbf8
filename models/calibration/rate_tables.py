"""Day maxima that rates are estimated from, in the store and between shards."""

from __future__ import annotations

from msgspec import Struct, field

from models.calibration.day_maxima import DayMaxima
from models.constants import HALF_LIFE_DAYS


class RateTables(Struct):
    """Day maxima of the fleet, of each role, and of agents in a special state.

    Attributes
    ----------
    states
        Days of agents in their first week, and in the week after a deployment. Only these days
        judge an agent in this state, and they judge no other.
    """

    half_life: int = HALF_LIFE_DAYS
    fleet: DayMaxima = field(default_factory=DayMaxima)
    roles: dict[str, DayMaxima] = {}
    states: dict[str, DayMaxima] = {}

    @classmethod
    def empty(cls, half_life: int) -> RateTables:
        """Give tables without days, whose counts halve in blocks of so many days."""
        return cls(half_life, DayMaxima(half_life=half_life))

    def __bool__(self) -> bool:
        """Tell whether there are any days."""
        return bool(self.fleet.days or self.states)

    def of_role(self, role: str) -> DayMaxima:
        """Give the table of a role, to be changed."""
        return self.roles.setdefault(role, DayMaxima(half_life=self.half_life))

    def of_state(self, state: str) -> DayMaxima:
        """Give the table of a special state, to be changed."""
        return self.states.setdefault(state, DayMaxima(half_life=self.half_life))

    def merge(self, other: RateTables) -> None:
        """Add the tables of another shard."""
        self.fleet.merge(other.fleet)
        for role, table in other.roles.items():
            self.of_role(role).merge(table)
        for state, table in other.states.items():
            self.of_state(state).merge(table)
