"""The tables of a role: clusters of requests, known values and known flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.provenance.history.bounded_table import MAX_KNOWN, Table, count_marks, marks_of
from models.provenance.history.session_votes import RetainedVotes

if TYPE_CHECKING:
    from models.provenance.session import EarlySession

MAX_CLUSTERS = 256
MAX_BAG = 128
YOUNG = 100  # sessions of a role after which its history is cleaned
RARE = 8  # a value in so few of these counts as new


class Cluster:
    """Sessions with similar requests; every count is a number of sessions."""

    __slots__ = (
        "bag", "familiar", "flows", "keys", "n", "number", "skipped", "stored", "tools", "used_us",
        "values",
    )  # fmt: skip

    def __init__(self, number: int, bag: list[int], used_us: int) -> None:
        self.number = number
        self.bag = bag
        self.used_us = used_us
        self.n = self.familiar = self.skipped = 0
        self.stored = False
        self.tools = Table()
        self.keys = Table()
        self.values = Table()
        self.flows = Table()

    @property
    def tables(self) -> tuple[Table, Table, Table, Table]:
        """Give the counts in the order of the stored layout."""
        return self.tools, self.keys, self.values, self.flows


class RoleTable:
    """The clusters of a role, and the known keys of all its sessions with the last day of use.

    Attributes
    ----------
    known_at, known_values, roots, flow, flow_key
        Known values at their argument, values, hosts and directories, flows, and flows by key.
    waiting
        New value of a cluster -> the sessions with it; they wait for a quorum.
    suspicions
        Value that made sessions anomalous -> the clusters of these sessions.
    corroboration
        Anomalous argument, flow or value -> the agents, days, values or sessions with it.
    bindings
        Values bound to the entities of requests: `models.provenance.entity_binding`.
    spread
        Untypical value from a result -> its clusters: `models.provenance.cross_task_spread`.
    ordinary
        Values that are typical or requested: `models.provenance.cross_task_spread`.
    retained_votes
        Votes of sessions that a value made anomalous: `models.provenance.history.vote_retraction`.
    early_sessions
        The first sessions until history cleaning; the last `unstored` of them are not stored yet.
    """

    __slots__ = (
        "bindings", "clusters", "corroboration", "early_sessions", "flow", "flow_key", "gone",
        "known_at", "known_values", "n", "next_id", "ordinary", "retained_votes", "roots",
        "spread", "suspicions", "touched", "unstored", "waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.clusters: dict[int, Cluster] = {}
        self.next_id = 1
        self.n = 0
        self.known_at = Table()
        self.known_values = Table()
        self.roots = Table()
        self.flow = Table()
        self.flow_key = Table()
        self.waiting = Table()
        self.suspicions = Table()
        self.corroboration = Table()
        self.bindings = Table()
        self.spread = Table()
        self.ordinary = Table()
        self.retained_votes = RetainedVotes()
        self.touched: set[int] = set()
        self.gone: set[int] = set()
        self.early_sessions: list[EarlySession] = []
        self.unstored = 0

    @property
    def tables(self) -> tuple[Table, ...]:
        """Give the known tables in the order of the stored layout."""
        return (
            self.known_at, self.known_values, self.roots, self.flow, self.flow_key, self.waiting,
            self.suspicions, self.corroboration, self.bindings, self.spread, self.ordinary,
        )  # fmt: skip

    def recurs_across_tasks(self, value: int, day: int) -> bool:
        """Give whether a value made sessions of several tasks anomalous in the last `MARK_DAYS`."""
        return count_marks(marks_of(self.suspicions.get(value, 0), day)) > 1

    def evict_oldest(self) -> Cluster | None:
        """Remove and give the least recently used cluster when the role has `MAX_CLUSTERS`."""
        if len(self.clusters) < MAX_CLUSTERS:
            return None
        oldest = min(self.clusters.values(), key=lambda cluster: (cluster.used_us, cluster.number))
        self.gone.add(oldest.number)
        self.touched.discard(oldest.number)
        return self.clusters.pop(oldest.number)

    def add_cluster(self, bag: list[int], used_us: int) -> Cluster:
        """Add a new cluster."""
        number = self.next_id
        self.next_id += 1
        cluster = self.clusters[number] = Cluster(number, bag[:MAX_BAG], used_us)
        return cluster


_WHOLE = 1 << 40


class ToolShares:
    """Sum over a role's clusters of the share of sessions that used a tool.

    Integers in units of 2**-40 keep an updated sum equal to a recomputed one.
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
        """Add a cluster's shares, or subtract them before it changes (`sign` -1)."""
        if not cluster.n:
            return
        used = self._used
        for tool, sessions in cluster.tools.items():
            share = used.get(tool, 0) + sign * (sessions * _WHOLE // cluster.n)
            if share:
                used[tool] = share
            else:
                del used[tool]


class DocumentFrequencies:
    """Number of the fleet's clusters with each word, for the weights of words (idf)."""

    __slots__ = ("changed", "frequencies", "n")

    def __init__(self) -> None:
        self.frequencies = Table()
        self.n = 0
        self.changed = False

    def add(self, bag: list[int]) -> list[int]:
        """Count a new cluster's words; give the evicted words."""
        self.n += 1
        self.changed = True
        frequencies = self.frequencies
        for word in bag:
            frequencies.put(word, frequencies.get(word, 0) + 1)
        return frequencies.bound(MAX_KNOWN)
