"""Bounded tables of counts or days by hash, and the marks of members in one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

MAX_KNOWN = 32_768
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

    def bound(self, maximum: int) -> list[int]:
        """Remove a quarter of more than `maximum` keys, the smallest values first; give them."""
        if len(self) <= maximum:
            return []
        gone = sorted(self, key=lambda key: (self[key], key))[: maximum // 4]
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

    def add_cluster_mark(
        self, key: int, number: int, same_task: AbstractSet[int], day: int
    ) -> None:
        """Add the mark of a cluster to `key`, unless a similar cluster has one.

        Parameters
        ----------
        same_task
            Marks of the similar clusters.

        >>> table = Table()
        >>> for number, same_task in ((4, {4}), (5, {4, 5}), (6, {6})):
        ...     table.add_cluster_mark(7, number, {mark_of(other) for other in same_task}, 20_000)
        >>> count_marks(table[7])
        2
        """
        marks = self._recent_marks(key, day)
        same = (mark for mark in each_mark(marks) if mark in same_task)
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
    index = 0
    while index < MAX_MARKS and (known := marks >> (index * _MARK_BITS) & _MARK_MASK):
        if known == mark:
            return marks
        index += 1
    return marks | mark << (index * _MARK_BITS) if index < MAX_MARKS else marks


def count_marks(marks: int, but: AbstractSet[int] = frozenset()) -> int:
    """Give the number of marks, without those of `but`."""
    return sum(1 for mark in each_mark(marks) if mark not in but)


def each_mark(marks: int) -> Iterator[int]:
    """Give the marks one by one."""
    each = (marks >> (index * _MARK_BITS) & _MARK_MASK for index in range(MAX_MARKS))
    return (mark for mark in each if mark)
