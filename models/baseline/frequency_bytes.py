"""A frequency model as bytes: distinct values and states once, rows as indices of both.

Numbers are varints::

    layout u8, features u8, windows u8, day
    typical     a float a feature, as in `models.codec.compact_writer`
    windows     size, then per generation the number of bins, gaps between them, counts
    lengths     of nodes, values, states and rows
    states      count: of whole events << 1, or in units << 1 | 1
                today
                vote: 0 for none, else 1 + zigzag of how many days ago
                published: 0 where it is the vote's, else 1 + zigzag of days before the vote
    bits        nodes and values: ascending words (`models.codec.bitpacking`)
                rows in order: index of the value, 1 for the first of its node, index of the state

Many values of an agent share counts and days: there are far fewer states than rows.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from models.baseline.counts import MAX_COUNT, MAX_TODAY, UNIT
from models.calibration.score_window import Histogram, ScoreWindow
from models.codec.bitpacking import BitReader, BitWriter, width
from models.codec.compact_reader import Reader
from models.codec.compact_writer import Writer
from models.codec.tokens import unzigzag, zigzag

LAYOUT = 2
_LOW32 = 0xFFFF_FFFF
_MAX_DAY = (1 << 31) - 1
Row = tuple[int, int, int, int, int]
State = tuple[int, int, int, int]


def write(
    day: int, typical_bits: list[float], windows: list[ScoreWindow], rows: list[Row]
) -> bytes:
    """Write the parts of a frequency model, with the rows of `FrequencyModel.rows`."""
    values = sorted({row[0] & _LOW32 for row in rows})
    out = Writer(bytes((LAYOUT, len(typical_bits), len(windows))))
    out.varint(day)
    for bits in typical_bits:
        out.double(bits)
    for window in windows:
        for number in _numbers(window):
            out.varint(number)
    _write_rows(out, day, rows, values)
    return bytes(out.out)


def _write_rows(out: Writer, day: int, rows: list[Row], values: list[int]) -> None:
    nodes = sorted({row[0] >> 32 for row in rows})
    states: dict[State, int] = {}
    indices = [
        states.setdefault((count, today, vote, published), len(states))
        for _, count, today, vote, published in rows
    ]
    for length in (len(nodes), len(values), len(states), len(rows)):
        out.varint(length)
    for count, today, vote, published in states:
        out.varint(count << 1 | 1 if count % UNIT else count // UNIT << 1)
        out.varint(today)
        out.varint(1 + zigzag(day + 1 - vote) if vote else 0)
        out.varint(1 + zigzag(vote - published) if published >= 0 else 0)
    bits, node = BitWriter(), -1
    bits.words(nodes)
    bits.words(values)
    of_value, of_state = width(len(values)), width(len(states))
    index = {value: at for at, value in enumerate(values)}
    for (key, *_), state in zip(rows, indices, strict=True):
        first, node = key >> 32 != node, key >> 32
        bits.push(index[key & _LOW32] | first << of_value, of_value + 1)
        bits.push(state, of_state)
    out.out += bits.end()


def read(raw: bytes) -> tuple[int, list[float], list[ScoreWindow], list[Row]]:
    """Read what `write` wrote: day, typical bits, windows, rows.

    Raises
    ------
    ValueError
        The bytes are malformed.
    """
    try:
        return _Reader(raw).parts()
    except (ValueError, IndexError) as error:
        raise ValueError(f"habits: {error}") from error


class _Reader(Reader):
    def parts(self) -> tuple[int, list[float], list[ScoreWindow], list[Row]]:
        layout, features, windows = self.take(3)
        if layout != LAYOUT:
            raise ValueError(f"layout {layout}, expected {LAYOUT}")
        day = self.number(_MAX_DAY)
        typical_bits = [self.double() for _ in range(features)]
        scores = [
            ScoreWindow(self.varint(), self.histogram(), self.histogram()) for _ in range(windows)
        ]
        return day, typical_bits, scores, self.rows(day)

    def number(self, maximum: int) -> int:
        number = self.varint()
        if number > maximum:
            raise ValueError(f"{number} is out of range, expected at most {maximum}")
        return number

    def rows(self, day: int) -> list[Row]:
        maximum = len(self.raw)
        ids, values_, states_ = self.number(maximum), self.number(maximum), self.number(maximum)
        number = self.varint()
        states = [self.state(day) for _ in range(states_)]
        bits = BitReader(self.raw[self.at :])
        nodes, values = iter(bits.words(ids)), bits.words(values_)
        of_value, of_state = width(len(values)), width(len(states))
        rows: list[Row] = []
        head, last = -1, -1
        for _ in range(number):
            value, first = bits.take(of_value), bits.take(1)
            if first:
                head = next(nodes, -1) << 32
            key = head | values[value]
            if head < 0 or key <= last:
                raise ValueError("rows out of order, expected ascending keys")
            rows.append((key, *states[bits.take(of_state)]))
            last = key
        if next(nodes, None) is not None or not bits.ended():
            raise ValueError("another number of rows than there are")
        return rows

    def state(self, day: int) -> State:
        count, today, vote, published = (self.varint() for _ in range(4))
        state = (
            count >> 1 if count & 1 else (count >> 1) * UNIT,
            today,
            day + 1 - unzigzag(vote - 1) if vote else 0,
            -1,
        )
        if published:
            state = (*state[:3], state[2] - unzigzag(published - 1))
        bounds = ((0, MAX_COUNT), (0, MAX_TODAY), (0, _LOW32), (-1, _MAX_DAY))
        if any(
            not minimum <= one <= maximum
            for one, (minimum, maximum) in zip(state, bounds, strict=True)
        ):
            raise ValueError("a row is out of range")
        return state

    def histogram(self) -> Histogram:
        number = self.number(len(self.raw))
        bins = list(accumulate(self.varint() for _ in range(number)))
        counts = [self.varint() for _ in range(number)]
        if any(a >= b for a, b in pairwise(bins)):
            raise ValueError("a histogram is out of order, expected ascending bins")
        return Histogram(bins, counts, sum(counts))


def _numbers(window: ScoreWindow) -> list[int]:
    numbers = [window.size]
    for part in (window.old, window.new):
        numbers.append(len(part.bins))
        numbers += [b - a for a, b in zip([0, *part.bins], part.bins, strict=False)]
        numbers += part.counts
    return numbers
