"""Votes and score windows of the peer groups.

The frequency model of an agent is compared with them. Contributions wait until the next
publication. The class is the reference of the compiled kernel's class of the same name.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

import msgspec

from models.baseline.counts import DISCOUNT, HORIZON_DAYS, STRENGTH
from models.calibration.score_window import PRIOR_SCORES, TOP, UNBOUNDED
from models.codec.hashing import Hasher
from models.features.feature_slots import slots_of
from models.peers.group import AFTER, FLEET, NEWCOMERS, Group, parent_group
from models.ranked import FIRST_METRIC, MIN_BITS, SHARED_BITS, STATISTICS, WINDOWS

if TYPE_CHECKING:
    from models.config import ModelConfig
    from models.features.feature_slots import FeatureSlot
    from models.peers.counts import PeerCounts

VOTED_FOR_DAYS = 7
"""Votes after a context are dated to the first of so many days. So each value has few days."""

MAX_NAME = 256
"""Most characters kept of the name of a value."""

_MODES_AT = 1  # level of a role in all its modes; a group has one mode
_encode = msgspec.msgpack.Encoder().encode
_Vote = tuple[str, int, int, str, int, int]
_StoredPending = tuple[list[_Vote], list[tuple[str, list[list[int]]]], int]


class View:
    """The groups as one agent sees them: its own, its role in all modes, and the fleet."""

    __slots__ = ("fleet", "group", "groups", "name", "newcomers", "nodes")

    def __init__(self, groups: Groups, name: str) -> None:
        self.groups = groups
        self.name = name
        self.fleet = groups.group(FLEET)
        self.group = groups.group(name)  # the fleet again for an agent without a group
        self.newcomers = groups.group(NEWCOMERS)
        named = dict.fromkeys((FLEET, parent_group(name), name))
        self.nodes = tuple(groups.group(one).nodes for one in named)

    def probability(self, feature: int, value: int, own_day: int, uniform: float) -> float:
        """P(value) of a feature among fleet and group, without the own vote of a day (-1: none)."""
        q = uniform
        for node in peers_of(self.nodes, feature):
            q = node.probability(value, own_day if own_day >= 0 else None, q)
        return q

    def after(self, context_node: int, value: int, parent: float) -> float:
        """P(value) after a context among the peers.

        Parameters
        ----------
        context_node
            The feature's node after the context.
        parent
            Probability of the value without the context.
        """
        q = parent
        for node in peers_of(self.nodes, AFTER | context_node):
            q = node.probability(value, None, q)
        return q

    def rarity(self, channel: int, bits: float) -> float:
        """Give how rare so many bits of a feature or metric are among the peers, in bits.

        It is `ScoreWindow.rarity`, at most as rare as the model says: in an empty tail a rank
        cannot separate 2 from 20 bits. Rarities compare between features, and bits do not: a new
        partner comes every day, a new country never. 0 below `MIN_BITS`.

        Parameters
        ----------
        channel
            Index of a feature, or number of features plus index of a metric.
        """
        if bits < MIN_BITS:
            return 0.0
        at = len(STATISTICS) + channel
        fleet = self.fleet.windows[at]
        if fleet.n < self.groups.pool_minimum:
            return 0.0
        rare = fleet.rarity(bits)
        window = self.group.windows[at]
        n = float(window.n)
        if window is fleet or not n:
            return rare
        share = 2.0**-rare
        rank = (window.above(bits) + PRIOR_SCORES * share) / (n + PRIOR_SCORES)
        return -log2(max(rank, min(share, 1.0 / (n + 1.0))))

    def has_scores(self, channel: int) -> bool:
        """Tell whether the fleet has enough scores of a feature or metric to rank it."""
        return self.fleet.windows[len(STATISTICS) + channel].n >= self.groups.pool_minimum

    def weighted(self, channel: int, bits: float) -> float:
        """Give the rarity less `SHARED_BITS`, for the maximum over features and metrics."""
        return max(0.0, self.rarity(channel, bits) - SHARED_BITS[channel])

    def knows(self, feature: int) -> bool:
        """Tell whether the group has votes on a feature, or its role in another mode."""
        levels = self.nodes[_MODES_AT:] or self.nodes
        nodes = (level.get(feature) for level in levels)
        return any(node is not None and node.ballot.names for node in nodes)

    def names(self, feature: int) -> dict[int, str]:
        """Give the known names of a feature's values."""
        node = self.group.nodes.get(feature)
        return dict(node.ballot.names) if node is not None else {}


