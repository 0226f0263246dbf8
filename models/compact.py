"""Values as compact bytes: MessagePack, whose unused tokens stand for what state repeats.

======  ==================================================================================
c1      0.0
d4 n    a float without a fraction, below 2**53; n is its zigzag varint
c8, c9  a float whose first byte is 3f, or 40, without that byte
d8      the square of the last float that was written in any of these ways or in full
c7 k    one of those floats, k floats ago; bit for bit
d5 k    the same for integers of 9 to 32 bits
d6 k    the same for texts of 3 bytes and more
ca n    an integer of 33 to 64 bits: n is a varint. Even, it is twice the zigzag distance from the
        last one, which is below 2**46; odd, the integer is the one n >> 1 ago
d7 k    `WORDS` number k
======  ==================================================================================

How long ago is at most 31. Everything else is as msgspec writes it. The reference of
``native/src/pack``: the same value has the same bytes in both.
"""

from __future__ import annotations

import struct
from math import isfinite
from typing import Any

import msgspec

WORDS = (
    "delegated", "autonomous", "unknown", "active", "learning", "relearning", "restricted", "watch",
    "normal", "trusted", "open", "quarantined", "bytes_in_hour", "bytes_out_hour", "records_hour",
    "cost", "bytes_out_day",
)  # fmt: skip
"""Words of state; only ever longer, as stored bytes name their places."""

_PLACES = {word: place for place, word in enumerate(WORDS)}
_ZERO, _SAME_FLOAT, _NEAR, _WHOLE = 0xC1, 0xC7, 0xCA, 0xD4
_SAME_NUMBER, _SAME_TEXT, _WORD, _SQUARE = 0xD5, 0xD6, 0xD7, 0xD8
_SMALL, _LARGE = 0xC8, 0xC9
_SHORT = {0x3F: _SMALL, 0x40: _LARGE}
_FLOAT, _U16, _U32, _U64 = 0xCB, 0xCD, 0xCE, 0xCF
_REACH = 32
_LEAST_TEXT = 3
_NEARBY = 1 << 46
_MOST_WHOLE = 1 << 53
_TOP = 1 << 64
_SIZED = {0xC4 + i: ("bytes", 1 << i) for i in range(3)}
_SIZED |= {0xCC + i: ("unsigned", 1 << i) for i in range(4)}
_SIZED |= {0xD0 + i: ("signed", 1 << i) for i in range(4)}
_SIZED |= {0xD9 + i: ("text", 1 << i) for i in range(3)}
_SIZED |= {0xDC + i: ("array", 2 << i) for i in range(2)}
_SIZED |= {0xDE + i: ("map", 2 << i) for i in range(2)}
_CONSTANT = {0xC0: None, 0xC2: False, 0xC3: True, _ZERO: 0.0}
_FIRST = {_FLOAT: b"", _SMALL: b"\x3f", _LARGE: b"\x40"}
_plain = msgspec.msgpack.Encoder().encode
_double = struct.Struct(">d")


class Writer:
    """Appends values to `out`.

    Examples
    --------
    >>> writer = Writer()
    >>> writer.value(["billing-7", 0.0, 12.0, "delegated", "billing-7"])
    >>> len(writer.out), Reader(bytes(writer.out)).value()
    (18, ['billing-7', 0.0, 12.0, 'delegated', 'billing-7'])
    """

    def __init__(self, out: bytes = b"") -> None:
        self.out = bytearray(out)
        self._floats: list[bytes] = []
        self._numbers: list[int] = []
        self._texts: list[str] = []
        self._wides: list[int] = []

    def varint(self, number: int) -> None:
        """Write a number of at least 0 without a token before it, seven bits a byte."""
        while number >= 0x80:
            self.out.append(number & 0x7F | 0x80)
            number >>= 7
        self.out.append(number)

    def value(self, value: Any) -> None:
        """Write a value and what is in it."""
        if isinstance(value, float):
            self.double(value)
        elif isinstance(value, str):
            self._text(value)
        elif isinstance(value, list | tuple):
            self._head(len(value), 0x90, 0xDC)
            for one in value:
                self.value(one)
        elif isinstance(value, dict):
            self._head(len(value), 0x80, 0xDE)
            for pair in value.items():
                self.value(pair[0])
                self.value(pair[1])
        elif isinstance(value, int) and value >= 1 << 8:
            self._number(value)
        else:
            self.out += _plain(value)

    def double(self, value: float) -> None:
        """Write a float."""
        raw = _double.pack(value)
        if not any(raw):
            self.out.append(_ZERO)
        elif value and abs(value) < _MOST_WHOLE and value.is_integer():
            self.out.append(_WHOLE)
            self.varint(zigzag(int(value)))
        elif not self._again(self._floats, raw, _SAME_FLOAT):
            before = self._floats[-2:-1]
            if before and raw == _square(_double.unpack(before[0])[0]):
                self.out.append(_SQUARE)
            elif raw[0] in _SHORT:
                self.out.append(_SHORT[raw[0]])
                self.out += raw[1:]
            else:
                self.out.append(_FLOAT)
                self.out += raw

    def _text(self, value: str) -> None:
        if value in _PLACES:
            self.out += bytes((_WORD, _PLACES[value]))
        elif len(value.encode()) < _LEAST_TEXT or not self._again(self._texts, value, _SAME_TEXT):
            self.out += _plain(value)

    def _number(self, value: int) -> None:
        if value < 1 << 32:
            if not self._again(self._numbers, value, _SAME_NUMBER):
                self.out += _plain(value)
            return
        ago = _ago(self._wides, value)
        last = self._wides[-1] if self._wides else 0
        if ago is not None:
            self.out.append(_NEAR)
            self.varint(ago << 1 | 1)
            return
        self._wides.append(value)
        if abs(value - last) < _NEARBY:
            self.out.append(_NEAR)
            self.varint(zigzag(value - last) << 1)
        else:
            self.out += _plain(value)

    def _again(self, known: list[Any], value: Any, token: int) -> bool:
        """Write a value as one of the last ones, if it is one; else note it."""
        ago = _ago(known, value)
        if ago is None:
            known.append(value)
            return False
        self.out += bytes((token, ago))
        return True

    def _head(self, length: int, small: int, large: int) -> None:
        if length < 16:
            self.out.append(small | length)
        elif length < 1 << 16:
            self.out += bytes((large,)) + length.to_bytes(2)
        else:
            self.out += bytes((large + 1,)) + length.to_bytes(4)


