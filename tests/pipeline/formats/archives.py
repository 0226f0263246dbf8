"""Make archives of evaluations, with entries that ``zipfile`` cannot write."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import zstandard

if TYPE_CHECKING:
    from collections.abc import Mapping

STORED, ZSTANDARD = 0, 93


def archive(entries: Mapping[str, Any], method: int = ZSTANDARD) -> bytes:
    """Make a zip archive of JSON documents, or of bytes."""
    out, directory = b"", b""
    for name, content in entries.items():
        plain = content if isinstance(content, bytes) else json.dumps(content).encode()
        packed = zstandard.compress(plain) if method == ZSTANDARD else plain
        sums = struct.pack("<III", zlib.crc32(plain), len(packed), len(plain))
        head = struct.pack("<HHHHH", 63, 0, method, 0, 0x5A21) + sums
        known = name.encode()
        lengths = struct.pack("<HH", len(known), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 63) + head + lengths
        directory += struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + known
        out += b"PK\x03\x04" + head + lengths + known + packed
    count = len(entries)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(out), 0)
    return out + directory + b"PK\x05\x06" + end


def evaluation(samples: int = 2) -> dict[str, Any]:
    """Give the documents of a made-up evaluation, by their names in the archive."""
    found: dict[str, Any] = {
        "header.json": {"eval": {"eval_id": "ev1", "task": "mail_desk", "model": "openai/gpt-5"}}
    }
    for at in range(samples):
        found[f"samples/s{at}_epoch_1.json"] = {
            "id": f"s{at}", "epoch": 1, "uuid": f"u{at}", "input": "Forward note A-1",
            "events": [
                tool(at, 1, "read_note", {"name": "A-1"}, "for ines@example.com"),
                tool(at, 2, "send", {"to": "ines@example.com"}, "sent"),
            ],
        }  # fmt: skip
    return found


def tool(
    sample: int, number: int, name: str, arguments: dict[str, Any], result: Any, **more: Any
) -> dict[str, Any]:
    return {
        "event": "tool", "id": f"call_{number}", "function": name, "arguments": arguments,
        "result": result, "timestamp": f"2026-10-05T08:{sample:02}:{number * 2:02}+00:00",
        "completed": f"2026-10-05T08:{sample:02}:{number * 2 + 1:02}+00:00",
    } | more  # fmt: skip
