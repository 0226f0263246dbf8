"""Counts that halve in blocks of days, as integers: their sum does not depend on any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from models.calibration.day_maxima import UNIT, block_of, common_shift

if TYPE_CHECKING:
    from collections.abc import Sequence


class FadingCounts(Struct, array_like=True):
    """Vectors of counts by key.

    Attributes
    ----------
    block
        Block that all weights refer to (`models.calibration.day_maxima.block_of`).
    width
        Counts of each key.
    cells
        Key -> weights, in `UNIT`.

    Examples
    --------
    >>> counts = FadingCounts(width=2)
    >>> counts.add(0, 7, (1, 0)), counts.add(1, 7, (1, 1))
    (None, None)
    >>> counts.get(7)
    (2.0, 1.0)
    >>> counts.add(60, 8, (1, 1))
    >>> counts.get(7)
    (1.0, 0.5)
    """

    width: int
    block: int = 0
    cells: dict[int, list[int]] = field(default_factory=dict)

    def add(self, day: int, key: int, numbers: Sequence[int]) -> None:
        """Add whole numbers to the counts of a key, as of a day since 1970."""
        block = block_of(day)
        if block > self.block:
            self._fade(block)
        late = self.block - block
        weights = self.cells.get(key)
        if weights is None:
            weights = self.cells[key] = [0] * self.width
        for place, number in enumerate(numbers):
            weights[place] += (number * UNIT) >> late

    def merge(self, other: FadingCounts) -> None:
        """Add the counts of another table."""
        if other.block > self.block:
            self._fade(other.block)
        late = self.block - other.block
        for key, theirs in other.cells.items():
            mine = self.cells.get(key)
            if mine is None:
                mine = self.cells[key] = [0] * self.width
            for place, weight in enumerate(theirs):
                mine[place] += weight >> late

    def _fade(self, block: int) -> None:
        passed = block - self.block
        self.block = block
        faded = {key: [n >> passed for n in weights] for key, weights in self.cells.items()}
        self.cells = {key: weights for key, weights in faded.items() if any(weights)}

    def packed(self) -> list[Any]:
        """Give the counts for storage: block, common shift, and the rows in order of their keys."""
        shift = common_shift(n for weights in self.cells.values() for n in weights)
        rows: list[int] = []
        for key in sorted(self.cells):
            rows.append(key)
            rows += [n >> shift for n in self.cells[key]]
        return [self.block, shift, rows]

    @classmethod
    def unpacked(cls, parts: list[Any], width: int) -> FadingCounts:
        """Read what `packed` gave."""
        block, shift, rows = parts
        found = cls(width, block)
        step = width + 1
        for at in range(0, len(rows), step):
            found.cells[rows[at]] = [n << shift for n in rows[at + 1 : at + step]]
        return found

    def get(self, key: int) -> tuple[float, ...]:
        """Give the counts of a key, zeros for an unknown one."""
        weights = self.cells.get(key)
        if weights is None:
            return (0.0,) * self.width
        return tuple(n / UNIT for n in weights)
