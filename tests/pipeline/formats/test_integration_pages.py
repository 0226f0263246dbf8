"""Pages about integrations: the example on each gives the events that the page shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.assembling.assembler import Assembler
from pipeline.formats import PartFormat, format_named

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted((ROOT / "docs" / "integrations").glob("*.md"))
LONGEST = 60
NOW = 1_800_000_000_000_000


def example_of(page: Path) -> tuple[str, str]:
    """Give the last two blocks of JSON on a page: records, and the events that they make."""
    found = re.findall(r"^```json\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return found[-2], found[-1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_example_gives_the_events_of_the_page(page: Path) -> None:
    given, made = example_of(page)
    wire = format_named(page.stem)
    assert isinstance(wire, PartFormat)
    records = [given.encode()] if wire.whole_file else given.encode().splitlines()
    assembler, lines = Assembler(7), list[bytes]()
    for record in records:
        lines += assembler.take(wire.decode(record), ordered=wire.ordered, arrived_us=NOW)
    lines += assembler.due(whole=True)
    expected: list[dict[str, Any]] = [json.loads(line) for line in made.splitlines()]
    for line, shown in zip(lines, expected, strict=True):
        event = json.loads(line)
        assert {name: event[name] for name in shown} == shown
        assert event.keys() - shown.keys() <= {"time"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_is_short_and_says_what_happens_without_habitus(page: Path) -> None:
    text = page.read_text()
    assert len(text.splitlines()) <= LONGEST
    assert "## When Habitus is down" in text
