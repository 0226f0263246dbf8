"""What an agent is known to do although a rule speaks of it: usual by the days it was seen on.

An agent with two ways out of the network is at two places all the time, and most agents cannot
prove yet who they are. What a past that an operator vouches for has on several days, or an agent's
first sessions, is no news afterwards; an alert that nobody dealt with never makes anything usual.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from models.trust_policy import DAY_US

if TYPE_CHECKING:
    from models.profile import Facts

_USUAL = 3  # days


def is_usual(way: str, facts: Facts) -> bool:
    """Tell whether an agent is known to do something.

    >>> from models.profile import Facts
    >>> facts = Facts("billing-7", "delegated")
    >>> for day in range(3):
    ...     note_way("unverified peer", facts, day * DAY_US, 100)
    >>> is_usual("unverified peer", facts), is_usual("another", facts)
    (True, False)
    """
    return len(facts.waiting.get(_mark(way), ())) >= _USUAL


def note_way(way: str, facts: Facts, time_us: int, most: int) -> None:
    """Note that an agent does something that counts for what is usual.

    Parameters
    ----------
    most
        Ways and waiting values whose days are kept; the longest unseen go first.
    """
    days, day = facts.waiting.setdefault(_mark(way), []), time_us // DAY_US
    if day not in days:
        days.append(day)
        del days[:-_USUAL]
    make_room(facts.waiting, most)


def make_room(waiting: dict[int, list[int]], most: int) -> None:
    """Forget what waits for the longest time unseen, until so much is left."""
    while len(waiting) > most:
        del waiting[min(waiting, key=lambda k: (max(waiting[k]), k))]


def _mark(way: str) -> int:
    return zlib.crc32(way.encode())  # marks of values, which wait in the same place, are longer
