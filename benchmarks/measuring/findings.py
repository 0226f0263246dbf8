"""What a benchmark found: its tables and goals, for people, and saved for docs/measured.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lab.measurement import Goal, Table, cell_of, save

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


class Findings(NamedTuple):
    """Tables, and the goals that are about their cells."""

    tables: list[Table]
    goals: list[Goal]

    def missed(self) -> bool:
        """Tell whether a goal is missed."""
        return any(not goal.met(cell_of(self.tables, goal)) for goal in self.goals)


def text(found: Findings) -> Iterator[str]:
    r"""Give the tables with aligned columns, and then the goals.

    >>> table = Table(sentence="Rates.", columns=["of", "events/s"], rows=[["river", "1,200"]])
    >>> goal = Goal(figure="river, events/s", row="river", column="events/s", least=1000)
    >>> print(*text(Findings([table], [goal])), sep="\n")
    Rates.
    of     events/s
    river     1,200
    <BLANKLINE>
    goal: river, events/s: 1,200, at least 1,000: met
    """
    for table in found.tables:
        yield table.sentence
        lines = [table.columns, *table.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for first, *cells in lines:
            others = (f"  {cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
            yield f"{first:<{widths[0]}}{''.join(others)}".rstrip()
        yield ""
    for goal in found.goals:
        cell = cell_of(found.tables, goal)
        verdict = "met" if goal.met(cell) else "MISSED"
        yield f"goal: {goal.figure}: {cell}, {goal.bound}: {verdict}"


def add_save(parser: argparse.ArgumentParser) -> None:
    """Add the option whose value `show` takes."""
    parser.add_argument(
        "--save",
        metavar="FILE",
        help="write tables, command, date and machine to this TOML file (benchmarks/results)",
    )


def show(
    found: Findings, title: str, program: str, file: str | None, *, silent: bool = False
) -> None:
    """Print what was found unless `silent`, and save it where a file is named."""
    for line in () if silent else text(found):
        print(line)
    if file is not None:
        save(file, title, found.tables, found.goals, program=f"python -m {program}")
