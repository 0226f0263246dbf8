"""How much of the fleet the inventory covers, and which entries need a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from msgspec import Struct

from models.event import rfc3339
from models.units import DAY_US, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.inventory.registered import Registered

Group = Literal["registered", "shadow", "unowned", "unreviewed", "overdue", "dormant", "stale"]
"""Group of agents. An agent may be in several.

registered
    Seen, and in the inventory.
shadow
    Seen, and not in the inventory.
unowned
    Seen or in the inventory, without an owner and without a sponsor.
unreviewed, overdue
    In the inventory, without a review date, or with one that has passed.
dormant
    In the inventory, and not seen.
stale
    Seen, and silent for far longer than expected.
"""
GROUPS: tuple[Group, ...] = get_args(Group)
SEEN_DAYS = 30
"""An agent counts as seen for so many days after its last event."""


class Sighting(NamedTuple):
    """What the store knows of an agent.

    Attributes
    ----------
    last_us
        Time of its last event, microseconds since 1970.
    owner
        Owner in effect.
    silent
        Whether it has stopped reporting.
    """

    last_us: int
    owner: str | None = None
    silent: bool = False


class Coverage(Struct, frozen=True):
    """Numbers of agents at one instant.

    Attributes
    ----------
    as_of
        Time of the count.
    seen
        Agents with an event in the last 30 days.
    entries
        Agents in the inventory; None without an inventory.
    share
        Share of seen agents that are in the inventory; None without an inventory or agents.
    """

    as_of: str
    seen: int
    entries: int | None
    share: float | None
    registered: int
    shadow: int
    unowned: int
    unreviewed: int
    overdue: int
    dormant: int
    stale: int


def groups_of(
    entry: Registered | None, seen: Sighting | None, at_us: int, *, loaded: bool
) -> tuple[Group, ...]:
    """Give the groups of an agent.

    Parameters
    ----------
    entry
        Its entry in the inventory.
    seen
        What the store knows of it.
    at_us
        Time of evaluation, microseconds since 1970.
    loaded
        Whether there is an inventory.

    Examples
    --------
    >>> from pipeline.inventory.registered import Registered
    >>> groups_of(Registered("a", None, "ana", {}), None, 0, loaded=True)
    ('unreviewed', 'dormant')
    >>> groups_of(None, Sighting(0), 0, loaded=True)
    ('shadow', 'unowned')
    """
    is_seen = seen is not None and at_us - seen.last_us <= SEEN_DAYS * DAY_US
    found: list[Group] = []
    if is_seen and loaded:
        found.append("shadow" if entry is None else "registered")
    if (is_seen or entry is not None) and not _is_owned(entry, seen):
        found.append("unowned")
    if entry is not None:
        found += _of_entry(entry, at_us, is_seen=is_seen)
    if is_seen and seen is not None and seen.silent:
        found.append("stale")
    return tuple(found)


def _is_owned(entry: Registered | None, seen: Sighting | None) -> bool:
    if entry is not None and (entry.owner or entry.sponsor):
        return True
    return seen is not None and bool(seen.owner)


def _of_entry(entry: Registered, at_us: int, *, is_seen: bool) -> list[Group]:
    found: list[Group] = []
    if entry.review_date is None:
        found.append("unreviewed")
    elif entry.review_date < datetime.fromtimestamp(at_us / SECOND_US, UTC).date():
        found.append("overdue")
    if not is_seen:
        found.append("dormant")
    return found


class Tally:
    """Counts agents by group.

    Parameters
    ----------
    at_us
        Time of the count, microseconds since 1970.
    entries
        Agents in the inventory; None without an inventory.

    Examples
    --------
    >>> tally = Tally(0, entries=1)
    >>> tally.add(("registered", "unowned"), last_us=0)
    >>> tally.add(("shadow",), last_us=0)
    >>> tally.coverage().share, tally.coverage().unowned
    (0.5, 1)
    """

    def __init__(self, at_us: int, entries: int | None) -> None:
        self._at_us, self._entries = at_us, entries
        self._seen = 0
        self._counts: dict[Group, int] = dict.fromkeys(GROUPS, 0)

    def add(self, groups: Collection[Group], last_us: int | None) -> None:
        """Count an agent.

        Parameters
        ----------
        last_us
            Time of its last event; None for an agent that was never seen.
        """
        if last_us is not None and self._at_us - last_us <= SEEN_DAYS * DAY_US:
            self._seen += 1
        for group in groups:
            self._counts[group] += 1

    def coverage(self) -> Coverage:
        """Give the numbers so far."""
        share = None
        if self._entries is not None and self._seen:
            share = round(self._counts["registered"] / self._seen, 4)
        return Coverage(rfc3339(self._at_us), self._seen, self._entries, share, **self._counts)
