"""Bit-packed numbers, lowest bits first. Ascending words are stored as gaps."""

from __future__ import annotations

_WORD = 32
_LOW = 1 << _WORD
_FLUSH = 64
"""Bytes that wait before they are appended: a long number is slow to shift."""


class BitWriter:
    """Appends bits.

    Examples
    --------
    >>> bits = BitWriter()
    >>> bits.push(5, 3)
    >>> bits.words([7, 9, 4_000_000_000])
    >>> reader = BitReader(bits.end())
    >>> reader.take(3), reader.words(3), reader.ended()
    (5, [7, 9, 4000000000], True)
    """

    def __init__(self) -> None:
        self._out = bytearray()
        self._bits = 0
        self._length = 0

    def push(self, value: int, length: int) -> None:
        """Append a number of `length` bits."""
        self._bits |= value << self._length
        self._length += length
        whole = self._length >> 3
        if whole >= _FLUSH:
            self._out += (self._bits & (1 << 8 * whole) - 1).to_bytes(whole, "little")
            self._bits >>= 8 * whole
            self._length -= 8 * whole

    def words(self, words: list[int]) -> None:
        """Append ascending words of 32 bits: each gap as a unary part and low bits (Rice code)."""
        low, minimum = _low_bits(len(words)), 0
        for word in words:
            ones, rest = divmod(word - minimum, 1 << low)
            self.push((1 << ones) - 1, ones + 1)
            self.push(rest, low)
            minimum = word + 1

    def end(self) -> bytes:
        """Give the bytes, the last one filled up with zeros."""
        return bytes(self._out) + self._bits.to_bytes((self._length + 7) // 8, "little")


class BitReader:
    """Reads what `BitWriter` wrote. `ValueError` at the end."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._next = 0
        self._bits = self._length = 0

    def _fill(self, length: int) -> None:
        while self._length < length and self._next < len(self._raw):
            part = self._raw[self._next : self._next + _FLUSH]
            self._bits |= int.from_bytes(part, "little") << self._length
            self._length += 8 * len(part)
            self._next += len(part)

    def take(self, length: int) -> int:
        """Read a number of `length` bits."""
        self._fill(length)
        if self._length < length:
            raise ValueError("end too early")
        value = self._bits & (1 << length) - 1
        self._bits >>= length
        self._length -= length
        return value

    def _ones(self) -> int:
        """Count the ones that come next."""
        length = 8 * _FLUSH
        while True:
            self._fill(length)
            ones = (~self._bits & self._bits + 1).bit_length() - 1
            if ones < self._length or self._next == len(self._raw):
                return ones
            length *= 2

    def words(self, number: int) -> list[int]:
        """Read ascending words."""
        low, minimum, words = _low_bits(number), 0, []
        for _ in range(number):
            ones = self._ones()
            self.take(ones + 1)
            minimum += (ones << low) + self.take(low)
            if minimum >= _LOW:
                raise ValueError("a word is out of range, expected 32 bits")
            words.append(minimum)
            minimum += 1
        return words

    def ended(self) -> bool:
        """Whether all bits were read, except zeros that fill the last byte."""
        self._fill(8)
        return self._length < 8 and not self._bits


def width(numbers: int) -> int:
    """Give the number of bits that numbers below this one need.

    >>> width(0), width(1), width(8), width(9)
    (0, 0, 3, 4)
    """
    return max(0, numbers - 1).bit_length()


def _low_bits(number: int) -> int:
    """Give the number of low bits of a gap that are not in the unary part."""
    return min(_WORD - 1, (_LOW // max(1, number)).bit_length() - 1)
