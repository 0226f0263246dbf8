"""What the others do: votes, score windows and quantity levels of groups and of the fleet.

Published as versioned snapshots: contributions wait until the next publication, so what an event
is judged against depends on the snapshot's version and not on who else is being judged just now.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field

from models.calibration import ScoreWindow
from models.quantity import Level
from models.votes import Ballot, VoteNode

if TYPE_CHECKING:
    from models.config import ModelConfig

DAY_US = 86_400_000_000
FLEET = ""
MOST_PENDING = 20_000
STATISTICS = ("content", "sum", "peak", "volume")


class Pending(Struct, array_like=True):
    """Contributions since the last publication.

    Attributes
    ----------
    votes
        (group, feature index, value, name, old day or -1, new day).
    scores
        group -> by statistic, bin -> times.
    levels
        (group, quantity, value of a closed window).
    active
        Agents first seen on a day: day -> number.
    """

    votes: list[tuple[str, int, int, str, int, int]] = []
    scores: dict[str, list[dict[int, int]]] = {}
    levels: list[tuple[str, str, float]] = []
    active: dict[int, int] = {}
    size: int = 0


class Head(Struct):
    """The snapshot's own data."""

    version: int = 0
    epoch_us: int = -1
    published_us: int = 0
    watermark_us: int = 0
    day: int = 0
    active: dict[int, int] = {}
    sessions: ScoreWindow = field(default_factory=lambda: ScoreWindow(size=4_000))
    pending: Pending = field(default_factory=Pending)


class _StoredGroup(Struct, array_like=True):
    ballots: dict[int, Ballot]
    windows: list[ScoreWindow]
    levels: bytes


class Group:
    """One peer group, or the fleet."""

    def __init__(self, config: ModelConfig) -> None:
        self._half_life = config.half_life_days
        self.nodes: dict[int, VoteNode] = {}
        self.windows = [ScoreWindow(size=config.peer_window) for _ in STATISTICS]
        self.levels: dict[str, Level] = {}
        self.known: dict[int, float] = {}  # probabilities under this snapshot, see GroupView

    def node(self, feature: int, day: int) -> VoteNode:
        """Give the node of a feature, rolled to a day."""
        node = self.nodes.get(feature)
        if node is None:
            node = self.nodes[feature] = VoteNode(Ballot(), self._half_life)
            node.roll(day)
        return node

    def roll(self, day: int) -> None:
        """Let every vote fade to a later day."""
        for node in self.nodes.values():
            node.roll(day)

    def dump(self) -> bytes:
        """Write the group; the same group gives the same bytes."""
        levels = pickle.dumps(sorted(self.levels.items()), protocol=5) if self.levels else b""
        ballots = {index: node.ballot for index, node in self.nodes.items()}
        stored = _StoredGroup(ballots, self.windows, levels)
        return msgspec.msgpack.encode(stored)

    @classmethod
    def load(cls, raw: bytes, config: ModelConfig, day: int) -> Group:
        """Read a group; call only with bytes whose digest holds."""
        stored = msgspec.msgpack.decode(raw, type=_StoredGroup)
        group = cls(config)
        group.windows = stored.windows
        if stored.levels:
            group.levels = dict(pickle.loads(stored.levels))  # noqa: S301 - digest checked by the store
        for index, ballot in stored.ballots.items():
            node = group.nodes[index] = VoteNode(ballot, config.half_life_days)
            node.roll(day)
        return group


