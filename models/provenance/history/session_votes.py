"""The votes of anomalous sessions, retained by the value that made them anomalous."""

from __future__ import annotations

from models.provenance.session import SessionVotes

MAX_RETAINED_VALUES = 256  # values per role
MAX_VOTES_OF_VALUE = 32  # sessions per value


class RetainedVotes(dict[int, list[SessionVotes]]):
    """Votes of sessions by value, with the set of changed values; a table of bounded size.

    Examples
    --------
    >>> retained = RetainedVotes()
    >>> retained.keep(7, SessionVotes(20_000, 1.0, []))
    >>> len(retained.take(7)), retained.take(7), sorted(retained.changed)
    (1, [], [7])
    """

    __slots__ = ("changed",)

    def __init__(self) -> None:
        super().__init__()
        self.changed: set[int] = set()

    def keep(self, value: int, session_votes: SessionVotes) -> None:
        """Add the votes of a session; evict the values with the oldest votes."""
        kept = self.setdefault(value, [])
        kept.append(session_votes)
        del kept[:-MAX_VOTES_OF_VALUE]
        self.changed.add(value)
        if len(self) > MAX_RETAINED_VALUES:
            order = sorted(self, key=lambda key: (self[key][-1].day, key))
            for key in order[: MAX_RETAINED_VALUES // 4]:
                self.take(key)

    def take(self, value: int) -> list[SessionVotes]:
        """Remove and give the votes of a value."""
        found = self.pop(value, [])
        if found:
            self.changed.add(value)
        return found
