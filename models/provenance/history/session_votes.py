"""What sessions said of how usual news is, by the value that made them unusual."""

from __future__ import annotations

from models.provenance.session import Ballot

MOST_DOUBTED = 256  # values of a role whose ballots are kept
MOST_OF_ONE = 32  # ballots of one value


class Ballots(dict[int, list[Ballot]]):
    """Ballots by the value that made their sessions unusual; notes which of them changed.

    Examples
    --------
    >>> ballots = Ballots()
    >>> ballots.keep(7, Ballot(20_000, 1.0, []))
    >>> len(ballots.take(7)), ballots.take(7), sorted(ballots.changed)
    (1, [], [7])
    """

    __slots__ = ("changed",)

    def __init__(self) -> None:
        super().__init__()
        self.changed: set[int] = set()

    def keep(self, value: int, ballot: Ballot) -> None:
        """Add one; bounded, those of the values that came up longest ago go first."""
        kept = self.setdefault(value, [])
        kept.append(ballot)
        del kept[:-MOST_OF_ONE]
        self.changed.add(value)
        if len(self) > MOST_DOUBTED:
            order = sorted(self, key=lambda key: (self[key][-1].day, key))
            for key in order[: MOST_DOUBTED // 4]:
                self.take(key)

    def take(self, value: int) -> list[Ballot]:
        """Take out those of a value."""
        found = self.pop(value, [])
        if found:
            self.changed.add(value)
        return found