def peers_of(levels: tuple[dict[int, PeerCounts], ...], feature: int) -> list[PeerCounts]:
    """Give the votes of a feature, from general to specific.

    The group of a role in all modes counts only where other modes add votes.
    """
    nodes = [level.get(feature) for level in levels]
    if len(nodes) > _MODES_AT + 1:
        role, group = nodes[_MODES_AT], nodes[_MODES_AT + 1]
        if role is not None and group is not None and role.total <= group.total:
            nodes[_MODES_AT] = None
    return [node for node in nodes if node is not None]


def peer_probability(
    slot: FeatureSlot, value: int, own_day: int, levels: tuple[dict[int, PeerCounts], ...]
) -> float:
    """P(value) among fleet and group without the agent's own vote of `own_day` (-1: none)."""
    q = slot.uniform
    for node in peers_of(levels, slot.index):
        count, n, m = node.counts.get(value, 0), node.total, node.discounted
        if own_day >= 0 and count:
            age = max(0, node.day - own_day)
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


class Groups:
    """All groups of one stream, and contributions that await publication.

    Parameters
    ----------
    config
        Parameters of the model.
    key
        Secret of the installation, under which names are hashed.

    Attributes
    ----------
    size
        Size of the waiting contributions.

    Examples
    --------
    >>> from models.config import ModelConfig
    >>> groups = Groups(ModelConfig(), b"0123456789abcdef")
    >>> groups.vote("clerk/delegated", 0, 7, "mail.read", -1, 0)
    >>> view = groups.view("clerk/delegated")
    >>> view.probability(0, 7, -1, 1 / 4096) == 1 / 4096
    True
    >>> groups.publish(0)
    >>> view.probability(0, 7, -1, 1 / 4096) > 0.1
    True
    """

    def __init__(self, config: ModelConfig, key: bytes) -> None:
        self.hasher = Hasher(key)
        self.slots = slots_of(self.hasher)
        self.pool_minimum = config.pool_minimum
        self._config = config
        self.day = 0
        self.groups: dict[str, Group] = {FLEET: Group(config)}
        self.size = 0
        self._votes: list[_Vote] = []
        self._scores: dict[str, list[dict[int, int]]] = {}
        self._written = 0  # of the votes
        self._written_scores: dict[str, list[dict[int, int]]] = {}
        self._changed: set[str] = set()

    def group(self, name: str) -> Group:
        """Give a group, a new one on first sight."""
        group = self.groups.get(name)
        if group is None:
            group = self.groups[name] = Group(self._config)
        return group

    def view(self, name: str) -> View:
        """Give the groups as an agent of one of them sees them."""
        return View(self, name)

    def vote(self, group: str, feature: int, value: int, text: str, old: int, new: int) -> None:
        """Let an agent vote for a value, in its group and the fleet; `old` is -1 for none."""
        self._votes.append((group, feature, value, text[:MAX_NAME], old, new))
        self.size += 2

    def follow(self, group: str, context_node: int, value: int, text: str, day: int) -> None:
        """Let an agent vote for a value after a context, in its group and in its role."""
        self.vote(group, AFTER | context_node, value, text, -1, day - day % VOTED_FOR_DAYS)

    def score(self, group: str, entered: list[tuple[int, int]]) -> None:
        """Contribute an event's (statistic, bin) to the group's and the fleet's windows.

        Scores of newcomers do not enter the windows of the fleet.
        """
        for name in (group,) if group in (FLEET, NEWCOMERS) else (FLEET, group):
            statistics = self._scores.get(name)
            if statistics is None:
                statistics = self._scores[name] = [{} for _ in range(WINDOWS)]
            for statistic, cell in entered:
                cells = statistics[statistic]
                cells[cell] = cells.get(cell, 0) + 1
        self.size += 1

    def publish(self, day: int) -> None:
        """Decay votes to a day, and publish the waiting contributions."""
        self.roll(day)
        for group, feature, value, text, old, new in self._votes:
            before = old if old >= 0 else None
            role = (parent_group(group), group)
            for name in dict.fromkeys(role if feature >= AFTER else (FLEET, *role)):
                node = self.group(name).node(feature, self.day)
                if node is not None:
                    node.move(value, text, before, new)
                    self._changed.add(name)
        for name, statistics in self._scores.items():
            for at, (window, cells) in enumerate(
                zip(self.group(name).windows, statistics, strict=True)
            ):
                # Metrics are unbounded. Small windows keep all scores.
                bounded = at >= FIRST_METRIC and window.n >= self.pool_minimum
                maximum = window.reach() if bounded and cells and max(cells) > UNBOUNDED else TOP
                for cell in sorted(cells):
                    window.add_cell(min(cell, maximum), cells[cell])
            self._changed.add(name)
        for known in self.groups.values():
            known.known.clear()
        self._wait_for_nothing()

    def roll(self, day: int) -> None:
        """Decay every vote to a later day. An earlier day changes nothing."""
        if day > self.day:
            self.day = day
            for group in self.groups.values():
                group.roll(day)

    def changed(self) -> list[str]:
        """Name the groups that changed since the last call."""
        names = sorted(self._changed)
        self._changed.clear()
        return names

    def dump_group(self, name: str) -> bytes:
        """Write a group."""
        return self.group(name).dump()

    def load_group(self, name: str, raw: bytes) -> None:
        """Read what `dump_group` wrote; `ValueError` where that is malformed."""
        self.group(name).read(raw, self.day)

    def dump_pending(self, *, since: bool = False) -> bytes:
        """Write the waiting contributions: all, or with `since` those since `written_pending`."""
        votes = self._votes[self._written :] if since else self._votes
        scores = []
        for name, statistics in sorted(self._scores.items()):
            before = self._written_scores.get(name) if since else None
            flat = [_flat(cells) for cells in _beyond(statistics, before)]
            if before is None or any(flat):
                scores.append((name, flat))
        return _encode((votes, scores, self.size))

    def written_pending(self) -> None:
        """Note that all waiting contributions are stored."""
        self._written = len(self._votes)
        self._written_scores = {
            name: [dict(cells) for cells in statistics] for name, statistics in self._scores.items()
        }

    def load_pending(self, raw: bytes) -> None:
        """Replace the waiting contributions by what `dump_pending` wrote."""
        self._wait_for_nothing()
        self.add_pending(raw)

    def add_pending(self, raw: bytes) -> None:
        """Add what `dump_pending` wrote. Raise `ValueError` where it is malformed."""
        votes, scores, self.size = msgspec.msgpack.decode(raw, type=_StoredPending)
        self._votes += votes
        for name, statistics in scores:
            known = self._scores.setdefault(name, [{} for _ in range(WINDOWS)])
            for cells, entered in zip(known, statistics, strict=True):
                for cell, times in zip(entered[::2], entered[1::2], strict=True):
                    cells[cell] = cells.get(cell, 0) + times

    def _wait_for_nothing(self) -> None:
        self._votes, self._scores, self.size = [], {}, 0
        self._written, self._written_scores = 0, {}


def _flat(cells: dict[int, int]) -> list[int]:
    return [n for pair in sorted(cells.items()) for n in pair]


def _beyond(
    statistics: list[dict[int, int]], before: list[dict[int, int]] | None
) -> list[dict[int, int]]:
    """Give the scores entered since `before`. Without it, give all."""
    if before is None:
        return statistics
    return [
        {cell: more for cell, times in cells.items() if (more := times - known.get(cell, 0))}
        for cells, known in zip(statistics, before, strict=True)
    ]
