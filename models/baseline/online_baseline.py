"""The online baseline of one agent in one mode, as a river anomaly detector."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Any

from river import base

from models.baseline.counts import ADOPTION
from models.baseline.frequency_model import FrequencyModel
from models.baseline.volume_baseline import QUANTITIES, VolumeBaseline
from models.codec.hashing import Hasher
from models.config import ModelConfig
from models.features.extraction import Feature
from models.features.feature_slots import LOW32, FeatureSlot, slots_of

if TYPE_CHECKING:
    from models.baseline.frequency_model import Surprise
    from models.peers.fleet import GroupView

_OWN_HASHER = Hasher(b"habitus baseline")  # until it joins a fleet
_OWN_SLOTS = slots_of(_OWN_HASHER)
_MAX_VOLUMES = 256
_OTHER_UNIVERSE = 1 << 16
_ONE_SIDED = frozenset((*QUANTITIES, "bytes_out_day"))
CONTEXTS = frozenset({"previous_tool", "previous_two"})


class AgentBaseline(base.AnomalyDetector):
    """Expected behaviour of one agent: count chains per category, baselines per quantity.

    Catches values that are new or rare for the agent and its peers, and quantities above their
    baseline. Blind to known values used for another purpose: the content detector covers that. The
    score is in bits, 0 or more; higher is more surprising.

    Strings are categories, numbers are quantities. A declared feature
    (`models.features.extraction`) has its
    universe and context. Any other name is a category of 65,536 values, or a quantity that may be
    too high or too low.

    Parameters
    ----------
    half_life_days
        Event-time half-life of the counts.
    daily_cap
        At most this many events count per value and day.

    Attributes
    ----------
    frequency_model
        Counts, votes and past scores. The compiled kernel may hold them.
    volumes
        Baselines of quantities, by name.

    Examples
    --------
    >>> baseline = AgentBaseline()
    >>> for _ in range(50):
    ...     baseline.learn_one({"tool": "mail.read", "previous_tool": "START"})
    >>> typical = baseline.score_one({"tool": "mail.read", "previous_tool": "START"})
    >>> rare = baseline.score_one({"tool": "iam.grant", "previous_tool": "START"})
    >>> typical < 0.5 < 10 < rare
    True

    References
    ----------
    Teh 2006, A hierarchical Bayesian language model based on Pitman-Yor processes.
    """

    def __init__(self, half_life_days: float = 30.0, daily_cap: int = 20) -> None:
        config = ModelConfig(half_life_days=half_life_days, daily_cap=daily_cap)
        self._begin(FrequencyModel(config), config, {})

    def _begin(
        self,
        frequency_model: FrequencyModel,
        config: ModelConfig,
        volumes: dict[str, VolumeBaseline],
    ) -> None:
        self.half_life_days = config.half_life_days
        self.daily_cap = config.daily_cap
        self.frequency_model = frequency_model
        self.volumes = volumes
        self._view: GroupView | None = None
        self._hasher, self._slots = _OWN_HASHER, _OWN_SLOTS

    @classmethod
    def of(
        cls,
        frequency_model: FrequencyModel,
        config: ModelConfig,
        volumes: dict[str, VolumeBaseline],
    ) -> AgentBaseline:
        """Give the baseline over a known frequency model of either kernel."""
        baseline = cls.__new__(cls)  # __init__ would make a frequency model only to drop it
        baseline._begin(frequency_model, config, volumes)  # noqa: SLF001 - its own class
        return baseline

    def attach(self, hasher: Hasher, slots: tuple[FeatureSlot, ...], view: GroupView) -> None:
        """Join a fleet: its key for hashes and the view of its peers."""
        self._hasher, self._slots, self._view = hasher, slots, view

    def score_one(self, x: dict[Any, Any]) -> float:
        """Give the surprise of an action in bits; changes nothing."""
        categories, numbers = self._split(x)
        bits = sum(
            -log2(self.path(slot, categories)[-1][1])
            for slot in self._all_slots(categories)
            if slot.name in categories and slot.extends < 0
        )
        for name, value in sorted(numbers.items()):
            bits += self.number_bits(name, value)
        return bits

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Learn one action."""
        categories, numbers = self._split(x)
        for slot in self._all_slots(categories):
            if slot.name in categories and slot.extends < 0:
                context = categories.get(slot.context) if slot.context else None
                value = self._value(categories[slot.name])
                if context is not None:
                    self.frequency_model.add(slot.context_node(context), value)
                self.frequency_model.add(slot.node, value)
        for name, number in numbers.items():
            self.learn_number(name, number)

    def surprise(self, x: dict[str, str], tops: dict[int, float] | None = None) -> Surprise:
        """Give the bits of the declared categories, like `score_one` but in the kernel.

        Parameters
        ----------
        tops
            Feature -> highest excess over the typical bits in this session.
        """
        if self._view is None:
            raise ValueError("baseline has no peers; expected `attach` before `surprise`")
        return self.frequency_model.surprise(self._view.view, x, tops or {})

    def number_bits(self, name: str, value: float) -> float:
        """Surprise of a quantity in bits. 0 while its baseline is unknown."""
        volume, peers = self.volumes.get(name), self.peer_volume(name)
        if volume is None:
            if peers is None:
                return 0.0
            volume = VolumeBaseline()
        return volume.bits(value, peers, one_sided=name in _ONE_SIDED)

    def peer_volume(self, name: str) -> VolumeBaseline | None:
        """Give the peers' baseline of a quantity."""
        return self._view.volume(name) if self._view is not None else None

    def learn_number(self, name: str, value: float) -> None:
        """Learn a quantity of a closed window."""
        volume = self.volumes.get(name)
        if volume is None:
            if len(self.volumes) >= _MAX_VOLUMES:
                return
            volume = self.volumes[name] = VolumeBaseline()
        volume.learn(value)

    def path(self, slot: FeatureSlot, x: dict[str, str]) -> list[tuple[str, float]]:
        """Give the probability of a category from general to specific, for explanation."""
        value, frequency_model = self._value(x[slot.name]), self.frequency_model
        if slot.extends >= 0:
            steps = self.path(self._slots[slot.extends], x)
            context = x.get(slot.context) if slot.context else None
            if context is not None:
                last = steps[-1][1]
                inner = frequency_model.probability(slot.context_node(context), value, last)
                steps.append((f"after {context}", _mixed(inner, last)))
            return steps
        q = slot.uniform
        if self._view is not None:
            own_day = frequency_model.own_day(slot.node, value)
            q = self._view.probability(slot.index, value, own_day, q)
        own = _mixed(frequency_model.probability(slot.node, value, q), q)
        steps = [("anyone", slot.uniform), ("peers", q), ("agent", own)]
        context = x.get(slot.context) if slot.context else None
        if context is not None:
            context_node, parent = slot.context_node(context), own
            if slot.together and self._view is not None:
                parent = self._view.view.after(context_node, value, own)
                steps.append((f"peers after {context}", parent))
            inner = frequency_model.probability(context_node, value, parent)
            steps.append((f"after {context}", _mixed(inner, parent)))
        return steps

    def count_of(self, slot: FeatureSlot, value: str) -> int:
        """Decayed count of a category's value, in units of 1/4096 event."""
        return self.frequency_model.count_of(slot.node, self._value(value))

    def total_of(self, slot: FeatureSlot) -> int:
        """Decayed count of all values of a category, in units of 1/4096 event."""
        return self.frequency_model.total_of(slot.node)

    def _value(self, text: str) -> int:
        return self._hasher.of(text) & LOW32

    def _all_slots(self, x: dict[str, str]) -> tuple[FeatureSlot, ...]:
        known = {slot.name for slot in self._slots} | CONTEXTS
        others = [name for name in x if name not in known]
        if not others:
            return self._slots
        return (*self._slots, *(self._extra_slot(name) for name in sorted(others)))

    def _extra_slot(self, name: str) -> FeatureSlot:
        feature = Feature(name, _OTHER_UNIVERSE, None, "tool.new", "tools", name)
        return FeatureSlot(-1, feature, self._hasher)

    def _split(self, x: dict[Any, Any]) -> tuple[dict[str, str], dict[str, float]]:
        categories = {str(k): v for k, v in x.items() if isinstance(v, str)}
        numbers = {
            str(k): float(v)
            for k, v in x.items()
            if not isinstance(v, str) and v is not None and v == v
        }
        return categories, numbers


def _mixed(own: float, others: float) -> float:
    """Mix the own probability with that of the peers: see `AgentCounts.mixed`."""
    return (1 - ADOPTION) * own + ADOPTION * others