class Peers:
    """All groups, their published state and what waits to be published."""

    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        self.head = Head(sessions=ScoreWindow(size=config.session_window))
        self.groups: dict[str, Group] = {FLEET: Group(config)}
        self.dirty: set[str] = set()

    def group(self, name: str) -> Group:
        """Give a group, a new one on first sight."""
        group = self.groups.get(name)
        if group is None:
            group = self.groups[name] = Group(self.config)
        return group

    def day_of(self, time_us: int) -> int:
        """Days since the first event of the stream."""
        if self.head.epoch_us < 0:
            self.head.epoch_us = self.head.published_us = time_us
        return max(0, (time_us - self.head.epoch_us) // DAY_US)

    def advance(self, time_us: int) -> None:
        """Move the watermark; publish when a snapshot is due."""
        head = self.head
        if time_us <= head.watermark_us:
            return
        head.watermark_us = time_us
        due = time_us - head.published_us >= self.config.snapshot_minutes * 60_000_000
        if due or head.pending.size >= MOST_PENDING:
            self.publish()

    def publish(self) -> None:
        """Take in what waits and become the next version."""
        head, pending = self.head, self.head.pending
        head.published_us = head.watermark_us
        day = self.day_of(head.watermark_us)
        head.version += 1
        if day > head.day:
            head.day = day
            head.active = {d: n for d, n in head.active.items() if day - d <= 8}
            for group in self.groups.values():
                group.roll(day)
        for name, index, value, text, old, new in pending.votes:
            self.group(name).node(index, head.day).move(value, text, None if old < 0 else old, new)
            self.dirty.add(name)
        for name, statistics in pending.scores.items():
            for window, cells in zip(self.group(name).windows, statistics, strict=True):
                for cell in sorted(cells):
                    window.add_cell(cell, cells[cell])
            self.dirty.add(name)
        for name, quantity, amount in pending.levels:
            self.group(name).levels.setdefault(quantity, Level()).learn(amount)
            self.dirty.add(name)
        for first, number in pending.active.items():
            head.active[first] = head.active.get(first, 0) + number
        for group in self.groups.values():
            group.known.clear()
        head.pending = Pending()

    def vote(self, group: str, feature: int, value: int, text: str, old: int, new: int) -> None:
        """Let an agent vote for a value, in its group and the fleet; `old` is -1 for none."""
        pending = self.head.pending
        pending.votes.append((FLEET, feature, value, text[:64], old, new))
        if group != FLEET:
            pending.votes.append((group, feature, value, text[:64], old, new))
        pending.size += 2

    def score(self, group: str, entered: list[tuple[int, int]]) -> None:
        """Contribute an event's (statistic, bin) to the group's and the fleet's windows."""
        pending = self.head.pending
        for name in (FLEET, group) if group != FLEET else (FLEET,):
            statistics = pending.scores.get(name)
            if statistics is None:
                statistics = pending.scores[name] = [{} for _ in STATISTICS]
            for statistic, cell in entered:
                cells = statistics[statistic]
                cells[cell] = cells.get(cell, 0) + 1
        pending.size += 1

    def quantity(self, group: str, name: str, value: float) -> None:
        """Contribute the sum of a closed window."""
        self.head.pending.levels.append((group, name, value))
        if group != FLEET:
            self.head.pending.levels.append((FLEET, name, value))
        self.head.pending.size += 2

    def seen_on(self, day: int) -> None:
        """Count an agent that acts for the first time on a day."""
        active = self.head.pending.active
        active[day] = active.get(day, 0) + 1

    def active_agents(self) -> int:
        """Agents that act on a day: the most of the last eight days, at least 1."""
        return max(self.head.active.values(), default=1)

    def dump(self) -> list[tuple[str, bytes]]:
        """Write the head, and the groups that changed since the last call."""
        encode = msgspec.msgpack.Encoder().encode
        out = [("peers", encode(self.head))]
        out += [("group:" + name, self.groups[name].dump()) for name in sorted(self.dirty)]
        self.dirty.clear()
        return out

    def load(self, shared: dict[str, bytes]) -> None:
        """Read what `dump` wrote."""
        raw = shared.get("peers")
        if raw is None:
            return
        self.head = msgspec.msgpack.decode(raw, type=Head)
        for key, blob in shared.items():
            if key.startswith("group:"):
                self.groups[key[6:]] = Group.load(blob, self.config, self.head.day)
        for group in self.groups.values():
            group.roll(self.head.day)


class GroupView:
    """The peers as one agent sees them: its group first, then the fleet."""

    __slots__ = ("_fleet", "_group", "known", "name", "nodes", "peers")

    def __init__(self, peers: Peers, name: str) -> None:
        self.peers = peers
        self.name = name
        self._fleet = peers.group(FLEET)
        self._group = peers.group(name) if name != FLEET else None
        groups = (self._fleet, self._group) if self._group is not None else (self._fleet,)
        self.nodes = tuple(group.nodes for group in groups)
        self.known = groups[-1].known

    def probability(self, place: int, value: int, own_day: int | None, uniform: float) -> float:
        """P(value) at a feature among peers and fleet, without the asking agent's own vote."""
        q = uniform
        for nodes in self.nodes:
            node = nodes.get(place)
            if node is not None:
                q = node.probability(value, own_day, q)
        return q

    def names(self, place: int) -> dict[int, str]:
        """Give the known names of a feature's values."""
        node = (self._group or self._fleet).nodes.get(place)
        return node.ballot.names if node is not None else {}

    def level(self, name: str) -> Level | None:
        """Give the usual level of a quantity in the group, else in the fleet."""
        if self._group is not None:
            level = self._group.levels.get(name)
            if level is not None:
                return level
        return self._fleet.levels.get(name)

    def windows(self) -> list[ScoreWindow]:
        """Give the group's score windows; the fleet's for an agent without a group."""
        return (self._group or self._fleet).windows

    def fleet_windows(self) -> list[ScoreWindow]:
        """Give the fleet's score windows."""
        return self._fleet.windows
