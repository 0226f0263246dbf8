"""The online baseline of one agent in one mode, as a river anomaly detector."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from river import base

from models.counts import ADOPTION, DISCOUNT, HORIZON_DAYS, STRENGTH, AgentCounts
from models.features import FEATURES, Feature
from models.hashing import Hasher, mix
from models.quantity import QUANTITIES, Level

if TYPE_CHECKING:
    from models.hashing import Hasher as HasherType
    from models.votes import VoteNode

_LOW31 = 0x7FFF_FFFF
_LOW32 = 0xFFFF_FFFF
_OWN_KEY = b"habitus baseline"
_MOST_LEVELS = 256
_MOST_CONTEXTS = 20_000
_OTHER_UNIVERSE = 1 << 16
_ONE_SIDED = frozenset(QUANTITIES)
CONTEXTS = frozenset({"previous_tool"})


class PeerView(Protocol):
    """What the peers do, as the baseline asks for it."""

    def level(self, name: str) -> Level | None:
        """Give the peers' usual level of a quantity."""

    nodes: tuple[dict[int, VoteNode], ...]
    known: dict[int, float]


class Found(NamedTuple):
    """One category of an action: its place, bits, hashed value, and node after its context."""

    place: Place
    bits: float
    value: int
    inside: int


class Place:
    """Where a feature's counts stand: hashed once per key."""

    __slots__ = ("_contexts", "_hasher", "base", "context", "feature", "index", "name", "node",
                 "uniform")  # fmt: skip

    def __init__(self, index: int, feature: Feature, hasher: HasherType) -> None:
        self._hasher = hasher
        self._contexts: dict[str, int] = {}
        self.index = index
        self.feature = feature
        self.name = feature.name
        self.context = feature.context
        self.uniform = 1.0 / feature.universe
        self.node = hasher.of("feature:" + feature.name) & _LOW31
        self.base = self.node << 32

    def inside(self, context: str) -> int:
        """Give the node of the feature's counts after a context."""
        node = self._contexts.get(context)
        if node is None:
            if len(self._contexts) >= _MOST_CONTEXTS:
                self._contexts.clear()
            node = mix(self.node, self._hasher.of(context)) & _LOW31
            self._contexts[context] = node
        return node


def places_of(hasher: HasherType) -> tuple[Place, ...]:
    """Give the places of all declared features."""
    return tuple(Place(index, feature, hasher) for index, feature in enumerate(FEATURES))


