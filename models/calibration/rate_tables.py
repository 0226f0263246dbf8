"""Day maxima that rates are estimated from, in the store and between shards."""

from __future__ import annotations

from msgspec import Struct, field

from models.calibration.day_maxima import DayMaxima
from models.constants import HALF_LIFE_DAYS


class RateTables(Struct):
    """Day maxima of the fleet, of each role, of agents in a special state, and of cases.

    Attributes
    ----------
    states
        Days of agents in their first week, and in the week after a deployment. Only these days
        judge an agent in this state, and they judge no other.
    cases
        What cases brought on their days, of families that no case makes ordinary. It counts for the
        fleet, and never for more than rare days.
    """

    half_life: int = HALF_LIFE_DAYS
    fleet: DayMaxima = field(default_factory=DayMaxima)
    roles: dict[str, DayMaxima] = {}
    states: dict[str, DayMaxima] = {}
    cases: DayMaxima = field(default_factory=DayMaxima)

    @classmethod
    def empty(cls, half_life: int) -> RateTables:
        """Give tables without days, whose counts halve in blocks of so many days."""
        fleet, cases = DayMaxima(half_life=half_life), DayMaxima(half_life=half_life)
        return cls(half_life, fleet, cases=cases)

    def __bool__(self) -> bool:
        """Tell whether there are any days."""
        return bool(self.fleet.days or self.states or self.cases.days)

    def of_role(self, role: str) -> DayMaxima:
        """Give the table of a role, to be changed."""
        return self.roles.setdefault(role, DayMaxima(half_life=self.half_life))

    def of_state(self, state: str) -> DayMaxima:
        """Give the table of a special state, to be changed."""
        return self.states.setdefault(state, DayMaxima(half_life=self.half_life))

    def merge(self, other: RateTables) -> None:
        """Add the tables of another shard."""
        self.fleet.merge(other.fleet)
        self.cases.merge(other.cases)
        for role, table in other.roles.items():
            self.of_role(role).merge(table)
        for state, table in other.states.items():
            self.of_state(state).merge(table)
