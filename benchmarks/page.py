"""Write docs/measured.md from benchmarks/results: ``python -m benchmarks.page``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.costs import read_costs
from benchmarks.scale import sizing
from lab.measurement import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.measurement import Measurement, Table

RESULTS = Path(__file__).with_name("results")
PAGE = Path(__file__).parents[1] / "docs" / "measured.md"
# Headings of the page, each with the files below it.
SECTIONS: dict[str, tuple[str, ...]] = {
    "Labelled logs": (
        "labelled_warm",
        "labelled_cold",
        "labelled_detectors",
        "labelled_features",
        "labelled_task_draws",
        "labelled_attacked_history",
        "bundled_warm",
        "bundled_cold",
    ),
    "Simulated fleets": ("fleets", "fleets_1000", "fleet_120_features"),
    "Speed": (
        "throughput",
        "throughput_at_random",
        "workers",
        "size",
        "size_million",
        "trust_lookup",
        "servers",
        "freshness",
        "tap",
        "formats",
        "formats_pages",
        "recorder",
        "hooks",
        "scan",
    ),
}
_HEAD = """# Measured

`make measured` writes this page from the files in `benchmarks/results/`. Each measurement names its
command, its date and its machine. [evaluation.md](evaluation.md) and
[benchmarks/README.md](../benchmarks/README.md) define the figures.
The labelled logs `agentdojo` and `agentdyn` are not part of the repository.
"""


def page(measured: dict[str, Measurement]) -> str:
    """Give the whole page.

    Raises
    ------
    ValueError
        A file belongs to no heading, or a goal to no cell.
    """
    if unknown := measured.keys() - {name for names in SECTIONS.values() for name in names}:
        raise ValueError(f"{min(unknown)!r} is in no section of benchmarks/page.py")
    ordered = [measured[n] for names in SECTIONS.values() for n in names if n in measured]
    parts = [_HEAD, "## Goals\n", "\n".join(_goals(ordered)) + "\n"]
    for heading, names in SECTIONS.items():
        parts.append(f"## {heading}\n")
        parts += [_measurement(measured[name]) for name in names if name in measured]
    return "\n".join([*parts, "## Sizing\n", _measurement(sizing(read_costs()))])


def _goals(measured: Iterable[Measurement]) -> Iterator[str]:
    yield "| figure | goal | measured | |"
    yield "|---|---|---:|---|"
    for one in measured:
        for goal in one.goals:
            cell = one.cell(goal)
            met = "met" if goal.met(cell) else "**missed**"
            yield f"| {one.title}: {goal.figure} | {goal.bound} | {cell} | {met} |"


def _measurement(one: Measurement) -> str:
    load = "" if one.load is None else f", load average {one.load:g}"
    parts = [
        f"### {one.title}\n",
        f"    {one.command}\n",
        f"{one.date}. Machine: {one.machine}{load}.\n",
    ]
    for table in one.tables:
        parts += [f"{table.sentence}\n", "\n".join(_lines(table)) + "\n"]
    return "\n".join(parts)


def _lines(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(table.columns)} |"
    yield "|---|" + "---:|" * (len(table.columns) - 1)
    for row in table.rows:
        yield f"| {' | '.join(row)} |"


def results(folder: Path = RESULTS) -> dict[str, Measurement]:
    """Read all measurements, by name."""
    return {path.stem: read(path) for path in sorted(folder.rglob("*.toml"))}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(results()))


if __name__ == "__main__":
    main()
