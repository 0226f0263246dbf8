"""What open state weighs: an estimate of its bytes in memory, the same on every machine.

State is weighed once, where it is added, and totals are kept beside it. A stored total is read
back, so a restart gives the same totals.
"""

from __future__ import annotations

from typing import Any

MAX_BYTES = 256 << 20
"""Most bytes of the open state by default; above it, the oldest content is left out."""
ENTRY = 200
"""Bytes of a member of a table beside its texts."""
SESSION = 4_000
"""Bytes of a session without content."""
ORIGIN = 400
"""Bytes of a value in the arguments of a call with its origins."""
SECRET = 800
"""Bytes of a credential that a session has read."""
SPELLING = 100
"""Bytes of one of its spellings, such as a line of a key."""
_TEXT, _WIDE = 56, 4
_MEMBER, _ITEM, _OBJECT, _NUMBER = 100, 8, 64, 32


def weight_of(value: Any) -> int:
    """Estimate the bytes of a value as JSON has it.

    >>> weight_of("a" * 1_000), weight_of("é" * 1_000), weight_of(7)
    (1056, 4056, 32)
    >>> weight_of({"to": ["a", "b"]})
    360
    """
    total, rest = 0, [value]
    for one in rest:  # grows by what is inside
        kind = type(one)
        if kind is str:
            total += _TEXT + (len(one) if one.isascii() else _WIDE * len(one))
        elif kind is dict:
            total += _OBJECT + _MEMBER * len(one) + sum(map(len, one))
            rest += one.values()
        elif kind is list or kind is tuple:
            total += _OBJECT + _ITEM * len(one)
            rest += one
        else:
            total += _NUMBER
    return total
