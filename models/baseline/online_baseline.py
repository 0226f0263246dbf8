"""The online baseline of one agent in one mode, as a river anomaly detector."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Any

from river import base

from models.baseline.counts import ADOPTION
from models.baseline.frequency_model import Habits
from models.baseline.volume_baseline import QUANTITIES, Level
from models.codec.hashing import Hasher
from models.config import ModelConfig
from models.features.extraction import Feature
from models.features.feature_slots import LOW32, Place, places_of

if TYPE_CHECKING:
    from models.baseline.frequency_model import Surprise
    from models.peers.fleet import GroupView

_OWN_HASHER = Hasher(b"habitus baseline")  # until it joins a fleet
_OWN_PLACES = places_of(_OWN_HASHER)
_MOST_LEVELS = 256
_OTHER_UNIVERSE = 1 << 16
_ONE_SIDED = frozenset((*QUANTITIES, "bytes_out_day"))
CONTEXTS = frozenset({"previous_tool", "previous_two"})


class AgentBaseline(base.AnomalyDetector):
    """How one agent usually acts: count chains per category, levels per quantity.

    Catches values that are new or rare for the agent and its peers, and quantities above their
    usual level. Blind to habitual values used for another purpose: the content detector is for
    that. The score is in bits, 0 or more; higher is more surprising.

    Strings are categories, numbers are quantities. A declared feature
    (`models.features.extraction`) has its
    universe and context; any other name is taken as a category of 65,536 values, or as a
    quantity that may be too high or too low.

    Parameters
    ----------
    half_life_days
        Event-time half-life of the counts.
    daily_cap
        At most this many events count per value and day.

    Attributes
    ----------
    habits
        Counts, votes and past scores: the part that may be the compiled kernel's.
    levels
        Usual levels of quantities, by name.

    Examples
    --------
    >>> baseline = AgentBaseline()
    >>> for _ in range(50):
    ...     baseline.learn_one({"tool": "mail.read", "previous_tool": "START"})
    >>> usual = baseline.score_one({"tool": "mail.read", "previous_tool": "START"})
    >>> odd = baseline.score_one({"tool": "iam.grant", "previous_tool": "START"})
    >>> usual < 0.5 < 10 < odd
    True

    References
    ----------
    Teh 2006, A hierarchical Bayesian language model based on Pitman-Yor processes.
    """

    def __init__(self, half_life_days: float = 30.0, daily_cap: int = 20) -> None:
        config = ModelConfig(half_life_days=half_life_days, daily_cap=daily_cap)
        self._begin(Habits(config), config, {})

    def _begin(self, habits: Habits, config: ModelConfig, levels: dict[str, Level]) -> None:
        self.half_life_days = config.half_life_days
        self.daily_cap = config.daily_cap
        self.habits = habits
        self.levels = levels
        self._view: GroupView | None = None
        self._hasher, self._places = _OWN_HASHER, _OWN_PLACES

    @classmethod
    def of(cls, habits: Habits, config: ModelConfig, levels: dict[str, Level]) -> AgentBaseline:
        """Give the baseline that stands on known habits, of either kernel."""
        baseline = cls.__new__(cls)  # __init__ would make habits only to drop them
        baseline._begin(habits, config, levels)  # noqa: SLF001 - its own class
        return baseline

    def attach(self, hasher: Hasher, places: tuple[Place, ...], view: GroupView) -> None:
        """Join a fleet: its key for hashes and the view of its peers."""
        self._hasher, self._places, self._view = hasher, places, view

    def score_one(self, x: dict[Any, Any]) -> float:
        """Give the surprise of an action in bits; changes nothing."""
        categories, numbers = self._split(x)
        bits = sum(
            -log2(self.path(place, categories)[-1][1])
            for place in self._all_places(categories)
            if place.name in categories and place.under < 0
        )
        for name, value in sorted(numbers.items()):
            bits += self.number_bits(name, value)
        return bits

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Take in one action."""
        categories, numbers = self._split(x)
        for place in self._all_places(categories):
            if place.name in categories and place.under < 0:
                context = categories.get(place.context) if place.context else None
                value = self._value(categories[place.name])
                if context is not None:
                    self.habits.add(place.inside(context), value)
                self.habits.add(place.node, value)
        for name, number in numbers.items():
            self.learn_number(name, number)

    def surprise(self, x: dict[str, str], tops: dict[int, float] | None = None) -> Surprise:
        """Give the bits of the declared categories: `score_one` at the speed of the kernel.

        Parameters
        ----------
        tops
            Feature -> how far beyond the usual it has gone in this session.
        """
        if self._view is None:
            raise ValueError("baseline has no peers; expected `attach` before `surprise`")
        return self.habits.surprise(self._view.view, x, tops or {})

    def number_bits(self, name: str, value: float) -> float:
        """Surprise of a quantity in bits; 0 while its usual level is unknown."""
        level, peers = self.levels.get(name), self.peer_level(name)
        if level is None:
            if peers is None:
                return 0.0
            level = Level()
        return level.bits(value, peers, one_sided=name in _ONE_SIDED)

    def peer_level(self, name: str) -> Level | None:
        """Give the peers' usual level of a quantity."""
        return self._view.level(name) if self._view is not None else None

    def learn_number(self, name: str, value: float) -> None:
        """Take in a quantity, that of a closed window."""
        level = self.levels.get(name)
        if level is None:
            if len(self.levels) >= _MOST_LEVELS:
                return
            level = self.levels[name] = Level()
        level.learn(value)

    def path(self, place: Place, x: dict[str, str]) -> list[tuple[str, float]]:
        """Give the probability of a category from general to specific, for explanation."""
        value, habits = self._value(x[place.name]), self.habits
        if place.under >= 0:
            steps = self.path(self._places[place.under], x)
            context = x.get(place.context) if place.context else None
            if context is not None:
                last = steps[-1][1]
                inner = habits.probability(place.inside(context), value, last)
                steps.append((f"after {context}", _mixed(inner, last)))
            return steps
        q = place.uniform
        if self._view is not None:
            own_day = habits.own_day(place.node, value)
            q = self._view.probability(place.index, value, own_day, q)
        own = _mixed(habits.probability(place.node, value, q), q)
        steps = [("anyone", place.uniform), ("peers", q), ("agent", own)]
        context = x.get(place.context) if place.context else None
        if context is not None:
            inside, parent = place.inside(context), own
            if place.together and self._view is not None:
                parent = self._view.view.after(inside, value, own)
                steps.append((f"peers after {context}", parent))
            inner = habits.probability(inside, value, parent)
            steps.append((f"after {context}", _mixed(inner, parent)))
        return steps

    def count_of(self, place: Place, value: str) -> int:
        """Decayed count of a category's value, in units of 1/4096 event."""
        return self.habits.count_of(place.node, self._value(value))

    def total_of(self, place: Place) -> int:
        """Decayed count of all values of a category, in units of 1/4096 event."""
        return self.habits.total_of(place.node)

    def _value(self, text: str) -> int:
        return self._hasher.of(text) & LOW32

    def _all_places(self, x: dict[str, str]) -> tuple[Place, ...]:
        known = {place.name for place in self._places} | CONTEXTS
        others = [name for name in x if name not in known]
        if not others:
            return self._places
        return (*self._places, *(self._extra_place(name) for name in sorted(others)))

    def _extra_place(self, name: str) -> Place:
        feature = Feature(name, _OTHER_UNIVERSE, None, "tool.new", "tools", name)
        return Place(-1, feature, self._hasher)

    def _split(self, x: dict[Any, Any]) -> tuple[dict[str, str], dict[str, float]]:
        categories = {str(k): v for k, v in x.items() if isinstance(v, str)}
        numbers = {
            str(k): float(v)
            for k, v in x.items()
            if not isinstance(v, str) and v is not None and v == v
        }
        return categories, numbers


def _mixed(own: float, others: float) -> float:
    """Give the probability of one that mostly acts by itself: see `AgentCounts.mixed`."""
    return (1 - ADOPTION) * own + ADOPTION * others
