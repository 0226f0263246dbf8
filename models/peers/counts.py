"""Peer counts: one vote per agent and value, for any number of events."""

from __future__ import annotations

from msgspec import Struct

from models.baseline.counts import DISCOUNT, HORIZON_DAYS, fades, interpolate

MAX_VALUES = 4_096
MAX_NAMES = 512


class Ballot(Struct, array_like=True):
    """The votes of one group on one feature: value -> day -> agents that last used it then."""

    votes: dict[int, dict[int, int]] = {}
    names: dict[int, str] = {}

    def rows(self) -> list[tuple[int, str | None, list[int]]]:
        """Give (value, name, days and their numbers in turn) in order of the values."""
        names = self.names
        return [
            (value, names.get(value), [n for pair in sorted(days.items()) for n in pair])
            for value, days in sorted(self.votes.items())
        ]

    @classmethod
    def of(cls, rows: list[tuple[int, str | None, list[int]]]) -> Ballot:
        """Read what `rows` gave."""
        votes = {value: dict(zip(n[::2], n[1::2], strict=True)) for value, _, n in rows}
        return cls(votes, {value: name for value, name, _ in rows if name is not None})


class PeerCounts:
    """A ballot with the sums that scoring needs, as of one day."""

    __slots__ = ("ballot", "counts", "day", "discounted", "total", "weights")

    def __init__(self, ballot: Ballot, half_life_days: float) -> None:
        self.ballot = ballot
        self.day = -1
        self.weights = fades(half_life_days)
        self.counts: dict[int, int] = {}
        self.total = self.discounted = 0

    def weight(self, day: int) -> int:
        """Weight of a vote cast on `day`, in units, as of the node's day."""
        age = self.day - day
        return self.weights[max(age, 0)] if age <= HORIZON_DAYS else 0

    def probability(self, value: int, own_day: int | None, parent: float) -> float:
        """P(value) among the group without the asking agent's own vote (leave one out).

        Parameters
        ----------
        value
            32-bit hash of the value.
        own_day
            Day of the asking agent's own published vote for the value, None without one.
        parent
            Probability at the next more general level.
        """
        count = self.counts.get(value, 0)
        total, discounted = self.total, self.discounted
        if own_day is not None:
            own = min(self.weight(own_day), count)
            discounted -= min(count, DISCOUNT)
            count -= own
            total -= own
            discounted += min(count, DISCOUNT)
        if total <= 0:
            return parent
        return interpolate(count, total, discounted, parent)

    def move(self, value: int, name: str, old_day: int | None, new_day: int) -> None:
        """Replace an agent's vote for a value by one of a later day."""
        days = self.ballot.votes.setdefault(value, {})
        if old_day is not None and old_day in days:
            days[old_day] -= 1
            if not days[old_day]:
                del days[old_day]
        days[new_day] = days.get(new_day, 0) + 1
        if len(self.ballot.names) < MAX_NAMES:
            self.ballot.names.setdefault(value, name)
        before = self.counts.get(value, 0)
        after = sum(self.weight(day) * number for day, number in days.items())
        self.counts[value] = after
        self.total += after - before
        self.discounted += min(after, DISCOUNT) - min(before, DISCOUNT)

    def roll(self, day: int) -> None:
        """Recompute the sums for another day and forget votes beyond the horizon."""
        if day <= self.day:
            return
        self.day = day
        votes = self.ballot.votes
        for value in list(votes):
            for cast in [d for d in votes[value] if day - d > HORIZON_DAYS]:
                del votes[value][cast]
            if not votes[value]:
                del votes[value]
                self.ballot.names.pop(value, None)
        self.counts = {
            value: sum(self.weight(cast) * number for cast, number in days.items())
            for value, days in votes.items()
        }
        if len(self.counts) > MAX_VALUES:
            self._drop_rarest()
        self.total = sum(self.counts.values())
        self.discounted = sum(min(count, DISCOUNT) for count in self.counts.values())

    def _drop_rarest(self) -> None:
        order = sorted(self.counts, key=lambda v: (self.counts[v], v))
        for value in order[: len(order) - MAX_VALUES]:
            del self.counts[value]
            del self.ballot.votes[value]
            self.ballot.names.pop(value, None)
