"""Volume baselines of groups and of the fleet, and values that await publication.

A baseline is of a window, or of a single call of a tool (`models.watch.sizes`). The class is
the reference of the compiled kernel's class of the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.baseline.volume_baseline import VolumeBaseline
from models.peers.group import FLEET

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PeerBaselines"]

_MAX_SIZES = 256  # of tools, in one group


class PeerBaselines:
    """Volume baselines by group and quantity.

    Examples
    --------
    >>> baselines = PeerBaselines()
    >>> baselines.add("clerk/delegated", "bytes_out_hour", 1000.0)
    >>> baselines.volume("clerk/delegated", "bytes_out_hour") is None
    True
    >>> sorted(baselines.publish()), baselines.volume("auditor/delegated", "bytes_out_hour").n
    (['', 'clerk/delegated'], 1)
    """

    def __init__(self) -> None:
        self._baselines: dict[str, dict[str, VolumeBaseline]] = {}
        self._pending: list[tuple[str, str, float]] = []

    @property
    def waiting(self) -> int:
        """Number of values that await publication."""
        return len(self._pending)

    def add(self, group: str, name: str, value: float) -> None:
        """Contribute the sum of a closed window to the baselines of group and fleet."""
        self._pending.append((group, name, value))

    def publish(self) -> set[str]:
        """Learn the waiting values. Name the groups that changed."""
        changed = set()
        for group, quantity, amount in self._pending:
            for name in (group, FLEET) if group != FLEET else (FLEET,):
                if self._learn(name, quantity, amount):
                    changed.add(name)
        self._pending = []
        return changed

    def _learn(self, group: str, name: str, amount: float) -> bool:
        """Learn a value. False where the group has too many tools."""
        known, of_tool = self._baselines.setdefault(group, {}), ":" in name
        if of_tool and name not in known and sum(":" in one for one in known) >= _MAX_SIZES:
            return False
        volume = known.setdefault(name, VolumeBaseline())
        if of_tool:
            volume.learn_evenly(amount)
        else:
            volume.learn(amount)
        return True

    def volume(self, group: str, name: str) -> VolumeBaseline | None:
        """Give the baseline of a quantity in the group, else in the fleet."""
        own = self._baselines.get(group)
        if own is not None and name in own:
            return own[name]
        fleet = self._baselines.get(FLEET)
        return fleet.get(name) if fleet is not None else None

    def rows(self, group: str) -> list[tuple[str, int, float, float]]:
        """Give quantity, number, mean and mean square of a group, in order of the names."""
        return [
            (k, *volume.state()) for k, volume in sorted(self._baselines.get(group, {}).items())
        ]

    def load(self, group: str, rows: Iterable[tuple[str, int, float, float]]) -> None:
        """Become what `rows` gave."""
        self._baselines[group] = {
            name: VolumeBaseline.of(n, mean, square) for name, n, mean, square in rows
        }

    def pending(self, since: int = 0) -> list[tuple[str, str, float]]:
        """Give the waiting values as (group, quantity, value), without the first `since`."""
        return self._pending[since:]

    def wait(self, pending: Iterable[tuple[str, str, float]]) -> None:
        """Replace the waiting values."""
        self._pending = list(pending)
