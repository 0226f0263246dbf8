"""Values to compact bytes, as `models.codec.tokens` says."""

from __future__ import annotations

from typing import Any

import msgspec

from models.codec.tokens import (
    DOUBLE,
    FLOAT,
    LARGE,
    MIN_TEXT,
    NEAR,
    ONE,
    REACH,
    SAME_FLOAT,
    SAME_NUMBER,
    SAME_TEXT,
    SMALL,
    SQUARE,
    WHOLE,
    WORD,
    WORDS,
    ZERO,
    square_of,
    zigzag,
)

_INDEX_OF = {word: index for index, word in enumerate(WORDS)}
_SHORT = {0x3F: SMALL, 0x40: LARGE}
_NEARBY = 1 << 46
_MAX_WHOLE = 1 << 53
_plain = msgspec.msgpack.Encoder().encode


class Writer:
    """Appends values to `out`.

    Examples
    --------
    >>> from models.codec.compact_reader import Reader
    >>> writer = Writer()
    >>> writer.value(["billing-7", 0.0, 12.0, "delegated", "billing-7"])
    >>> len(writer.out), Reader(bytes(writer.out)).value()
    (17, ['billing-7', 0.0, 12.0, 'delegated', 'billing-7'])
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
        """Write a value with its members."""
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
        elif isinstance(value, int) and -32 <= value < -16:
            self.out += bytes((0xD0, value & 0xFF))
        else:
            self.out += _plain(value)

    def double(self, value: float) -> None:
        """Write a float."""
        raw = DOUBLE.pack(value)
        if not any(raw):
            self.out.append(ZERO)
        elif value and abs(value) < _MAX_WHOLE and value.is_integer():
            self._whole(int(value))
        elif not self._again(self._floats, raw, SAME_FLOAT):
            before = self._floats[-2:-1]
            if before and raw == square_of(DOUBLE.unpack(before[0])[0]):
                self.out.append(SQUARE)
            elif raw[0] in _SHORT:
                self.out.append(_SHORT[raw[0]])
                self.out += raw[1:]
            else:
                self.out.append(FLOAT)
                self.out += raw

    def _whole(self, value: int) -> None:
        if 1 <= value <= 16:
            self.out.append(ONE + value - 1)
        else:
            self.out.append(WHOLE)
            self.varint(zigzag(value))

    def _text(self, value: str) -> None:
        if value in _INDEX_OF:
            self.out += bytes((WORD, _INDEX_OF[value]))
        elif len(value.encode()) < MIN_TEXT or not self._again(self._texts, value, SAME_TEXT):
            self.out += _plain(value)

    def _number(self, value: int) -> None:
        if value < 1 << 32:
            if not self._again(self._numbers, value, SAME_NUMBER):
                self.out += _plain(value)
            return
        ago = _ago(self._wides, value)
        last = self._wides[-1] if self._wides else 0
        if ago is not None:
            self.out.append(NEAR)
            self.varint(ago << 1 | 1)
            return
        self._wides.append(value)
        if abs(value - last) < _NEARBY:
            self.out.append(NEAR)
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


def _ago(known: list[Any], value: Any) -> int | None:
    """Give how long ago a value was noted, None where it was not lately."""
    lately = known[: -REACH - 1 : -1]
    return lately.index(value) if value in lately else None
