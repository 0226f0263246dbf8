"""What a role's sessions looked like: clusters of requests, known values and flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.provenance.history.session_votes import Ballots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from models.provenance.session import First

MAX_CLUSTERS = 256
MAX_KNOWN = 32_768
MAX_BAG = 128
YOUNG = 100  # sessions of a role, which are then looked at again
RARE = 8  # what so few of these carried is judged as if none had
KEPT_LONGER = 30  # days that a value outlives one that came on one day alone
MOST_NOTED = 3  # different ones kept under a key of `Table.note`
NOTED_DAYS = 21  # after so many days without a new note, what is noted under a key is forgotten
_NOTED_BITS = 15
_NOTED = (1 << _NOTED_BITS) - 1
_DAY_PLACE = MOST_NOTED * _NOTED_BITS
_MARKS = (1 << _DAY_PLACE) - 1


class Table(dict[int, int]):
    """Counts or days by hash; notes which of them changed. Write through `put` alone.

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
        """Add to a count, or take from it; nothing is left of one that falls to zero."""
        count = self.get(key, 0) + n
        if count > 0:
            self.put(key, count)
        else:
            self.forget(key)

    def forget(self, key: int) -> None:
        """Take out one key."""
        self.pop(key, None)
        self.changed.add(key)

    def bound(self, most: int) -> list[int]:
        """Forget a quarter when there are more than `most`, the smallest first; give these."""
        if len(self) <= most:
            return []
        gone = sorted(self, key=lambda key: (self[key], key))[: most // 4]
        for key in gone:
            del self[key]
        self.changed.update(gone)
        return gone

    def remember(self, key: int, day: int) -> None:
        """Note that `key` was carried on `day`; bounded, the longest unused go first.

        What came up on several days is kept `KEPT_LONGER`: most values come once, as the number of
        a case does, and would crowd out those that come again and again.

        >>> table = Table()
        >>> for key, day in ((7, 20_000), (7, 20_003), (8, 20_010)):
        ...     table.remember(key, day)
        >>> sorted(table, key=table.get)
        [8, 7]
        """
        again = self.get(key, day) != day
        self.put(key, day + KEPT_LONGER if again else day)
        if len(self) > MAX_KNOWN:
            self.bound(MAX_KNOWN)

    def note(self, key: int, who: int, day: int) -> int:
        """Note that `who` is among those under `key`, a few at most; give how many there are.

        >>> table = Table()
        >>> [table.note(7, who, 20_000) for who in (4, 5, 4)], table.note(7, 6, 20_100)
        ([1, 2, 2], 1)
        """
        marks = _with(self._noted_of_late(key, day), mark_of(who))
        self._put_noted(key, marks, day)
        return noted(marks)

    def note_kind(self, key: int, number: int, alike: AbstractSet[int], day: int) -> None:
        """Note a kind of request among those under `key`, or one of its like that is there.

        Parameters
        ----------
        alike
            Marks of the kinds that are like it.

        >>> table = Table()
        >>> for number, alike in ((4, {4}), (5, {4, 5}), (6, {6})):
        ...     table.note_kind(7, number, {mark_of(other) for other in alike}, 20_000)
        >>> noted(table[7])
        2
        """
        marks = self._noted_of_late(key, day)
        same = (mark for mark in each_of(marks) if mark in alike)
        self._put_noted(key, _with(marks, next(same, mark_of(number))), day)

    def tally(self, key: int, day: int) -> int:
        """Count once more under `key`, from one again after `NOTED_DAYS` without; give the count.

        >>> table = Table()
        >>> [table.tally(7, day) for day in (20_000, 20_001, 20_100)]
        [1, 2, 1]
        """
        count = self._noted_of_late(key, day) + 1
        self._put_noted(key, count, day)
        return count

    def _noted_of_late(self, key: int, day: int) -> int:
        return marks_of(self.get(key, 0), day)

    def _put_noted(self, key: int, marks: int, day: int) -> None:
        self.put(key, max(day, self.get(key, 0) >> _DAY_PLACE) << _DAY_PLACE | marks)
        self.bound(MAX_KNOWN)

    def count(self, found: Iterable[int]) -> None:
        """Add one session to each of `found`; bounded, the rarest go first."""
        for key in found:
            self[key] = self.get(key, 0) + 1
            self.changed.add(key)
        self.bound(MAX_KNOWN)


def mark_of(who: int) -> int:
    """Give 15 bits, never all zero, that stand for one of those noted under a key."""
    return who % _NOTED + 1


def marks_of(packed: int, day: int) -> int:
    """Give the marks in the value of a key, none when the last note is long ago."""
    return packed & _MARKS if day - (packed >> _DAY_PLACE) <= NOTED_DAYS else 0


def _with(marks: int, mark: int) -> int:
    """Give the marks and one more, where it is none of them and there is a place left."""
    place = 0
    while place < MOST_NOTED and (known := marks >> (place * _NOTED_BITS) & _NOTED):
        if known == mark:
            return marks
        place += 1
    return marks | mark << (place * _NOTED_BITS) if place < MOST_NOTED else marks


def noted(marks: int, but: AbstractSet[int] = frozenset()) -> int:
    """Give how many marks there are, leaving out some."""
    return sum(1 for mark in each_of(marks) if mark not in but)


def each_of(marks: int) -> Iterator[int]:
    """Give the marks one by one."""
    each = (marks >> (place * _NOTED_BITS) & _NOTED for place in range(MOST_NOTED))
    return (mark for mark in each if mark)


class Cluster:
    """Sessions with one kind of request; every count is a number of sessions."""

    __slots__ = (
        "bag", "flows", "full", "keys", "n", "number", "skipped", "stored", "tools", "used_us",
        "values",
    )  # fmt: skip

    def __init__(self, number: int, bag: list[int], used_us: int) -> None:
        self.number = number
        self.bag = bag
        self.used_us = used_us
        self.n = self.full = self.skipped = 0
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
    """One role's clusters, and what any of its sessions carried: key -> last day seen.

    Attributes
    ----------
    sightings
        Value that made a session unusual -> the clusters in whose sessions it did.
    doubters
        (cluster, place that made its session unusual) -> the agents that did so.
    names
        What came with the names of requests: `models.provenance.entity_binding`.
    wandering
        Value that came out of a result and was not usual -> the clusters it came to.
    ordinary
        Values that were usual or asked for: `models.provenance.cross_task_spread`.
    ballots
        What sessions said that a value made unusual: `models.provenance.history.vote_retraction`.
    first
        Its first sessions, until they are looked at again; `unsaid` of them are not stored yet.
    """

    __slots__ = (
        "anywhere", "at", "ballots", "clusters", "doubters", "first", "flow", "flow_key", "gone",
        "n", "names", "next_id", "ordinary", "roots", "sightings", "touched", "unsaid",
        "waiting", "wandering",
    )  # fmt: skip

    def __init__(self) -> None:
        self.clusters: dict[int, Cluster] = {}
        self.next_id = 1
        self.n = 0
        self.at = Table()
        self.anywhere = Table()
        self.roots = Table()
        self.flow = Table()
        self.flow_key = Table()
        self.waiting = Table()
        self.sightings = Table()
        self.doubters = Table()
        self.names = Table()
        self.wandering = Table()
        self.ordinary = Table()
        self.ballots = Ballots()
        self.touched: set[int] = set()
        self.gone: set[int] = set()
        self.first: list[First] = []
        self.unsaid = 0

    @property
    def tables(self) -> tuple[Table, ...]:
        """Give what is known, in the order of the stored layout."""
        return (
            self.at, self.anywhere, self.roots, self.flow, self.flow_key, self.waiting,
            self.sightings, self.doubters, self.names, self.wandering, self.ordinary,
        )  # fmt: skip

    def follows(self, value: int, day: int) -> bool:
        """Tell whether a value made sessions of several kinds of request unusual of late."""
        return noted(marks_of(self.sightings.get(value, 0), day)) > 1

    def make_room(self) -> Cluster | None:
        """Take out the least recently used cluster when there are as many as there may be."""
        if len(self.clusters) < MAX_CLUSTERS:
            return None
        oldest = min(self.clusters.values(), key=lambda cluster: (cluster.used_us, cluster.number))
        self.gone.add(oldest.number)
        self.touched.discard(oldest.number)
        return self.clusters.pop(oldest.number)

    def found(self, bag: list[int], used_us: int) -> Cluster:
        """Start a cluster."""
        number = self.next_id
        self.next_id += 1
        cluster = self.clusters[number] = Cluster(number, bag[:MAX_BAG], used_us)
        return cluster


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
            share = used.get(tool, 0) + sign * (sessions * _WHOLE // cluster.n)
            if share:
                used[tool] = share
            else:
                del used[tool]


class Documents:
    """How many clusters of the fleet hold a word: the weights of words (idf)."""

    __slots__ = ("changed", "holding", "n")

    def __init__(self) -> None:
        self.holding = Table()
        self.n = 0
        self.changed = False

    def add(self, bag: list[int]) -> list[int]:
        """Count a new cluster's words; give the words that were forgotten to make room."""
        self.n += 1
        self.changed = True
        holding = self.holding
        for word in bag:
            holding.put(word, holding.get(word, 0) + 1)
        return holding.bound(MAX_KNOWN)
