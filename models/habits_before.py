"""Habits as they were written before: layout 1, in profiles of version 3; read, never written.

Little endian::

    layout u8, day u32, features u8, windows u8, nodes u32, rows u32
    usual       f64 a feature
    windows     varints: size, then per generation the number of bins, gaps between them, counts
    nodes       u32 each; then a varint each: rows of the node
    values      u32 a row, ascending within a node
    counts      u32 a row: count | has today << 31 | has a vote << 30 | vote not published << 29
    today       u16 a row that has it
    votes       u32 a row that has it: day + 1
    published   u32 a row that has it: day + 1, 0 for none
"""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise

from models.calibration import Histogram, ScoreWindow

LAYOUT = 1
_HEAD = struct.Struct("<BIBBII")
_COUNT = (1 << 29) - 1
_TODAY, _VOTE, _PENDING = 1 << 31, 1 << 30, 1 << 29
_SMALL = 128
Row = tuple[int, int, int, int, int]


def read(raw: bytes) -> tuple[int, list[float], list[ScoreWindow], list[Row]]:
    """Give day, usual bits, windows and rows.

    Raises
    ------
    ValueError
        The bytes are not such.
    """
    try:
        return _Reader(raw).parts()
    except (struct.error, IndexError) as error:
        raise ValueError(f"habits end too early, at byte {len(raw)}") from error


class _Reader:
    """A place in the bytes."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def parts(self) -> tuple[int, list[float], list[ScoreWindow], list[Row]]:
        layout, day, features, windows, nodes, rows = _HEAD.unpack_from(self.raw)
        if layout != LAYOUT:
            raise ValueError(f"habits have layout {layout}, expected {LAYOUT}")
        self.at = _HEAD.size
        usual = list(struct.unpack_from(f"<{features}d", self.raw, self.at))
        self.at += 8 * features
        scores = [
            ScoreWindow(self.varint(), self.histogram(), self.histogram()) for _ in range(windows)
        ]
        return day, usual, scores, self.rows(nodes, rows)

    def rows(self, nodes: int, number: int) -> list[Row]:
        names = self.column("I", nodes)
        heads = [name << 32 for name in names for _ in range(self.varint())]
        values, words = self.column("I", number), self.column("I", number)
        if len(heads) != number:
            raise ValueError(f"habits have {len(heads)} rows in nodes, expected {number}")
        keys = [head | value for head, value in zip(heads, values, strict=True)]
        if any(a >= b for a, b in pairwise(keys)):
            raise ValueError("habits have rows out of order, expected ascending keys")
        today = iter(self.column("H", sum(1 for word in words if word & _TODAY)))
        votes = iter(self.column("I", sum(1 for word in words if word & _VOTE)))
        published = iter(self.column("I", sum(1 for word in words if word & _PENDING)))
        if self.at != len(self.raw):
            raise ValueError(f"habits have {len(self.raw)} bytes, expected {self.at}")
        return [
            (
                key,
                word & _COUNT,
                next(today) if word & _TODAY else 0,
                next(votes) if word & _VOTE else 0,
                next(published) if word & _PENDING else -1,
            )
            for key, word in zip(keys, words, strict=True)
        ]

    def column(self, kind: str, number: int) -> tuple[int, ...]:
        layout = struct.Struct(f"<{number}{kind}")
        self.at += layout.size
        return layout.unpack_from(self.raw, self.at - layout.size)

    def histogram(self) -> Histogram:
        number = self.varint()
        bins = list(accumulate(self.varint() for _ in range(number)))
        counts = [self.varint() for _ in range(number)]
        return Histogram(bins, counts, sum(counts))

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.raw[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < _SMALL:
                return value
            shift += 7
