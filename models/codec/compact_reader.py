"""Compact bytes back to values, as `models.codec.tokens` says."""

from __future__ import annotations

from typing import Any

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
    TOP,
    U16,
    U32,
    U64,
    WHOLE,
    WORD,
    WORDS,
    ZERO,
    square_of,
    unzigzag,
)

_SIZED = {0xC4 + i: ("bytes", 1 << i) for i in range(3)}
_SIZED |= {0xCC + i: ("unsigned", 1 << i) for i in range(4)}
_SIZED |= {0xD0 + i: ("signed", 1 << i) for i in range(4)}
_SIZED |= {0xD9 + i: ("text", 1 << i) for i in range(3)}
_SIZED |= {0xDC + i: ("array", 2 << i) for i in range(2)}
_SIZED |= {0xDE + i: ("map", 2 << i) for i in range(2)}
_CONSTANT = {0xC0: None, 0xC2: False, 0xC3: True, ZERO: 0.0}
_FIRST = {FLOAT: b"", SMALL: b"\x3f", LARGE: b"\x40"}


class Reader:
    """Reads values from an index on.

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
                return value % TOP
            shift += 7
        raise self._wrong("a number of 64 bits")

    def end(self) -> None:
        """Raise unless everything was read."""
        if self.at != len(self.raw):
            raise self._wrong("the end")

    def double(self) -> float:
        """Read a float, which may be stored as a whole number."""
        return float(self.value())

    def value(self) -> Any:
        """Read a value with its members."""
        token = self.byte()
        if token < 0x80:
            return token
        if token >= 0xF0:
            return token - 0x100
        if token >= ONE:
            return float(token - ONE + 1)
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
        if token in (U16, U32):
            self._numbers.append(number)
        elif token == U64:
            self._wides.append(number)
        return number

    def _short(self, token: int) -> Any:
        if token in _CONSTANT:
            return _CONSTANT[token]
        if token in _FIRST:
            first = _FIRST[token]
            return self._noted(first + self.take(8 - len(first)))
        if token == SQUARE and self._floats:
            return self._noted(square_of(self._floats[-1]))
        if token == WHOLE:
            return float(unzigzag(self.varint()))
        if token == NEAR:
            return self._near(self.varint())
        if token == WORD:
            index = self.byte()
            if index < len(WORDS):
                return WORDS[index]
        for known, same in ((self._floats, SAME_FLOAT), (self._numbers, SAME_NUMBER),
                            (self._texts, SAME_TEXT)):  # fmt: skip
            if token == same and (ago := self.byte()) < min(REACH, len(known)):
                return known[-1 - ago]
        raise self._wrong("a value")

    def _noted(self, raw: bytes) -> float:
        if not raw:
            raise self._wrong("a float to square")
        value: float = DOUBLE.unpack(raw)[0]
        self._floats.append(value)
        return value

    def _near(self, near: int) -> int:
        if near & 1 == 0:
            last = self._wides[-1] if self._wides else 0
            self._wides.append((last + unzigzag(near >> 1)) % TOP)
            return self._wides[-1]
        if near >> 1 >= min(REACH, len(self._wides)):
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
        if length >= MIN_TEXT:
            self._texts.append(text)
        return text

    def _wrong(self, expected: str) -> ValueError:
        return ValueError(f"state is malformed: expected {expected} at byte {self.at}")
