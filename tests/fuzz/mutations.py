"""Change records at random: their bytes, the tree of their JSON, and their order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

MOST_BYTES = 1 << 18
"""Largest record that is made; the ones of a seed may be larger."""
_TOKENS = (
    b'"', b"'", b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\x00", b"\n",
    b"\xff", b"\xc3\xa9", b"null", b"true", b"-1", b"1e999", b"9" * 40, b"0x1F", b"NaN",
    b"PK\x03\x04", b"$(", b"`", b"${", b"<<E\n", b"&&", b"|",
    b"--", b"/*", b"../", b"://", b"=", b"\r\n", b"\t",
    b"[" * 200, b'{"a":' * 200, b"\xe2\x80\xae", b"(" * 70, b"select ", b"*** Add File: ",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 7, 1 << 31, 1 << 53, 1 << 63, 1 << 64, 10**30, -(1 << 63), 0.5,
    -0.0, 1e300, 1.7976931348623157e308, "", " ", "x", "\0", "\ud83d", "é", "\u202e", "{}", "[1]",
    '{"a":', "[" * 90, "x" * 300, "y z " * 4_000, "0" * 16, "0" * 32, "f" * 32, "NaN", "1e999",
    "2026-01-05T08:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00",
    "2026-01-05 08:00", "-1", "1767600000000", 1767600000000, 1e18, [], {}, [[]], [{}], {"": ""},
    {"a": []}, [None], ["x"] * 300, {str(n): n for n in range(120)}, "https://a:b@c.example/d",
    "urn:x", "192.0.2.1:80", "[::1]", "Bearer abcdefgh1234", "AKIAIOSFODNN7EXAMPLE",
    "bash -c 'curl x | sh'", "drop table a; --",
)  # fmt: skip


def mutated(draw: Random, records: Sequence[bytes], other: Sequence[bytes]) -> list[bytes]:
    """Give changed records; parts of `other` may be among them."""
    found = list(records)
    for _ in range(draw.choice((1, 1, 2, 3, 6))):
        kind = draw.random()
        at = draw.randrange(len(found))
        if kind < 0.62:
            found[at] = _changed_tree(draw, found[at], other)
        elif kind < 0.9:
            found[at] = _changed_bytes(draw, found[at], other)
        else:
            _changed_order(draw, found, other)
        found = found or [b""]
    return found


def _changed_order(draw: Random, found: list[bytes], other: Sequence[bytes]) -> None:
    kind = draw.randrange(4)
    at = draw.randrange(len(found))
    if kind == 0:
        del found[at]
    elif kind == 1:
        found.insert(at, found[draw.randrange(len(found))])
    elif kind == 2:
        draw.shuffle(found)
    else:
        found.insert(at, draw.choice(other))


def _changed_bytes(draw: Random, record: bytes, other: Sequence[bytes]) -> bytes:
    at, end = sorted(draw.randint(0, len(record)) for _ in range(2))
    kind = draw.randrange(8)
    if kind == 0:
        made = record[:at] + draw.choice(_TOKENS) + record[at:]
    elif kind == 1:
        made = record[:at] + record[end:]
    elif kind == 2:
        made = record[:end] + record[at:end] * draw.randint(1, 9) + record[end:]
    elif kind == 3:
        made = record[:at]
    elif kind == 4:
        made = record[:at] + bytes([draw.randrange(256)]) + record[at + 1 :]
    elif kind == 5:
        piece = draw.choice(other)
        begin = draw.randint(0, len(piece))
        made = record[:at] + piece[begin : begin + draw.randint(1, 400)] + record[at:]
    elif kind == 6:
        made = record[:at] + record[at:end][::-1] + record[end:]
    else:
        made = record[:at] + draw.randbytes(draw.randint(1, 8)) + record[at:]
    return made if len(made) <= MOST_BYTES else record


def _changed_tree(draw: Random, record: bytes, other: Sequence[bytes]) -> bytes:
    """Change the tree of a record of JSON; other records are changed by their bytes."""
    try:
        tree = json.loads(record)
    except (ValueError, RecursionError):
        return _changed_line(draw, record, other)
    made = json.dumps(_changed(draw, tree, 0)).encode("utf-8", "replace")
    return made if len(made) <= MOST_BYTES else record


def _changed_line(draw: Random, record: bytes, other: Sequence[bytes]) -> bytes:
    """Change one line of a record of several lines."""
    lines = record.split(b"\n")
    at = draw.randrange(len(lines))
    if len(lines) > 1 and lines[at].startswith(b"{"):
        lines[at] = _changed_tree(draw, lines[at], other)
        return b"\n".join(lines)
    return _changed_bytes(draw, record, other)


def _changed(draw: Random, value: Any, depth: int) -> Any:
    if isinstance(value, dict) and value and draw.random() < 0.9:
        return _changed_object(draw, value, depth)
    if isinstance(value, list) and value and draw.random() < 0.9:
        at = draw.randrange(len(value))
        if draw.random() < 0.08:
            return value * draw.randint(2, 5)
        return [*value[:at], _changed(draw, value[at], depth + 1), *value[at + 1 :]]
    if isinstance(value, str) and draw.random() < 0.5:
        return _changed_text(draw, value, depth)
    if draw.random() < 0.05:
        return _nested(value, draw.choice((3, 40, 70, 110, 300)))
    return draw.choice(_VALUES)


def _changed_object(draw: Random, value: dict[str, Any], depth: int) -> dict[str, Any]:
    key = draw.choice(list(value))
    kind = draw.random()
    if kind < 0.08:
        return {name: one for name, one in value.items() if name != key}
    if kind < 0.12:
        return value | {
            draw.choice(("", "\0", "a.b", "x" * 400, "id", "agent", "\ud83d")): value[key]
        }
    if kind < 0.17:
        return value | {key: value[draw.choice(list(value))]}
    if kind < 0.2:
        return {key: value[key]} | value | {draw.choice(list(value)): value[key]}
    return value | {key: _changed(draw, value[key], depth + 1)}


def _changed_text(draw: Random, value: str, depth: int) -> str:
    """Change a text; one of JSON within its tree."""
    if value[:1] in ("{", "[") and depth < 40:
        try:
            return json.dumps(_changed(draw, json.loads(value), depth + 1))
        except (ValueError, RecursionError):
            pass
    at, end = sorted(draw.randint(0, len(value)) for _ in range(2))
    piece = draw.choice(_TOKENS).decode("utf-8", "replace")
    return draw.choice((
        value[:at] + piece + value[at:], value[:at] + value[end:], value + value[at:end] * 40,
        value.upper(), value[::-1], f" {value} ",
    ))  # fmt: skip


def _nested(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = [value]
    return value
