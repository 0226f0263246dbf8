"""What a role's sessions looked like: clusters of requests, known values and flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_CLUSTERS = 256
MAX_KNOWN = 32_768
MAX_WAITING = 4_096
MAX_BAG = 128


class Cluster(Struct, array_like=True):
    """Sessions with one kind of request; every count is a number of sessions."""

    bag: list[int]
    n: int = 0
    full: int = 0
    skipped: int = 0
    used_us: int = 0
    tools: dict[int, int] = {}
    keys: dict[int, int] = {}
    values: dict[int, int] = {}
    flows: dict[int, int] = {}

    def count(self, table: dict[int, int], found: Iterable[int]) -> None:
        """Add one session to each of `found`; bounded, the rarest go first."""
        for key in found:
            table[key] = table.get(key, 0) + 1
        if len(table) > MAX_KNOWN:
            for key in sorted(table, key=lambda k: (table[k], k))[: MAX_KNOWN // 4]:
                del table[key]


class RoleTable(Struct):
    """One role's clusters, and what any of its sessions carried: key -> last day seen."""

    clusters: dict[int, Cluster] = {}
    next_id: int = 1
    n: int = 0
    at: dict[int, int] = {}
    anywhere: dict[int, int] = {}
    roots: dict[int, int] = {}
    flow: dict[int, int] = {}
    flow_key: dict[int, int] = {}
    waiting: dict[int, int] = {}

    def make_room(self) -> Cluster | None:
        """Take out the least recently used cluster when there are as many as there may be."""
        if len(self.clusters) < MAX_CLUSTERS:
            return None
        return self.clusters.pop(min(self.clusters, key=lambda i: (self.clusters[i].used_us, i)))

    def found(self, bag: list[int], used_us: int) -> tuple[int, Cluster]:
        """Start a cluster."""
        number = self.next_id
        self.next_id += 1
        cluster = self.clusters[number] = Cluster(bag[:MAX_BAG], used_us=used_us)
        return number, cluster


_WHOLE = 1 << 40


class ToolShares:
    """Sum over a role's clusters of the share of sessions that used a tool.

    Kept in whole units of 2**-40, so that a sum kept up to date equals one computed anew.
    """

    def __init__(self, table: RoleTable) -> None:
        self.table = table
        self._used: dict[int, int] = {}
        for cluster in table.clusters.values():
            self.count(cluster)

    def of(self, tool: int) -> float:
        """Give the sum for a tool, 0 .. number of clusters."""
        return self._used.get(tool, 0) / _WHOLE

    def count(self, cluster: Cluster, sign: int = 1) -> None:
        """Add a cluster's shares, or take them away before it changes (`sign` -1)."""
        if not cluster.n:
            return
        used = self._used
        for tool, sessions in cluster.tools.items():
            used[tool] = used.get(tool, 0) + sign * (sessions * _WHOLE // cluster.n)


def remember(table: dict[int, int], key: int, day: int) -> None:
    """Note that `key` was carried on `day`; bounded, the longest unused go first."""
    table[key] = day
    if len(table) > MAX_KNOWN:
        for old in sorted(table, key=lambda k: (table[k], k))[: MAX_KNOWN // 4]:
            del table[old]


class Documents(Struct):
    """How many clusters of the fleet hold a word: the weights of words (idf)."""

    holding: dict[int, int] = {}
    n: int = 0
    latest: list[int] = []

    def add(self, bag: list[int]) -> None:
        """Count a new cluster's words."""
        self.n += 1
        self.latest = bag
        for word in bag:
            self.holding[word] = self.holding.get(word, 0) + 1
        if len(self.holding) > MAX_KNOWN:
            rare = sorted(self.holding, key=lambda w: (self.holding[w], w))
            for word in rare[: MAX_KNOWN // 4]:
                del self.holding[word]
