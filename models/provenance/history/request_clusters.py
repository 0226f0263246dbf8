"""The tables of a role: clusters of requests, known values and known flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.provenance.history.session_votes import RetainedVotes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from models.provenance.session import EarlySession

MAX_CLUSTERS = 256
MAX_KNOWN = 32_768
MAX_BAG = 128
YOUNG = 100  # sessions of a role after which its history is cleaned
RARE = 8  # a value in so few of these counts as new
REPEAT_BONUS_DAYS = 30  # days that a value of several days is kept longer
MAX_MARKS = 3  # different marks under one key
MARK_DAYS = 21  # days without a new mark after which the marks of a key expire
_MARK_BITS = 15
_MARK_MASK = (1 << _MARK_BITS) - 1
_DAY_SHIFT = MAX_MARKS * _MARK_BITS
_MARKS = (1 << _DAY_SHIFT) - 1


class Table(dict[int, int]):
    """Counts or days by hash, with the set of changed keys. Write with `put` only.

    Examples
    --------
    >>> table = Table()
    >>> table.put(7, 1)
    >>> table, table.changed
    ({7: 1}, {7})
    """

    __slots__ = ("changed",)

    def __init__(self) -> None:
        super().__init__()
        self.changed: set[int] = set()

    def put(self, key: int, value: int) -> None:
        """Set one value."""
        self[key] = value
        self.changed.add(key)

    def add(self, key: int, n: int) -> None:
        """Add to a count, or subtract; a count of zero is removed."""
        count = self.get(key, 0) + n
        if count > 0:
            self.put(key, count)
        else:
            self.forget(key)

    def forget(self, key: int) -> None:
        """Remove one key."""
        self.pop(key, None)
        self.changed.add(key)

    def bound(self, most: int) -> list[int]:
        """Remove a quarter of more than `most` keys, the smallest values first; give them."""
        if len(self) <= most:
            return []
        gone = sorted(self, key=lambda key: (self[key], key))[: most // 4]
        for key in gone:
            del self[key]
        self.changed.update(gone)
        return gone

    def record_day(self, key: int, day: int) -> None:
        """Record the use of `key` on `day`; the least recently used keys are evicted.

        A key of several days is kept `REPEAT_BONUS_DAYS` longer. Most keys occur once, like the
        number of a case, and would evict the recurrent ones.

        >>> table = Table()
        >>> for key, day in ((7, 20_000), (7, 20_003), (8, 20_010)):
        ...     table.record_day(key, day)
        >>> sorted(table, key=table.get)
        [8, 7]
        """
        again = self.get(key, day) != day
        self.put(key, day + REPEAT_BONUS_DAYS if again else day)
        if len(self) > MAX_KNOWN:
            self.bound(MAX_KNOWN)

    def add_mark(self, key: int, member: int, day: int) -> int:
        """Add the mark of `member` to `key`, up to `MAX_MARKS`; give the number of marks.

        >>> table = Table()
        >>> [table.add_mark(7, member, 20_000) for member in (4, 5, 4)]
        [1, 2, 2]
        >>> table.add_mark(7, 6, 20_100)
        1
        """
        marks = _insert_mark(self._recent_marks(key, day), mark_of(member))
        self._put_marks(key, marks, day)
        return count_marks(marks)

    def add_cluster_mark(self, key: int, number: int, alike: AbstractSet[int], day: int) -> None:
        """Add the mark of a cluster to `key`, unless a similar cluster has one.

        Parameters
        ----------
        alike
            Marks of the similar clusters.

        >>> table = Table()
        >>> for number, alike in ((4, {4}), (5, {4, 5}), (6, {6})):
        ...     table.add_cluster_mark(7, number, {mark_of(other) for other in alike}, 20_000)
        >>> count_marks(table[7])
        2
        """
        marks = self._recent_marks(key, day)
        same = (mark for mark in each_mark(marks) if mark in alike)
        self._put_marks(key, _insert_mark(marks, next(same, mark_of(number))), day)

    def tally(self, key: int, day: int) -> int:
        """Increment the count of `key` and give it; it restarts after `MARK_DAYS` without use.

        >>> table = Table()
        >>> [table.tally(7, day) for day in (20_000, 20_001, 20_100)]
        [1, 2, 1]
        """
        count = self._recent_marks(key, day) + 1
        self._put_marks(key, count, day)
        return count

    def _recent_marks(self, key: int, day: int) -> int:
        return marks_of(self.get(key, 0), day)

    def _put_marks(self, key: int, marks: int, day: int) -> None:
        self.put(key, max(day, self.get(key, 0) >> _DAY_SHIFT) << _DAY_SHIFT | marks)
        self.bound(MAX_KNOWN)

    def count(self, found: Iterable[int]) -> None:
        """Add one session to each of `found`; the rarest keys are evicted."""
        for key in found:
            self[key] = self.get(key, 0) + 1
            self.changed.add(key)
        self.bound(MAX_KNOWN)


def mark_of(member: int) -> int:
    """Give the mark of a member: 15 bits, not all zero."""
    return member % _MARK_MASK + 1


def marks_of(packed: int, day: int) -> int:
    """Give the marks in the value of a key; none after they expire."""
    return packed & _MARKS if day - (packed >> _DAY_SHIFT) <= MARK_DAYS else 0


def _insert_mark(marks: int, mark: int) -> int:
    """Add a mark to the marks, unless it is present or there are `MAX_MARKS`."""
    place = 0
    while place < MAX_MARKS and (known := marks >> (place * _MARK_BITS) & _MARK_MASK):
        if known == mark:
            return marks
        place += 1
    return marks | mark << (place * _MARK_BITS) if place < MAX_MARKS else marks


def count_marks(marks: int, but: AbstractSet[int] = frozenset()) -> int:
    """Give the number of marks, without those of `but`."""
    return sum(1 for mark in each_mark(marks) if mark not in but)


def each_mark(marks: int) -> Iterator[int]:
    """Give the marks one by one."""
    each = (marks >> (place * _MARK_BITS) & _MARK_MASK for place in range(MAX_MARKS))
    return (mark for mark in each if mark)


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
        """Give what is known, in the order of the stored layout."""
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
