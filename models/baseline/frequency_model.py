"""Frequency model of one agent in one mode: counts, votes and past scores.

The class is the reference of the compiled kernel's class of the same name. Its methods run for
every event, and only they change the counts of an agent.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, NamedTuple

from models.baseline.counts import ADOPTION, DISCOUNT, STRENGTH, AgentCounts
from models.baseline.frequency_bytes import Row, read, write
from models.calibration.p_values import Calibrated, add_newcomer_scores, add_scores, calibrate
from models.calibration.score_window import ScoreWindow, bin_of
from models.features.extraction import FEATURES
from models.features.feature_slots import LOW32
from models.peers.groups import Groups, peer_probability
from models.ranked import MIN_BITS, STATISTICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.config import ModelConfig
    from models.features.feature_slots import FeatureSlot
    from models.peers.counts import PeerCounts
    from models.peers.groups import View

__all__ = ["Found", "FrequencyModel", "Groups", "Surprise"]
OFTEN = 8 * 4_096
"""Weight that a context of one tool needs before the context of two tools counts."""
FURTHER = 2.0  # bits by which a feature must exceed its earlier peak in the session
_TYPICAL_RATE = 0.05  # weight of one event in the typical bits


class Found(NamedTuple):
    """One category of an action: its feature, bits, hashed value, and node after its context."""

    feature: int
    bits: float
    value: int
    context_node: int


class Surprise(NamedTuple):
    """The categories of an action, in bits.

    Attributes
    ----------
    found
        Each category, in the order of `FEATURES`.
    total, maximum
        Sum and maximum of the bits.
    peak
        Highest rarity among the peers, in bits, of a category above its typical bits:
        `View.weighted`. Only categories that exceed their earlier peak in the session count.
    order
        Bits of the tool after the two before it, above the typical bits.
    steady
        `peak` over the categories that a new version leaves unchanged.
    rarest
        `peak` without regard to earlier peaks of the session.
    excesses
        Features far above their typical bits, each with its excess.
    repeated
        Bit set of the features in `excesses` that reached this excess in the session before.
    """

    found: list[Found]
    total: float
    maximum: float
    peak: float
    order: float
    steady: float
    rarest: float
    excesses: list[tuple[int, float]]
    repeated: int


class FrequencyModel:
    """Expected behaviour of one agent in one mode.

    Parameters
    ----------
    config
        Parameters of the model.

    Attributes
    ----------
    day
        Day of the stream that the counts are valid for.
    typical_bits
        Mean bits of each feature, in the order of `FEATURES`.

    Examples
    --------
    >>> from models.config import ModelConfig
    >>> view = Groups(ModelConfig(), b"0123456789abcdef").view("clerk/delegated")
    >>> model, x = FrequencyModel(ModelConfig()), {"tool": "mail.read", "hour": "workday 08"}
    >>> before = model.surprise(view, x, {})
    >>> model.learn(view, before, x, vote=False)
    >>> model.surprise(view, x, {}).total < before.total
    True
    >>> FrequencyModel.load(model.dump(), ModelConfig()).dump() == model.dump()
    True
    """

    __slots__ = ("_cap", "_half_life_days", "counts", "pending", "typical_bits", "votes", "windows")

    def __init__(self, config: ModelConfig) -> None:
        self._cap = config.daily_cap
        self._half_life_days = config.half_life_days
        self.counts = AgentCounts()
        self.votes: dict[int, int] = {}
        self.pending: dict[int, int] = {}
        self.typical_bits = [0.0] * len(FEATURES)
        self.windows = [ScoreWindow(size=config.agent_window) for _ in STATISTICS]

    @property
    def day(self) -> int:
        """Day of the stream that the counts are valid for."""
        return self.counts.day

    def start(self, day: int) -> None:
        """Start the counts of a new agent on a day."""
        self.counts.day = day

    def roll(self, day: int) -> None:
        """Decay the counts to a later day. An earlier day changes nothing."""
        self.counts.roll(day, self._half_life_days)

    def scale(self, factor: float) -> None:
        """Multiply every count."""
        self.counts.scale(factor)

    def published(self) -> None:
        """Note that all votes of the agent are published."""
        self.pending.clear()

    def surprise(self, view: View, x: dict[str, str], tops: dict[int, float]) -> Surprise:
        """Give the bits of each declared category of an action. The method changes nothing.

        Work at night is surprising once, not at each call: `tops` holds the earlier peaks of the
        session. The arithmetic is `AgentCounts.mixed` over `View.probability`, inlined for speed.
        """
        found: list[Found] = []
        excesses: list[tuple[int, float]] = []
        rarest, repeated = 0.0, 0
        groups, known, levels = view.groups, view.group.known, view.nodes
        of = groups.hasher.of
        counts, total, discounted = self.counts.counts, self.counts.total, self.counts.discounted
        votes, pending, typical_bits = self.votes, self.pending, self.typical_bits
        whole = maximum = peak = order = steady = q = 0.0
        chain = [0.0] * len(FEATURES)
        for slot in groups.slots:
            text = x.get(slot.name)
            if text is None:
                continue
            value = of(text) & LOW32
            if slot.extends >= 0:
                q, n = chain[slot.extends], 0
            else:
                key = slot.base | value
                own_day = pending[key] if key in pending else votes.get(key, -1)
                name = key << 32 | own_day + 1
                q = known.get(name, 0.0)
                if not q:
                    q = known[name] = peer_probability(slot, value, own_day, levels)
                n = total.get(slot.node, 0)
            if n:
                count = counts.get(key, 0)
                kept = count - DISCOUNT if count > DISCOUNT else 0
                p = (kept + (STRENGTH + discounted[slot.node]) * q) / (n + STRENGTH)
                q = (1 - ADOPTION) * p + ADOPTION * q
            context_node = 0
            context = x.get(slot.context) if slot.context is not None else None
            if context is not None:
                context_node = slot.context_node(context)
                if slot.together:
                    q = view.after(context_node, value, q)
                n = total.get(context_node, 0)
                if n:
                    count = counts.get(context_node << 32 | value, 0)
                    kept = count - DISCOUNT if count > DISCOUNT else 0
                    p = (kept + (STRENGTH + discounted[context_node]) * q) / (n + STRENGTH)
                    q = (1 - ADOPTION) * p + ADOPTION * q
            chain[slot.index] = q
            bits = -log2(q)
            excess = bits - typical_bits[slot.index]
            if excess >= MIN_BITS and value in slot.neighbours:
                bits = self._near_neighbours(slot, value, levels, bits)
                excess = bits - typical_bits[slot.index]
            if slot.extends < 0:
                whole += bits
                maximum = max(maximum, bits)
            else:
                order = excess
            if excess >= MIN_BITS and slot.alone:
                rare = view.weighted(slot.index, excess)
                excesses.append((slot.index, excess))
                rarest = max(rarest, rare)
                if excess < tops.get(slot.index, 0.0) + FURTHER:
                    repeated |= 1 << slot.index
                else:
                    peak = max(peak, rare)
                    if slot.steady:
                        steady = max(steady, rare)
            found.append(Found(slot.index, bits, value, context_node))
        return Surprise(found, whole, maximum, peak, order, steady, rarest, excesses, repeated)

    def _near_neighbours(
        self, slot: FeatureSlot, value: int, levels: tuple[dict[int, PeerCounts], ...], bits: float
    ) -> float:
        """Give the bits of a value near typical ones, such as an hour earlier than before."""
        for other, off in slot.neighbours[value]:
            own_day = self.own_day(slot.node, other)
            q = peer_probability(slot, other, own_day, levels)
            if self.counts.total.get(slot.node, 0):
                q = self.counts.mixed(slot.node, other, q)
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

    def add_scores(
        self,
        view: View,
        statistics: list[float | None],
        calibrated: Calibrated,
        gate: float,
        *,
        uncapped: bool = False,
    ) -> None:
        """Add an event's statistics to the windows; see `models.calibration.p_values`."""
        add_scores(statistics, calibrated, self.windows, view, gate, uncapped=uncapped)

    @staticmethod
    def add_newcomer_scores(view: View, statistics: list[float | None]) -> None:
        """Add the statistics of an agent's first days; see `models.calibration.p_values`."""
        add_newcomer_scores(statistics, view)

    def contribute_scores(
        self, view: View, surprise: Surprise, metrics: Sequence[float] = ()
    ) -> None:
        """Add excess bits of the features and bits of the metrics to the peers' windows.

        A missing feature, and one that its session had before, count as 0 bits.
        """
        first, typical_bits = len(STATISTICS), self.typical_bits
        entered = [(first + i, 0) for i in range(len(FEATURES))]
        for i, bits, _, _ in surprise.found:
            entered[i] = (
                first + i,
                0 if surprise.repeated >> i & 1 else bin_of(bits - typical_bits[i]),
            )
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
        """Count a scored action, vote for it, and update the typical bits.

        A vote also adds the action to the peers' windows: `contribute_scores`.
        """
        self._count(view, surprise.found, x, vote=vote)
        typical_bits = self.typical_bits
        if vote:
            self.contribute_scores(view, surprise, metrics)
        for index, bits, _, _ in surprise.found:
            typical_bits[index] += _TYPICAL_RATE * (bits - typical_bits[index])

    def count(self, view: View, x: dict[str, str], *, vote: bool) -> None:
        """Count an action that was held until now, and vote for it."""
        of, found = view.groups.hasher.of, []
        for slot in view.groups.slots:
            if slot.name in x:
                context = x.get(slot.context) if slot.context else None
                context_node = slot.context_node(context) if context is not None else 0
                found.append(Found(slot.index, 0.0, of(x[slot.name]) & LOW32, context_node))
        self._count(view, found, x, vote=vote)

    def _count(self, view: View, found: list[Found], x: dict[str, str], *, vote: bool) -> None:
        add, cap, slots = self.counts.add, self._cap, view.groups.slots
        total, order = self.counts.total, 0
        for index, _, value, context_node in found:
            slot = slots[index]
            if slot.extends >= 0:  # a longer context counts only if the shorter one is well known
                if context_node and total.get(order, 0) >= OFTEN:
                    add(context_node, value, cap)
                continue
            if index == 0:
                order = context_node
            if context_node:
                first = (
                    vote and slot.together and context_node << 32 | value not in self.counts.today
                )
                if add(context_node, value, cap) and first:
                    view.groups.follow(
                        view.name, context_node, value, x[slot.name], self.counts.day
                    )
            add(slot.node, value, cap)
        if not vote:
            return
        today, votes = self.counts.day, self.votes
        for index, _, value, _ in found:
            slot = slots[index]
            if slot.extends >= 0:
                continue
            key = slot.base | value
            before = votes.get(key, -1)
            if before < today:
                self.pending.setdefault(key, before)
                votes[key] = today
                view.groups.vote(view.name, index, value, x[slot.name], before, today)

    def add(self, node: int, value: int) -> bool:
        """Count one value at a node. False when the value reached its daily cap."""
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
        """Write the model. Equal models give equal bytes."""
        return write(self.day, self.typical_bits, self.windows, self.rows())

    @classmethod
    def load(cls, raw: bytes, config: ModelConfig) -> FrequencyModel:
        """Read what `dump` wrote; `ValueError` where that is malformed."""
        frequency_model = cls(config)
        day, frequency_model.typical_bits, frequency_model.windows, rows = read(raw)
        shape = len(frequency_model.typical_bits), len(frequency_model.windows)
        if shape != (len(FEATURES), len(STATISTICS)):
            raise ValueError(
                f"habits have {shape} features and windows, "
                f"expected {len(FEATURES), len(STATISTICS)}"
            )
        frequency_model.counts = AgentCounts(
            {row[0]: row[1] for row in rows if row[1]},
            {row[0]: row[2] for row in rows if row[2]},
            day,
        )
        frequency_model.votes = {row[0]: row[3] - 1 for row in rows if row[3]}
        frequency_model.pending = {row[0]: row[4] - 1 for row in rows if row[4] >= 0}
        return frequency_model
