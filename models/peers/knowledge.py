"""What is known: which agents of a role, and of the fleet, know a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.constants import MAX_KNOWERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.codec.hashing import Hasher

NEW_TO_AGENT, NEW_TO_ROLE, NEW_TO_ALL = 1, 2, 3

Knowers = tuple[int, ...]


class SharedKnowledge:
    """Values of the roles and of the fleet, each with the agents that know it.

    Values learned since the last publication wait in `pending`.

    Attributes
    ----------
    knowers
        Mark of a value, or of a value in a role -> marks of agents that know it.
    pending
        Pairs of such a mark and an agent, since the last publication.

    Examples
    --------
    >>> from models.codec.hashing import Hasher
    >>> known = SharedKnowledge(Hasher(b"0123456789abcdef"))
    >>> known.learn("clerk", 1, [77])
    >>> known.level("clerk", 2, 77)
    3
    >>> sorted(known.apply(known.pending)) == sorted(known.knowers)
    True
    >>> known.level("clerk", 2, 77), known.level("buyer", 3, 77), known.level("clerk", 1, 77)
    (1, 2, 3)
    """

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self.knowers: dict[int, Knowers] = {}
        self.pending: set[tuple[int, int]] = set()
        self._roles: dict[str, int] = {}

    def learn(self, role: str, agent: int, values: Iterable[int]) -> None:
        """Add values that an agent knows now.

        Parameters
        ----------
        agent
            Mark of the agent.
        """
        salt = self._salt(role)
        for value in values:
            for mark in (value, value ^ salt):
                known = self.knowers.get(mark, ())
                if agent not in known and len(known) < MAX_KNOWERS:
                    self.pending.add((mark, agent))

    def apply(self, pending: Iterable[tuple[int, int]]) -> list[int]:
        """Add pairs of a value and an agent that knows it; give the marks that changed."""
        knowers, changed = self.knowers, []
        for value, agent in sorted(pending):
            known = knowers.get(value, ())
            if agent not in known and len(known) < MAX_KNOWERS:
                knowers[value] = (*known, agent)
                changed.append(value)
        return changed

    def level(self, role: str, agent: int, value: int) -> int:
        """Give how new a value is that the agent does not know: 1 to 3."""
        if self._others(value ^ self._salt(role), agent):
            return NEW_TO_AGENT
        return NEW_TO_ROLE if self._others(value, agent) else NEW_TO_ALL

    def _others(self, value: int, agent: int) -> bool:
        known = self.knowers.get(value, ())
        return len(known) > (agent in known)

    def _salt(self, role: str) -> int:
        salt = self._roles.get(role)
        if salt is None:
            salt = self._roles[role] = self._hasher.once(f"role\x1f{role}")
        return salt