class Reader:
    """Reads values from a place on.

    Raises
    ------
    ValueError
        The bytes are not such.
    """

    def __init__(self, raw: bytes, at: int = 0) -> None:
        self.raw = raw
        self.at = at
        self._floats: list[float] = []
        self._numbers: list[int] = []
        self._texts: list[str] = []
        self._wides: list[int] = []

    def byte(self) -> int:
        """Read a byte."""
        return self.take(1)[0]

    def take(self, length: int) -> bytes:
        """Read so many bytes."""
        taken = self.raw[self.at : self.at + length]
        if len(taken) != length:
            raise self._wrong("more bytes")
        self.at += length
        return taken

    def varint(self) -> int:
        """Read a number of at least 0 that has no token before it."""
        value = shift = 0
        while shift < 64:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value % _TOP
            shift += 7
        raise self._wrong("a number of 64 bits")

    def end(self) -> None:
        """Raise unless everything was read."""
        if self.at != len(self.raw):
            raise self._wrong("the end")

    def double(self) -> float:
        """Read a float; a whole number may stand for one."""
        return float(self.value())

    def value(self) -> Any:
        """Read a value and what is in it."""
        token = self.byte()
        if token < 0x80:
            return token
        if token >= 0xE0:
            return token - 0x100
        if token < 0x90:
            return self._map(token & 0x0F)
        if token < 0xA0:
            return self._array(token & 0x0F)
        if token < 0xC0:
            return self._text(token & 0x1F)
        if token in _SIZED:
            return self._sized(token)
        return self._short(token)

    def _sized(self, token: int) -> Any:
        kind, size = _SIZED[token]
        number = int.from_bytes(self.take(size), signed=kind == "signed")
        if kind == "bytes":
            return self.take(number)
        if kind == "text":
            return self._text(number)
        if kind == "array":
            return self._array(number)
        if kind == "map":
            return self._map(number)
        if token in (_U16, _U32):
            self._numbers.append(number)
        elif token == _U64:
            self._wides.append(number)
        return number

    def _short(self, token: int) -> Any:
        if token in _CONSTANT:
            return _CONSTANT[token]
        if token in _FIRST:
            first = _FIRST[token]
            return self._noted(first + self.take(8 - len(first)))
        if token == _SQUARE and self._floats:
            return self._noted(_square(self._floats[-1]))
        if token == _WHOLE:
            return float(unzigzag(self.varint()))
        if token == _NEAR:
            return self._near(self.varint())
        if token == _WORD:
            place = self.byte()
            if place < len(WORDS):
                return WORDS[place]
        for known, same in ((self._floats, _SAME_FLOAT), (self._numbers, _SAME_NUMBER),
                            (self._texts, _SAME_TEXT)):  # fmt: skip
            if token == same and (ago := self.byte()) < min(_REACH, len(known)):
                return known[-1 - ago]
        raise self._wrong("a value")

    def _noted(self, raw: bytes) -> float:
        if not raw:
            raise self._wrong("a float to square")
        value: float = _double.unpack(raw)[0]
        self._floats.append(value)
        return value

    def _near(self, near: int) -> int:
        if near & 1 == 0:
            last = self._wides[-1] if self._wides else 0
            self._wides.append((last + unzigzag(near >> 1)) % _TOP)
            return self._wides[-1]
        if near >> 1 >= min(_REACH, len(self._wides)):
            raise self._wrong("an integer of before")
        return self._wides[-1 - (near >> 1)]

    def _array(self, length: int) -> list[Any]:
        return [self.value() for _ in range(length)]

    def _map(self, length: int) -> dict[Any, Any]:
        try:
            return {self.value(): self.value() for _ in range(length)}
        except TypeError as error:
            raise self._wrong("a key") from error

    def _text(self, length: int) -> str:
        text = self.take(length).decode()
        if length >= _LEAST_TEXT:
            self._texts.append(text)
        return text

    def _wrong(self, expected: str) -> ValueError:
        return ValueError(f"state is malformed: expected {expected} at byte {self.at}")


def _ago(known: list[Any], value: Any) -> int | None:
    """Give how long ago a value was noted, None where it was not lately."""
    lately = known[: -_REACH - 1 : -1]
    return lately.index(value) if value in lately else None


def _square(value: float) -> bytes:
    """Give the bytes of a square, none where that is no number."""
    square = value * value
    return _double.pack(square) if isfinite(square) else b""


def zigzag(value: int) -> int:
    """Give small numbers to small integers of either sign.

    >>> [zigzag(value) for value in (0, -1, 1, -2)]
    [0, 1, 2, 3]
    """
    return (value << 1 ^ value >> 64) % _TOP


def unzigzag(value: int) -> int:
    """Give back what `zigzag` was given."""
    return value >> 1 ^ -(value & 1)
