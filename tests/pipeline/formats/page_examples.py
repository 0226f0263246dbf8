"""Events that a format makes of records, and the examples of the pages of integrations."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.assembling.assembler import Assembler
from pipeline.formats import FORMATS, PartFormat

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGES = Path(__file__).resolve().parents[3] / "docs" / "integrations"
OWN = (
    "codex", "copilot-cli", "crewai", "gemini-cli", "google-adk", "inspect", "langfuse",
    "langsmith", "openai-agents", "openhands", "swe-agent",
)  # fmt: skip
ARRIVED_US = 1_791_187_200_000_000  # 2026-10-05T08:00:00Z


def part_format(name: str) -> PartFormat:
    wire = FORMATS[name]
    assert isinstance(wire, PartFormat)
    return wire


def lines_of(name: str, records: Iterable[bytes]) -> list[bytes]:
    """Give the native events of records, and of calls without a result."""
    wire, assembler = part_format(name), Assembler(7)
    lines: list[bytes] = []
    for record in records:
        parts = wire.decode(record)
        lines += assembler.take(parts, ordered=wire.ordered, arrived_us=ARRIVED_US)
    return lines + assembler.due(whole=True)


def events_of(name: str, *records: Any) -> list[dict[str, Any]]:
    """Give the native events of records, which are bytes or become JSON."""
    raw = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
    return [json.loads(line) for line in lines_of(name, raw)]


def example_of(name: str) -> tuple[list[bytes], list[bytes]]:
    """Give the records and the native events of the page of a format."""
    page = (PAGES / f"{name}.md").read_text("utf-8")
    given, made = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[-2:]
    records = [given.encode()] if part_format(name).whole_file else given.encode().splitlines()
    return records, made.encode().splitlines()
