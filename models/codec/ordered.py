"""Bytes of structured state in which all tables are in the order of their keys."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.msgpack.Encoder().encode


def ordered_bytes(value: Any) -> bytes:
    """Write a value; equal values give equal bytes, in whatever order they were filled.

    >>> ordered_bytes({2: [], 1: {"b": 1, "a": 2}}) == ordered_bytes({1: {"a": 2, "b": 1}, 2: []})
    True
    >>> ordered_bytes([b"as they are"]) == ordered_bytes(["as they are"])
    False
    """
    return _encode(ordered(msgspec.to_builtins(value, builtin_types=(bytes,))))


def ordered(value: Any) -> Any:
    """Sort the keys of all tables."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(one) for one in value] if isinstance(value, list | tuple) else value
