"""Decode records with a format, and read the events as the pipeline does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.assembling.assembler import Assembler
from pipeline.formats import FORMATS, Native, PartFormat

if TYPE_CHECKING:
    from collections import Counter

ARRIVED_US = 1_790_000_000_000_000
_native = Native()


def part_format(name: str) -> PartFormat:
    """Give a format whose records are parts."""
    wire = FORMATS[name]
    assert isinstance(wire, PartFormat)
    return wire


def assembled(name: str, *records: bytes) -> tuple[list[bytes], Counter[str]]:
    """Give the lines that records make, and what was dropped."""
    wire, assembler = part_format(name), Assembler(0)
    lines: list[bytes] = []
    for record in records:
        lines += assembler.take(wire.decode(record), ordered=wire.ordered, arrived_us=ARRIVED_US)
    return lines + assembler.due(whole=True), assembler.count


def events_of(
    name: str, *records: dict[str, Any] | list[Any] | bytes | str
) -> list[dict[str, Any]]:
    """Give the events that the native reader accepts, as objects."""
    given = [one.encode() if isinstance(one, str) else one for one in records]
    raw = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in given]
    found: list[dict[str, Any]] = []
    for line in assembled(name, *raw)[0]:
        event, unknown = _native.read(line)
        assert unknown == ()
        found.append(msgspec.to_builtins(event))
    return found


def event_of(name: str, *records: dict[str, Any] | list[Any] | bytes | str) -> dict[str, Any]:
    """Give the one event that records make."""
    (found,) = events_of(name, *records)
    return found
