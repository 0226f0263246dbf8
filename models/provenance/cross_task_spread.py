"""Detect values that spread across tasks: several clusters of requests, typical in none.

A value that an attacker plants in results appears wherever an agent reads them, for any request.
After sessions with it are learned, it is known at its argument and no longer anomalous there. A
legitimate value is typical in some cluster, or a request has named it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.provenance.history.bounded_table import MAX_KNOWN, Table, count_marks, marks_of
from models.provenance.request import KINDS
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from models.provenance.history.request_clusters import RoleTable
    from models.provenance.session import Session

MIN_OTHER_TASKS = 3  # clusters with the value, other than the request's own
MAX_SPREAD_BITS = 8.0  # bits that spread adds to a value at most
_BY_CHANCE = frozenset(map(KINDS.index, ("num", "date")))
_ORDINARY = 3  # sessions in which a value is typical make it ordinary; the largest count
_BITS = 2  # bits of the count, below the day of the last one


def record_spread(
    role: RoleTable, session: Session, number: int, same_task: AbstractSet[int], *, calm: bool
) -> None:
    """Record the untypical values of a session in its cluster, and count its typical values.

    Parameters
    ----------
    number
        Number of the session's cluster.
    same_task
        Marks of the similar clusters.
    calm
        Whether the session is ordinary enough to count typical values from results.
    """
    day = session.last_us // DAY_US
    for use in session.uses.values():
        if use.level and use.flow:
            role.spread.add_cluster_mark(use.value, number, same_task, day)
        elif not use.level and (calm or not use.flow):
            _count(role.ordinary, use.value, 1 if use.flow else _ORDINARY, day)


def _count(ordinary: Table, value: int, times: int, day: int) -> None:
    """Add sessions in which a value is typical; a requested value becomes ordinary at once."""
    before = ordinary.get(value, 0)
    counted = min(_ORDINARY, (before & _ORDINARY) + times)
    now = max(day, before >> _BITS) << _BITS | counted
    if now != before:
        ordinary.put(value, now)
        ordinary.bound(MAX_KNOWN)


def matches_by_chance(kind: int, *, is_entity: bool) -> bool:
    """Give whether an identifier can recur elsewhere by chance.

    True for amounts and dates; false for a long number that identifies an entity.

    >>> from models.provenance.request import KINDS
    >>> [matches_by_chance(KINDS.index("num"), is_entity=is_entity) for is_entity in (True, False)]
    [False, True]
    """
    return kind in _BY_CHANCE and not is_entity


def is_spread(role: RoleTable, value: int, day: int, own: AbstractSet[int]) -> bool:
    """Give whether a value recently came to several other clusters and is not ordinary.

    `own` are the marks of the request's cluster and the similar ones.
    """
    packed = role.spread.get(value)
    if packed is None or role.ordinary.get(value, 0) & _ORDINARY == _ORDINARY:
        return False
    return count_marks(marks_of(packed, day), own) >= MIN_OTHER_TASKS
