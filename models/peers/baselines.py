"""Usual levels of quantities in groups and in the fleet, and what waits to be published.

Beside those of windows they are of what calls of a tool take (`models.watch.sizes`).

The reference of the compiled kernel's class of the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.baseline.volume_baseline import Level
from models.peers.group import FLEET

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PeerLevels"]

_MOST_SIZES = 256  # of tools, in one group


class PeerLevels:
    """Levels by group and quantity.

    Examples
    --------
    >>> levels = PeerLevels()
    >>> levels.add("clerk/delegated", "bytes_out_hour", 1000.0)
    >>> levels.level("clerk/delegated", "bytes_out_hour") is None
    True
    >>> sorted(levels.publish()), levels.level("auditor/delegated", "bytes_out_hour").n
    (['', 'clerk/delegated'], 1)
    """

    def __init__(self) -> None:
        self._levels: dict[str, dict[str, Level]] = {}
        self._pending: list[tuple[str, str, float]] = []

    @property
    def waiting(self) -> int:
        """Values that wait."""
        return len(self._pending)

    def add(self, group: str, name: str, value: float) -> None:
        """Contribute the sum of a closed window to the group's and the fleet's levels."""
        self._pending.append((group, name, value))

    def publish(self) -> set[str]:
        """Take in what waits; name the groups that changed."""
        changed = set()
        for group, quantity, amount in self._pending:
            for name in (group, FLEET) if group != FLEET else (FLEET,):
                if self._learn(name, quantity, amount):
                    changed.add(name)
        self._pending = []
        return changed

    def _learn(self, group: str, name: str, amount: float) -> bool:
        """Learn a value; False of one tool too many."""
        known, of_tool = self._levels.setdefault(group, {}), ":" in name
        if of_tool and name not in known and sum(":" in one for one in known) >= _MOST_SIZES:
            return False
        level = known.setdefault(name, Level())
        if of_tool:
            level.learn_evenly(amount)
        else:
            level.learn(amount)
        return True

    def level(self, group: str, name: str) -> Level | None:
        """Give the level of a quantity in the group, else in the fleet."""
        own = self._levels.get(group)
        if own is not None and name in own:
            return own[name]
        fleet = self._levels.get(FLEET)
        return fleet.get(name) if fleet is not None else None

    def rows(self, group: str) -> list[tuple[str, int, float, float]]:
        """Give quantity, number, mean and mean square of a group, in order of the names."""
        return [(k, *level.state()) for k, level in sorted(self._levels.get(group, {}).items())]

    def load(self, group: str, rows: Iterable[tuple[str, int, float, float]]) -> None:
        """Become what `rows` gave."""
        self._levels[group] = {name: Level.of(n, mean, square) for name, n, mean, square in rows}

    def pending(self, since: int = 0) -> list[tuple[str, str, float]]:
        """Give (group, quantity, value) of all that waits, without as many as came first."""
        return self._pending[since:]

    def wait(self, pending: Iterable[tuple[str, str, float]]) -> None:
        """Let this wait instead."""
        self._pending = list(pending)
