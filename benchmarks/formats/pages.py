"""Decode and assemble the example of each page: ``python -m benchmarks.formats.pages``.

The records of a page in `docs/integrations` are read again and again, each time by an assembler
without sessions. Beside it, a bare decoder parses the same bytes to plain objects.
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from benchmarks.measuring.findings import Findings, add_save, show
from lab.measurement import Table
from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import native_records
from pipeline.formats import format_named, whole_files
from pipeline.processing.stream_types import RawRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.errors import MalformedEvent

PAGES = Path(__file__).parents[2] / "docs" / "integrations"
ARRIVED_US = 1_791_187_200_000_000  # 2026-10-05T08:00:00Z
_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Rates(NamedTuple):
    """Events of a processor second, of the format and of the bare decoder."""

    events: int
    size: int
    own: float
    bare: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.formats.pages")
    parser.add_argument("--seconds", type=float, default=0.5, help="processor seconds of a rate")
    add_save(parser)
    chosen = parser.parse_args()
    measured = {page.stem: measure(page, chosen.seconds) for page in sorted(PAGES.glob("*.md"))}
    show(
        findings_of(measured), "Formats by their examples", "benchmarks.formats.pages", chosen.save
    )


def measure(page: Path, seconds: float) -> Rates:
    """Measure the example of one page."""
    given = _BLOCK.findall(page.read_text("utf-8"))[-2].encode()
    wire = format_named(page.stem)
    values = [given] if whole_files(wire) else given.splitlines()
    records = [RawRecord(value, "page", at, ARRIVED_US) for at, value in enumerate(values)]

    def assemble() -> int:
        return len(native_records(records, wire, Assembler(7), _refuse, whole=True))

    def parse() -> None:
        for value in values:
            _parsed(value)

    events = assemble()
    own, bare = (events * _turns(once, seconds) for once in (assemble, parse))
    return Rates(events, sum(map(len, values)), own, bare)


def _parsed(value: bytes) -> object:
    """Parse a record to plain objects; a line of a log to words."""
    if value.lstrip()[:1] in (b"{", b"["):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return [msgspec.json.decode(line) for line in value.splitlines()]
    return value.decode().split()


def _turns(once: Callable[[], object], seconds: float) -> float:
    """Give how often a function runs in a processor second."""
    count, began = 0, time.process_time()
    while (took := time.process_time() - began) < seconds:
        for _ in range(10):
            once()
        count += 10
    return count / took


def _refuse(_: RawRecord, error: MalformedEvent) -> None:
    raise error


def findings_of(measured: dict[str, Rates]) -> Findings:
    """Make the table."""
    rows = [
        [name, f"{one.events}", f"{one.size / one.events:,.0f}", f"{one.own:,.0f}",
         f"{one.bare:,.0f}"]
        for name, one in measured.items()
    ]  # fmt: skip
    table = Table(
        sentence="The example of each page is decoded and assembled; it is not judged.",
        columns=["format", "events", "bytes an event", "events per CPU s", "bare decode"],
        rows=rows,
    )
    return Findings([table], [])


if __name__ == "__main__":
    main()
