"""The habits of one agent in one mode: counts, votes and past scores, and how an act fits them.

The reference of the compiled kernel's class of the same name: what runs for every event is here,
and nothing else touches the counts of an agent.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, NamedTuple

from models.baseline.counts import ADOPTION, DISCOUNT, STRENGTH, AgentCounts
from models.baseline.frequency_bytes import Row, read, write
from models.calibration.p_values import Calibrated, calibrate, take_in, take_in_new
from models.calibration.score_window import ScoreWindow, bin_of
from models.features.extraction import FEATURES
from models.features.feature_slots import LOW32
from models.peers.groups import Groups, peer_probability
from models.ranked import LEAST_BITS, STATISTICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.config import ModelConfig
    from models.features.feature_slots import Place
    from models.peers.counts import VoteNode
    from models.peers.groups import View

__all__ = ["Found", "Groups", "Habits", "Surprise"]
OFTEN = 8 * 4_096
"""Weight a tool must have been followed with before the tool before it matters as well."""
FURTHER = 2.0  # bits by which a feature has to go further than before in its session
_USUAL_RATE = 0.05  # weight of one event in what is ordinary for the agent


class Found(NamedTuple):
    """One category of an act: its feature, bits, hashed value, and node after its context."""

    feature: int
    bits: float
    value: int
    inside: int


class Surprise(NamedTuple):
    """The categories of an act, in bits.

    Attributes
    ----------
    found
        Each category, in the order of `FEATURES`.
    total, most
        Sum and maximum of the bits.
    peak
        Rarity among the peers, in bits, of the category that goes furthest beyond what is
        ordinary for the agent, and further than in its session before: `View.weighted`.
    order
        Bits of the tool after the two before it, above what is ordinary for the agent.
    steady
        `peak` over those categories that a new version leaves as they are.
    rarest
        `peak` whether or not the session went as far before.
    far
        Feature, and how far it goes beyond what is ordinary, where that is far.
    again
        Bit by bit, the features of `far` that went as far in this session before.
    """

    found: list[Found]
    total: float
    most: float
    peak: float
    order: float
    steady: float
    rarest: float
    far: list[tuple[int, float]]
    again: int


class Habits:
    """How one agent usually acts, in one mode.

    Parameters
    ----------
    config
        Parameters of the model.

    Attributes
    ----------
    day
        Day of the stream that the counts are valid for.
    usual
        Mean bits of each feature, in the order of `FEATURES`: what is ordinary for this agent.

    Examples
    --------
    >>> from models.config import ModelConfig
    >>> view = Groups(ModelConfig(), b"0123456789abcdef").view("clerk/delegated")
    >>> habits, x = Habits(ModelConfig()), {"tool": "mail.read", "hour": "workday 08"}
    >>> before = habits.surprise(view, x, {})
    >>> habits.learn(view, before, x, vote=False)
    >>> habits.surprise(view, x, {}).total < before.total
    True
    >>> Habits.load(habits.dump(), ModelConfig()).dump() == habits.dump()
    True
    """

    __slots__ = ("_cap", "_half_life_days", "counts", "pending", "usual", "votes", "windows")

    def __init__(self, config: ModelConfig) -> None:
        self._cap = config.daily_cap
        self._half_life_days = config.half_life_days
        self.counts = AgentCounts()
        self.votes: dict[int, int] = {}
        self.pending: dict[int, int] = {}
        self.usual = [0.0] * len(FEATURES)
        self.windows = [ScoreWindow(size=config.agent_window) for _ in STATISTICS]

    @property
    def day(self) -> int:
        """Day of the stream that the counts are valid for."""
        return self.counts.day

    def start(self, day: int) -> None:
        """Let the counts of an agent not seen before begin on a day."""
        self.counts.day = day

    def roll(self, day: int) -> None:
        """Let the counts fade to a later day; an earlier day changes nothing."""
        self.counts.roll(day, self._half_life_days)

    def scale(self, factor: float) -> None:
        """Multiply every count."""
        self.counts.scale(factor)

    def published(self) -> None:
        """Note that all votes of the agent are published."""
        self.pending.clear()

    def surprise(self, view: View, x: dict[str, str], tops: dict[int, float]) -> Surprise:
        """Give the bits of each declared category of an act; changes nothing.

        A night's work is odd once and not with each of its calls: what the session had before,
        in `tops`, is not looked at again. The same arithmetic as `AgentCounts.mixed` over
        `View.probability`, written out: it runs for every event.
        """
        found: list[Found] = []
        far: list[tuple[int, float]] = []
        rarest, again = 0.0, 0
        groups, known, levels = view.groups, view.group.known, view.nodes
        of = groups.hasher.of
        counts, total, discounted = self.counts.counts, self.counts.total, self.counts.discounted
        votes, pending, usual = self.votes, self.pending, self.usual
        whole = most = peak = order = steady = q = 0.0
        chain = [0.0] * len(FEATURES)
        for place in groups.places:
            text = x.get(place.name)
            if text is None:
                continue
            value = of(text) & LOW32
            if place.under >= 0:
                q, n = chain[place.under], 0
            else:
                key = place.base | value
                own_day = pending[key] if key in pending else votes.get(key, -1)
                name = key << 32 | own_day + 1
                q = known.get(name, 0.0)
                if not q:
                    q = known[name] = peer_probability(place, value, own_day, levels)
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
                if place.together:
                    q = view.after(inside, value, q)
                n = total.get(inside, 0)
                if n:
                    count = counts.get(inside << 32 | value, 0)
                    kept = count - DISCOUNT if count > DISCOUNT else 0
                    p = (kept + (STRENGTH + discounted[inside]) * q) / (n + STRENGTH)
                    q = (1 - ADOPTION) * p + ADOPTION * q
            chain[place.index] = q
            bits = -log2(q)
            excess = bits - usual[place.index]
            if excess >= LEAST_BITS and value in place.beside:
                bits = self._beside(place, value, levels, bits)
                excess = bits - usual[place.index]
            if place.under < 0:
                whole += bits
                most = max(most, bits)
            else:
                order = excess
            if excess >= LEAST_BITS and place.alone:
                rare = view.weighted(place.index, excess)
                far.append((place.index, excess))
                rarest = max(rarest, rare)
                if excess < tops.get(place.index, 0.0) + FURTHER:
                    again |= 1 << place.index
                else:
                    peak = max(peak, rare)
                    if place.steady:
                        steady = max(steady, rare)
            found.append(Found(place.index, bits, value, inside))
        return Surprise(found, whole, most, peak, order, steady, rarest, far, again)

    def _beside(
        self, place: Place, value: int, levels: tuple[dict[int, VoteNode], ...], bits: float
    ) -> float:
        """Give the bits of a value that may stand beside a usual one: an hour earlier than ever."""
        for other, off in place.beside[value]:
            own_day = self.own_day(place.node, other)
            q = peer_probability(place, other, own_day, levels)
            if self.counts.total.get(place.node, 0):
                q = self.counts.mixed(place.node, other, q)
            bits = min(bits, off - log2(q))
        return bits

    def calibrate(
        self,
        view: View,
        statistics: list[float | None],
        u: float,
        *,
        own: bool,
        new: bool = False,
    ) -> Calibrated:
        """Rank an event's statistics among past ones; see `models.calibration.p_values`."""
        return calibrate(statistics, self.windows, view, u, own=own, new=new)

    def take_in(
        self,
        view: View,
        statistics: list[float | None],
        calibrated: Calibrated,
        gate: float,
        *,
        whole: bool = False,
    ) -> None:
        """Let an event's statistics enter the windows; see `models.calibration.p_values`."""
        take_in(statistics, calibrated, self.windows, view, gate, whole=whole)

    @staticmethod
    def take_in_new(view: View, statistics: list[float | None]) -> None:
        """Let what is ranked of an agent's first days enter; see `models.calibration.p_values`."""
        take_in_new(statistics, view)

    def show(self, view: View, surprise: Surprise, metrics: Sequence[float] = ()) -> None:
        """Let the peers' windows see the excess bits of an act's features and its metrics' bits.

        A feature that it does not have is as usual, and so is one that its session had before.
        """
        first, usual = len(STATISTICS), self.usual
        entered = [(first + i, 0) for i in range(len(FEATURES))]
        for i, bits, _, _ in surprise.found:
            entered[i] = first + i, 0 if surprise.again >> i & 1 else bin_of(bits - usual[i])
        first += len(FEATURES)
        entered += [(first + i, bin_of(bits)) for i, bits in enumerate(metrics)]
        view.groups.score(view.name, entered)

    def learn(
        self,
        view: View,
        surprise: Surprise,
        x: dict[str, str],
        *,
        vote: bool,
        metrics: Sequence[float] = (),
    ) -> None:
        """Count an act that `surprise` has seen, vote for it, and move what is ordinary.

        With a vote, the peers' windows see it: `show`.
        """
        self._count(view, surprise.found, x, vote=vote)
        usual = self.usual
        if vote:
            self.show(view, surprise, metrics)
        for index, bits, _, _ in surprise.found:
            usual[index] += _USUAL_RATE * (bits - usual[index])

    def count(self, view: View, x: dict[str, str], *, vote: bool) -> None:
        """Count an act that was held until now, and vote for it."""
        of, found = view.groups.hasher.of, []
        for place in view.groups.places:
            if place.name in x:
                context = x.get(place.context) if place.context else None
                inside = place.inside(context) if context is not None else 0
                found.append(Found(place.index, 0.0, of(x[place.name]) & LOW32, inside))
        self._count(view, found, x, vote=vote)

    def _count(self, view: View, found: list[Found], x: dict[str, str], *, vote: bool) -> None:
        add, cap, places = self.counts.add, self._cap, view.groups.places
        total, order = self.counts.total, 0
        for index, _, value, inside in found:
            place = places[index]
            if place.under >= 0:  # a longer context only where the shorter one is well known
                if inside and total.get(order, 0) >= OFTEN:
                    add(inside, value, cap)
                continue
            if index == 0:
                order = inside
            if inside:
                first = vote and place.together and inside << 32 | value not in self.counts.today
                if add(inside, value, cap) and first:
                    view.groups.follow(view.name, inside, value, x[place.name], self.counts.day)
            add(place.node, value, cap)
        if not vote:
            return
        today, votes = self.counts.day, self.votes
        for index, _, value, _ in found:
            place = places[index]
            if place.under >= 0:
                continue
            key = place.base | value
            before = votes.get(key, -1)
            if before < today:
                self.pending.setdefault(key, before)
                votes[key] = today
                view.groups.vote(view.name, index, value, x[place.name], before, today)

    def add(self, node: int, value: int) -> bool:
        """Count one value at a node; False when it has had its share of the day."""
        return self.counts.add(node, value, self._cap)

    def count_of(self, node: int, value: int) -> int:
        """Decayed count of a value at a node, in units of 1/4096 event."""
        return self.counts.counts.get(node << 32 | value, 0)

    def total_of(self, node: int) -> int:
        """Decayed count of all values at a node, in units of 1/4096 event."""
        return self.counts.total.get(node, 0)

    def probability(self, node: int, value: int, parent: float) -> float:
        """P(value) at a node, given the parent level's probability."""
        return self.counts.probability(node, value, parent)

    def own_day(self, node: int, value: int) -> int:
        """Day of the agent's own published vote for a value, -1 without one."""
        key = node << 32 | value
        return self.pending[key] if key in self.pending else self.votes.get(key, -1)

    def rows(self) -> list[Row]:
        """Give (key, count, today, day of the vote, published day) in order of the keys.

        A day is counted from 1; 0 is no vote. The published day is -1 where it is the vote's.
        """
        counts, today = self.counts.counts, self.counts.today
        votes, pending = self.votes, self.pending
        keys = sorted(counts.keys() | today.keys() | votes.keys())
        return [
            (key, counts.get(key, 0), today.get(key, 0), votes.get(key, -1) + 1,
             pending[key] + 1 if key in pending else -1)
            for key in keys
        ]  # fmt: skip

    def dump(self) -> bytes:
        """Write the habits; the same habits give the same bytes."""
        return write(self.day, self.usual, self.windows, self.rows())

    @classmethod
    def load(cls, raw: bytes, config: ModelConfig) -> Habits:
        """Read what `dump` wrote; `ValueError` where that is malformed."""
        habits = cls(config)
        day, habits.usual, habits.windows, rows = read(raw)
        shape = len(habits.usual), len(habits.windows)
        if shape != (len(FEATURES), len(STATISTICS)):
            raise ValueError(
                f"habits have {shape} features and windows, "
                f"expected {len(FEATURES), len(STATISTICS)}"
            )
        habits.counts = AgentCounts(
            {row[0]: row[1] for row in rows if row[1]},
            {row[0]: row[2] for row in rows if row[2]},
            day,
        )
        habits.votes = {row[0]: row[3] - 1 for row in rows if row[3]}
        habits.pending = {row[0]: row[4] - 1 for row in rows if row[4] >= 0}
        return habits
