"""Values as compact bytes: MessagePack with extra tokens for repeated values.

======  ==================================================================================
c1      0.0
e0..ef  1.0 to 16.0; the integers that MessagePack has there take two bytes
d4 n    a float without a fraction, below 2**53; n is its zigzag varint
c8, c9  a float whose first byte is 3f, or 40, without that byte
d8      the square of the last float written by any of these tokens or in full
c7 k    one of those floats, k floats ago; bit for bit
d5 k    the same for integers of 9 to 32 bits
d6 k    the same for texts of 3 bytes and more
ca n    an integer of 33 to 64 bits: n is a varint. With an even n, it is twice the zigzag distance
        from the last one, below 2**46. Otherwise the integer is the one n >> 1 ago
d7 k    `WORDS` number k
======  ==================================================================================

How long ago is at most 31. Everything else is as msgspec writes it. The reference of
``native/src/codec``: the same value has the same bytes in both.
"""

from __future__ import annotations

import struct
from math import isfinite

WORDS = (
    "delegated", "autonomous", "unknown", "active", "learning", "relearning", "restricted", "watch",
    "normal", "trusted", "open", "quarantined", "bytes_in_hour", "bytes_out_hour", "records_hour",
    "cost", "bytes_out_day",
)  # fmt: skip
"""Words of state. The list only grows, as stored bytes contain the indices."""

ZERO, SAME_FLOAT, NEAR, WHOLE = 0xC1, 0xC7, 0xCA, 0xD4
SAME_NUMBER, SAME_TEXT, WORD, SQUARE = 0xD5, 0xD6, 0xD7, 0xD8
SMALL, LARGE, ONE = 0xC8, 0xC9, 0xE0
FLOAT, U16, U32, U64 = 0xCB, 0xCD, 0xCE, 0xCF
REACH = 32
MIN_TEXT = 3
TOP = 1 << 64
DOUBLE = struct.Struct(">d")


def square_of(value: float) -> bytes:
    """Give the bytes of a square, none where that is no number."""
    square = value * value
    return DOUBLE.pack(square) if isfinite(square) else b""


def zigzag(value: int) -> int:
    """Give small numbers to small integers of either sign.

    >>> [zigzag(value) for value in (0, -1, 1, -2)]
    [0, 1, 2, 3]
    """
    return (value << 1 ^ value >> 64) % TOP


def unzigzag(value: int) -> int:
    """Give back what `zigzag` was given."""
    return value >> 1 ^ -(value & 1)
