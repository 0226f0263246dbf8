"""Day maxima: how many agent-days have brought a detector to so many bits.

Each past agent-day counts once per series, by the highest bits of that day. The counts are integers
that halve every `HALF_LIFE_DAYS` days of event time. So they are sums: the order of days does not
matter, tables of several shards merge, and a day can be taken out again exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from models.constants import HALF_LIFE_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNIT = 1 << 16
"""Weight of one agent-day in the current block: exact for sixteen half-lives."""
BIN_BITS = 0.5
BINS = 160


def bin_of(bits: float) -> int:
    """Give the bin of a number of bits; 0 is below `BIN_BITS`.

    >>> bin_of(0.4), bin_of(0.5), bin_of(1e9)
    (0, 1, 159)
    """
    return min(int(bits / BIN_BITS), BINS - 1) if bits > 0 else 0


def common_shift(numbers: Iterable[int]) -> int:
    """Give how many low bits are zero in all numbers.

    >>> common_shift([UNIT, UNIT >> 2]), common_shift([])
    (14, 0)
    """
    together = 0
    for number in numbers:
        together |= number
    return (together & -together).bit_length() - 1 if together else 0


def block_of(day: int, half_life: int = HALF_LIFE_DAYS) -> int:
    """Give the block of a day since 1970; all counts halve where a block begins."""
    return day // half_life


class DayMaxima(Struct, array_like=True):
    """Counts of agent-days by series and bin.

    Attributes
    ----------
    block
        Block that the weights refer to.
    days
        Weight of all agent-days, in `UNIT`.
    cells
        ``series * BINS + bin`` -> weight of the agent-days with this maximum. Days below `BIN_BITS`
        are in `days` alone.
    half_life
        Days of a block.

    Examples
    --------
    >>> table = DayMaxima()
    >>> table.add(10, {0: 7.2})
    >>> table.add(11, {})
    >>> table.days // UNIT, table.at_least(0)
    (2, [(14, 65536)])
    """

    block: int = 0
    days: int = 0
    cells: dict[int, int] = field(default_factory=dict)
    half_life: int = HALF_LIFE_DAYS

    def add(self, day: int, maxima: Mapping[int, float], sign: int = 1) -> None:
        """Count one agent-day; with `sign` -1 take it out again.

        Parameters
        ----------
        day
            Day of the maxima since 1970.
        maxima
            Series -> highest bits of the day.
        """
        self._change(
            block_of(day, self.half_life),
            UNIT * sign,
            (
                (series * BINS + place, UNIT * sign)
                for series, bits in maxima.items()
                if (place := bin_of(bits))
            ),
        )

    def merge(self, other: DayMaxima) -> None:
        """Add the counts of another table."""
        self._change(other.block, other.days, other.cells.items())

    def _change(self, block: int, days: int, cells: Iterable[tuple[int, int]]) -> None:
        if block > self.block:
            self._fade(block)
        late = self.block - block
        self.days += days >> late
        for cell, weight in cells:
            left = self.cells.get(cell, 0) + (weight >> late)
            if left:
                self.cells[cell] = left
            else:
                self.cells.pop(cell, None)

    def _fade(self, block: int) -> None:
        """Move to a later block: every weight halves for each one passed."""
        passed = block - self.block
        self.block = block
        self.days >>= passed
        self.cells = {
            cell: left for cell, weight in self.cells.items() if (left := weight >> passed)
        }

    def packed(self) -> list[Any]:
        """Give the counts for storage: block, days, common shift, and cells in order."""
        shift = common_shift([*self.cells.values(), self.days])
        cells: list[int] = []
        before = 0
        for cell in sorted(self.cells):
            cells += [cell - before, self.cells[cell] >> shift]
            before = cell
        return [self.block, self.days >> shift, shift, cells]

    @classmethod
    def unpacked(cls, parts: list[Any], half_life: int = HALF_LIFE_DAYS) -> DayMaxima:
        """Read what `packed` gave."""
        block, days, shift, cells = parts
        found, cell = cls(block, days << shift, {}, half_life), 0
        for at in range(0, len(cells), 2):
            cell += cells[at]
            found.cells[cell] = cells[at + 1] << shift
        return found

    def weights(self, block: int) -> tuple[int, int]:
        """Give the shift to a later block, and the weight of all days there."""
        passed = max(0, block - self.block)
        return passed, self.days >> passed

    def at_least(self, series: int) -> list[tuple[int, int]]:
        """Give (bin, weight of the days at or above it) of the bins in use, highest bin first."""
        first = series * BINS
        used = sorted(
            (cell - first for cell in self.cells if first <= cell < first + BINS), reverse=True
        )
        total = 0
        found = []
        for place in used:
            total += self.cells[first + place]
            found.append((place, total))
        return found

    def reaching(self, series: int, passed: int) -> list[float]:
        """Give the agent-days at or above each bin, after so many halvings."""
        counts = [0.0] * BINS
        total = 0
        first = series * BINS
        for place in range(BINS - 1, 0, -1):
            total += self.cells.get(first + place, 0) >> passed
            counts[place] = total / UNIT
        counts[0] = self.weights(self.block + passed)[1] / UNIT
        return counts

    def reached(self, series: int, place: int, passed: int) -> float:
        """Give the agent-days at or above one bin, after so many halvings."""
        first, last = series * BINS + place, (series + 1) * BINS
        return sum(n >> passed for cell, n in self.cells.items() if first <= cell < last) / UNIT
