"""Unknown members of native events, under names that are safe to count and show.

An unknown member never fails its event. Without a count, a typing error (`resorce`) would look like
an event without a resource. Names come from outside, so their characters, length and number are
bounded. All other names count as `OTHER`. Values are never read.
"""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from models.event import Event

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Mapping

PREFIX: Final = "unknown_member_"
OTHER: Final = "(other)"
MAX: Final = 50
"""Number of names with an own counter in a store."""
MAX_OF_EVENT: Final = 32
LONGEST: Final = 64

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)?")
_SIMILAR = 0.8
_SHORTEST = 3


def names_of(members: Iterable[str]) -> tuple[str, ...]:
    """Give the names under which the unknown members of one event are counted, each once.

    >>> names_of(["resorce", "agent.teem", "amal@example.com", "a b"])
    ('resorce', 'agent.teem', '(other)')
    """
    names: dict[str, None] = {}
    other = False
    for member in members:
        if len(names) < MAX_OF_EVENT and len(member) <= LONGEST and _PLAIN.fullmatch(member):
            names[member] = None
        else:
            other = True
    return (*names, OTHER) if other else tuple(names)


class MemberCounters:
    """Counts unknown members; at most `MAX` names have an own counter.

    Parameters
    ----------
    counters
        Returns the counters of the store. It is called only for a new name while there is room, so
        at most `MAX` times.

    Examples
    --------
    >>> from collections import Counter
    >>> count = Counter()
    >>> MemberCounters(dict).count([("resorce", OTHER), ("resorce",)], count)
    >>> unknown_by(count)
    {'resorce': 2, '(other)': 1}
    """

    def __init__(self, counters: Callable[[], Mapping[str, int]]) -> None:
        self._counters = counters
        self._known: set[str] = set()

    def count(self, events: Iterable[tuple[str, ...]], count: Counter[str]) -> None:
        """Add the names of each event to `count`, each name at most once an event."""
        for names in events:
            counted = (PREFIX + (name if self._admits(name) else OTHER) for name in names)
            count.update(dict.fromkeys(counted, 1))

    def _admits(self, name: str) -> bool:
        if name in self._known:
            return True
        if name == OTHER or len(self._known) >= MAX:
            return False
        self._known |= unknown_by(self._counters()).keys() - {OTHER}
        if len(self._known) < MAX:
            self._known.add(name)
        return name in self._known


def unknown_by(counters: Mapping[str, int]) -> dict[str, int]:
    """Give the number of events by unknown member, from the counters of a store.

    >>> unknown_by({"events": 3, "unknown_member_resorce": 2})
    {'resorce': 2}
    """
    return {
        name.removeprefix(PREFIX): number
        for name, number in counters.items()
        if name.startswith(PREFIX)
    }


def in_words(unknown: Mapping[str, int]) -> str:
    """Describe the number of events by unknown member, with a suggestion for each.

    >>> in_words({"agent.teem": 1, "resorce": 12})
    '12 resorce (did you mean resource?), 1 agent.teem'
    """
    return ", ".join(
        f"{number} {name}" + (f" (did you mean {meant}?)" if (meant := suggestion(name)) else "")
        for name, number in sorted(unknown.items(), key=lambda pair: (-pair[1], pair[0]))
    )


def _known_paths() -> tuple[str, ...]:
    """Give the paths of all members of the format, those of the event itself first."""
    event = msgspec.inspect.type_info(Event)
    assert isinstance(event, msgspec.inspect.StructType)  # noqa: S101  # for the type checker
    nested = []
    for field in event.fields:
        kinds = getattr(field.type, "types", (field.type,))
        for kind in kinds:
            if isinstance(kind, msgspec.inspect.StructType):
                nested += [f"{field.name}.{part.name}" for part in kind.fields]
    return (*(field.name for field in event.fields), *nested)


_PATHS: Final = _known_paths()


@lru_cache(maxsize=1024)
def suggestion(name: str) -> str | None:
    """Give the member that was probably meant, or None if none is similar.

    The match tolerates other spelling, case, underscores, or another parent object.

    >>> suggestion("resorce"), suggestion("traceId"), suggestion("agent.session")
    ('resource', 'trace_id', 'session')
    >>> suggestion("agent.teem") is None
    True
    """
    owner, _, leaf = name.rpartition(".")
    leaf = _folded(leaf)
    # Search the member's own object first, then the event, then its other objects.
    near: dict[str, list[str]] = {}
    for path in sorted(_PATHS, key=lambda path: path.rpartition(".")[0] != owner):
        near.setdefault(_folded(path.rpartition(".")[2]), []).append(path)
    if leaf in near and leaf != "id":
        return near[leaf][0]
    if len(leaf) < _SHORTEST:
        return None
    matches = difflib.get_close_matches(leaf, near, n=1, cutoff=_SIMILAR)
    return near[matches[0]][0] if matches else None


def _folded(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