class AgentBaseline(base.AnomalyDetector):
    """How one agent usually acts: count chains per category, levels per quantity.

    Catches values that are new or rare for the agent and its peers, and quantities above their
    usual level. Blind to habitual values used for another purpose: the content detector is for
    that. The score is in bits, 0 or more; higher is more surprising.

    Strings are categories, numbers are quantities. A declared feature (`models.features`) has its
    universe and context; any other name is taken as a category of 65,536 values, or as a
    quantity that may be too high or too low.

    Parameters
    ----------
    half_life_days
        Event-time half-life of the counts.
    daily_cap
        At most this many events count per value and day.

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
        self.half_life_days = half_life_days
        self.daily_cap = daily_cap
        self.counts = AgentCounts()
        self.levels: dict[str, Level] = {}
        self.votes: dict[int, int] = {}
        self.pending: dict[int, int] = {}
        self._peers: PeerView | None = None
        self._hasher: HasherType = Hasher(_OWN_KEY)
        self._places = places_of(self._hasher)

    def attach(self, hasher: HasherType, places: tuple[Place, ...], peers: PeerView) -> None:
        """Join a fleet: its key for hashes and the view of its peers."""
        self._hasher, self._places, self._peers = hasher, places, peers

    def score_one(self, x: dict[Any, Any]) -> float:
        """Give the surprise of an action in bits; changes nothing."""
        categories, numbers = self._split(x)
        bits = sum(b for _, b in self._surprises(categories))
        for name, value in sorted(numbers.items(), key=lambda item: str(item[0])):
            bits += self.number_bits(str(name), value)
        return bits

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Take in one action."""
        categories, numbers = self._split(x)
        self.learn_categories(categories)
        for name, value in numbers.items():
            self.learn_number(str(name), value)

    def surprise(self, x: dict[str, str]) -> list[Found]:
        """Give the bits of each declared category an action carries.

        The same arithmetic as `score_one`, written out: it runs for every event.
        """
        found: list[Found] = []
        of = self._hasher.of
        counts, total = self.counts.counts, self.counts.total
        discounted = self.counts.discounted
        votes, pending = self.votes, self.pending
        levels, known = ((), {}) if self._peers is None else (self._peers.nodes, self._peers.known)
        for place in self._places:
            text = x.get(place.name)
            if text is None:
                continue
            value = of(text) & _LOW32
            key = place.base | value
            own_day = pending[key] if key in pending else votes.get(key, -1)
            name = key << 16 | own_day + 1
            q = known.get(name, 0.0)
            if not q:
                q = known[name] = _peer_probability(place, value, own_day, levels)
            n = total.get(place.node, 0)
            if n:
                count = counts.get(key, 0)
                kept = count - DISCOUNT if count > DISCOUNT else 0
                p = (kept + (STRENGTH + discounted[place.node]) * q) / (n + STRENGTH)
                q = (1 - ADOPTION) * p + ADOPTION * q
            inside = 0
            context = x.get(place.context) if place.context is not None else None
            if context is not None:
                inside = place.inside(context)
                n = total.get(inside, 0)
                if n:
                    count = counts.get(inside << 32 | value, 0)
                    kept = count - DISCOUNT if count > DISCOUNT else 0
                    p = (kept + (STRENGTH + discounted[inside]) * q) / (n + STRENGTH)
                    q = (1 - ADOPTION) * p + ADOPTION * q
            found.append(Found(place, -log2(q), value, inside))
        return found

    def count(self, found: list[Found]) -> None:
        """Count the categories that `surprise` found."""
        add, cap = self.counts.add, self.daily_cap
        for place, _, value, inside in found:
            if inside:
                add(inside, value, cap)
            add(place.node, value, cap)

    def number_bits(self, name: str, value: float) -> float:
        """Surprise of a quantity in bits; 0 while its usual level is unknown."""
        level = self.levels.get(name)
        peers = self._peers.level(name) if self._peers is not None else None
        if level is None:
            if peers is None:
                return 0.0
            level = Level()
        return level.bits(value, peers, one_sided=name in _ONE_SIDED)

    def learn_categories(self, x: dict[str, str]) -> list[Found]:
        """Count an action's categories; give them, for the agent's votes."""
        of = self._hasher.of
        found = []
        for place in self._all_places(x):
            if place.name in x:
                context = x.get(place.context) if place.context else None
                inside = place.inside(context) if context is not None else 0
                found.append(Found(place, 0.0, of(x[place.name]) & _LOW32, inside))
        self.count(found)
        return found

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
        value = self._hasher.of(x[place.name]) & _LOW32
        q = self._peer_probability(place, value)
        own = self.counts.mixed(place.node, value, q)
        steps = [("anyone", place.uniform), ("peers", q), ("agent", own)]
        context = x.get(place.context) if place.context else None
        if context is not None:
            node = place.inside(context)
            inner = self.counts.probability(node, value, own)
            steps.append((f"after {context}", (1 - ADOPTION) * inner + ADOPTION * own))
        return steps

    def count_of(self, place: Place, value: str) -> int:
        """Decayed count of a category's value, in units of 1/4096 event."""
        key = place.node << 32 | (self._hasher.of(value) & _LOW32)
        return self.counts.counts.get(key, 0)

    def total_of(self, place: Place) -> int:
        """Decayed count of all values of a category, in units of 1/4096 event."""
        return self.counts.total.get(place.node, 0)

    def own_day(self, key: int) -> int | None:
        """Day of the agent's own published vote for a value."""
        if key in self.pending:
            day = self.pending[key]
            return None if day < 0 else day
        return self.votes.get(key)

    def _bits(self, counts: AgentCounts, place: Place, value: int, x: dict[str, str]) -> float:
        q = self._peer_probability(place, value)
        p = counts.mixed(place.node, value, q)
        context = x.get(place.context) if place.context else None
        if context is not None:
            node = place.inside(context)
            p = (1 - ADOPTION) * counts.probability(node, value, p) + ADOPTION * p
        return -log2(p)

    def _peer_probability(self, place: Place, value: int) -> float:
        if self._peers is None:
            return place.uniform
        own = self.own_day(place.base | value)
        return _peer_probability(place, value, -1 if own is None else own, self._peers.nodes)

    def _surprises(self, x: dict[str, str]) -> list[tuple[Place, float]]:
        of = self._hasher.of
        return [
            (place, self._bits(self.counts, place, of(x[place.name]) & _LOW32, x))
            for place in self._all_places(x)
            if place.name in x
        ]

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


def _peer_probability(
    place: Place, value: int, own_day: int, levels: tuple[dict[int, VoteNode], ...]
) -> float:
    """P(value) among fleet and group without the agent's own vote of `own_day` (-1: none)."""
    q = place.uniform
    for nodes in levels:
        node = nodes.get(place.index)
        if node is None:
            continue
        count, n, m = node.counts.get(value, 0), node.total, node.discounted
        if own_day >= 0 and count:
            age = node.day - own_day
            rest = count - (node.weights[age] if age <= HORIZON_DAYS else 0)
            if rest < 0:
                rest = 0
            n -= count - rest
            if rest < DISCOUNT:
                m -= (count if count < DISCOUNT else DISCOUNT) - rest
            count = rest
        if n > 0:
            kept = count - DISCOUNT if count > DISCOUNT else 0
            q = (kept + (STRENGTH + m) * q) / (n + STRENGTH)
    return q
