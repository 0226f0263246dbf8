"""What is remembered of one agent, and of one of its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from models.calibration.day_maxima import DayMaxima
from models.calibration.fading import FadingCounts
from models.calibration.novelty_rates import LEVELS
from models.units import DAY_US

if TYPE_CHECKING:
    from models.codec.hashing import Hasher

WEEK_US = 7 * DAY_US
NEW, DEPLOYED = "new", "deployed"
"""Special states of an agent: its first week, and the week after an announced deployment."""
SUMS = 4
"""Sums of an amount: days with it, logarithms, squares of logarithms, all days."""


def agent_mark(hasher: Hasher, agent_id: str) -> int:
    """Give the mark of an agent among those that know a value."""
    return hasher.of(f"agent\x1f{agent_id}")


class OpenDay(Struct, array_like=True):
    """One day of an agent that may still get events.

    Attributes
    ----------
    state
        Special state of the agent on this day; None for none.
    maxima
        Series -> highest bits.
    largest
        Counter -> largest amount of one session.
    combined
        Highest combination of a session that opened no case before this day.
    """

    state: str | None
    maxima: dict[int, float] = {}
    largest: dict[int, float] = {}
    combined: float = 0.0


class Behaviour(Struct):
    """The behaviour of one agent.

    Attributes
    ----------
    mark
        Mark of the agent among those that know a value.
    role
        Role that it is compared with.
    known
        Values that it knows, each with the last day of use.
    held
        Values from rare sessions that wait: value -> days of use.
    rates
        Sessions by feature and level of novelty.
    amounts
        Sums by counter.
    maxima
        Day maxima by series.
    open_days
        Days since 1970 that are not over yet.
    versions
        Versions that it reported.
    locations
        Country and network -> first day there.
    credentials
        Mark of a credential -> country and network -> latest use there.
    sole
        Destination that no other agent used -> days of use.
    """

    mark: int
    role: str
    first_us: int
    deployed_us: int = -WEEK_US
    sessions: int = 0
    known: dict[int, int] = field(default_factory=dict)
    held: dict[int, list[int]] = field(default_factory=dict)
    rates: FadingCounts = field(default_factory=lambda: FadingCounts(1 + LEVELS))
    amounts: FadingCounts = field(default_factory=lambda: FadingCounts(SUMS))
    maxima: DayMaxima = field(default_factory=DayMaxima)
    open_days: dict[int, OpenDay] = field(default_factory=dict)
    versions: set[str] = field(default_factory=set)
    locations: dict[str, int] = field(default_factory=dict)
    credentials: dict[int, dict[str, int]] = field(default_factory=dict)
    sole: dict[int, list[int]] = field(default_factory=dict)

    def state(self, time_us: int) -> str | None:
        """Give the special state of the agent at a time."""
        if time_us - self.first_us < WEEK_US:
            return NEW
        return DEPLOYED if 0 <= time_us - self.deployed_us < WEEK_US else None

    def day(self, number: int, time_us: int) -> OpenDay:
        """Give the open day of this number since 1970."""
        found = self.open_days.get(number)
        if found is None:
            found = self.open_days[number] = OpenDay(self.state(time_us))
        return found


class Subject(Struct, frozen=True, array_like=True):
    """The new thing that a signal is about.

    Attributes
    ----------
    level
        How new it is, 1 to 3.
    feature
        Index of the feature; -1 for none.
    mark
        Hash of the value.
    text
        The value in words.
    """

    bits: float
    level: int
    feature: int
    mark: int
    text: str


class SessionScores(Struct):
    """What one session has shown so far.

    Attributes
    ----------
    day
        Day of its latest event since 1970.
    slots
        Key of a feature in a context -> highest level of novelty, and its bits.
    best
        Feature -> its most bits.
    fresh
        New values of lasting features.
    touched
        Family -> events with such a value.
    amounts, distinct, repeats
        State of the counters.
    bits
        Series -> most bits.
    subjects
        Series -> what the bits are about.
    rarities
        Family -> rarity in bits.
    """

    mark: int
    first_us: int
    last_us: int
    day: int = -1
    previous_tool: str = "START"
    slots: dict[int, tuple[int, float]] = field(default_factory=dict)
    best: dict[int, float] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)
    touched: dict[str, int] = field(default_factory=dict)
    amounts: dict[int, float] = field(default_factory=dict)
    distinct: set[int] = field(default_factory=set)
    repeats: dict[int, int] = field(default_factory=dict)
    bits: dict[int, float] = field(default_factory=dict)
    subjects: dict[int, Subject] = field(default_factory=dict)
    rarities: dict[str, float] = field(default_factory=dict)
    combined: float = 0.0
    lead: str | None = None
    raised: set[int] = field(default_factory=set)
