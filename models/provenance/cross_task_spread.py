"""What wanders among kinds of request: it came to several and is usual in none.

What an attacker plants in results turns up wherever an agent reads them, whatever was asked. Where
sessions that carry it are learned, it becomes known at its place and none stands out any more. But
a value that is part of the work is usual for some kind of request, or was asked for once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.provenance.history.request_clusters import MAX_KNOWN, Table, marks_of, noted
from models.provenance.request import KINDS
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from models.provenance.history.request_clusters import RoleTable
    from models.provenance.session import Session

OTHER_KINDS = 3  # of request that a value came to, none of them this one's
MOST_WANDERING_BITS = 8.0  # that the rate of what wanders adds to a value
_BY_CHANCE = frozenset(map(KINDS.index, ("num", "date")))
_TIMES = 3  # sessions in which a value was usual make it ordinary: all that `_BITS` hold
_BITS = 2  # for these, below the day of the last


def note_wandering(
    role: RoleTable, session: Session, number: int, alike: AbstractSet[int], *, calm: bool
) -> None:
    """Note what came to a kind of request without being usual there, and what is ordinary.

    Parameters
    ----------
    number
        Of the session's cluster.
    alike
        Marks of the kinds of request that are like it.
    calm
        Whether it is a session that may say what is usual.
    """
    day = session.last_us // DAY_US
    for use in session.uses.values():
        if use.level and use.flow:
            role.wandering.note_kind(use.value, number, alike, day)
        elif not use.level and (calm or not use.flow):
            _count(role.ordinary, use.value, 1 if use.flow else _TIMES, day)


def _count(ordinary: Table, value: int, times: int, day: int) -> None:
    """Count a value as usual so many times more; what was asked for is ordinary at once."""
    before = ordinary.get(value, 0)
    counted = min(_TIMES, (before & _TIMES) + times)
    now = max(day, before >> _BITS) << _BITS | counted
    if now != before:
        ordinary.put(value, now)
        ordinary.bound(MAX_KNOWN)


def alike_by_chance(kind: int, *, who: bool) -> bool:
    """Tell whether an identifier of a kind says little where it comes up again elsewhere.

    Amounts and dates do; not a long number, which stands for somebody (`who`).

    >>> from models.provenance.request import KINDS
    >>> [alike_by_chance(KINDS.index("num"), who=who) for who in (True, False)]
    [False, True]
    """
    return kind in _BY_CHANCE and not who


def has_wandered(role: RoleTable, value: int, day: int, own: AbstractSet[int]) -> bool:
    """Tell whether a value came to several other kinds of request of late and is not ordinary.

    `own` are the marks of the request's own kind and its like.
    """
    packed = role.wandering.get(value)
    if packed is None or role.ordinary.get(value, 0) & _TIMES == _TIMES:
        return False
    return noted(marks_of(packed, day), own) >= OTHER_KINDS
