"""A measurement as a file: what was measured, by which command, when and where, and its tables.

`habitus evaluate --save FILE` and the benchmarks write such files, and `python -m benchmarks.page`
makes docs/measured.md of them. A new measurement keeps title and goals of the one it replaces.
"""

from __future__ import annotations

import os
import platform
import shlex
import sys
import tomllib
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import tomlkit
from msgspec import Struct

from pipeline.clock import clock_us
from pipeline.files.named_output import write
from pipeline.installed_kernel import installed_kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tomlkit.items import Array

_GIB = 1 << 30
_MICROSECONDS = 1e6


class Table(Struct, frozen=True, kw_only=True):
    """Figures under one sentence.

    Attributes
    ----------
    sentence
        Meaning of the rows, in one sentence.
    columns
        Headings, the first of which names the rows.
    rows
        Cells as people read them, as many a row as there are columns.
    """

    sentence: str
    columns: list[str]
    rows: list[list[str]]

    def __post_init__(self) -> None:
        if uneven := [row for row in self.rows if len(row) != len(self.columns)]:
            raise ValueError(f"a row has {len(uneven[0])} cells, expected {len(self.columns)}")


class Goal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bound on one cell of the tables.

    Attributes
    ----------
    figure
        Name of the machine.
    row, column
        First cell and heading of the cell, in the first table that has both.
    least, most
        The bounds that the cell must hold; None for none.
    """

    figure: str
    row: str
    column: str
    least: float | None = None
    most: float | None = None

    @property
    def bound(self) -> str:
        """Give the bounds for people.

        >>> Goal(figure="", row="", column="", least=2.5, most=6).bound
        '2.5 to 6'
        """
        if self.least is None or self.most is None:
            return f"at least {self.least:,g}" if self.most is None else f"at most {self.most:,g}"
        return f"{self.least:,g} to {self.most:,g}"

    def met(self, cell: str) -> bool:
        """Tell whether a cell holds the bounds.

        >>> Goal(figure="", row="", column="", least=0.5).met("0.4 %")
        False
        """
        value = float(cell.replace(",", "").split()[0])
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )


class Measurement(Struct, frozen=True, kw_only=True):
    """Results of one command.

    Attributes
    ----------
    command
        How to measure it again; files are named without their folders.
    date
        Day of the measurement (UTC), as ``2026-11-30``.
    machine
        Processor, cores, memory, system, Python and kernel.
    load
        Load average of the last minute at the end: other work on the machine shows in it. None
        where it was not recorded.
    """

    title: str
    command: str
    date: str
    machine: str = "not recorded"
    load: float | None = None
    tables: list[Table] = []
    goals: list[Goal] = []

    def cell(self, goal: Goal) -> str:
        """Give the cell that a goal is about (`cell_of`)."""
        return cell_of(self.tables, goal)


def cell_of(tables: Sequence[Table], goal: Goal) -> str:
    """Give the cell that a goal is about.

    Raises
    ------
    ValueError
        No table has its row and its column.
    """
    for table in tables:
        if goal.column in table.columns:
            for row in table.rows:
                if row[0] == goal.row:
                    return row[table.columns.index(goal.column)]
    raise ValueError(f"no table has the row {goal.row!r} and the column {goal.column!r}")


def read(path: Path) -> Measurement:
    """Read a file.

    Raises
    ------
    msgspec.ValidationError
        The file does not hold a measurement.
    """
    return msgspec.convert(tomllib.loads(path.read_text()), Measurement)


def is_measurement(path: str | Path | None) -> bool:
    """Tell whether a file is there that holds a measurement, which may be replaced."""
    if path is None:
        return False
    try:
        read(Path(path))
    except (OSError, ValueError):
        return False
    return True


def save(
    path: str | Path,
    title: str,
    tables: Sequence[Table],
    goals: Sequence[Goal] | None = None,
    *,
    program: str,
    arguments: Sequence[str] | None = None,
) -> None:
    """Write what was just measured, under the title of the file that it replaces.

    Parameters
    ----------
    title
        Used where no file is there yet.
    goals
        Bounds; those of the file that it replaces by default.
    program
        Name of the command, such as ``habitus evaluate``.
    arguments
        Arguments; those of this process by default.
    """
    file = Path(path)
    given = sys.argv[1:] if arguments is None else arguments
    before = read(file) if file.exists() else None
    found = Measurement(
        title=before.title if before else title,
        command=command(program, given),
        date=today(),
        machine=machine(),
        load=round(os.getloadavg()[0], 1),
        tables=list(tables),
        goals=before.goals if before and goals is None else list(goals or ()),
    )
    write(file, dumped(found).encode())


def command(program: str, arguments: Sequence[str]) -> str:
    """Give a command as one would type it, without ``--save``, ``--force`` and folders.

    >>> command("habitus evaluate", ["logs/a.jsonl.gz", "--cold", "--save", "here.toml", "--force"])
    'habitus evaluate a.jsonl.gz --cold'
    """
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--save":
            next(words, None)
        elif word != "--force" and not word.startswith("--save="):
            kept.append(word if word.startswith("-") else word.rpartition("/")[2] or word)
    return " ".join([program, *map(shlex.quote, kept)])


def today() -> str:
    """Give the day (UTC), as ``2026-11-30``."""
    return datetime.fromtimestamp(clock_us() / _MICROSECONDS, UTC).date().isoformat()


def machine() -> str:
    """Give processor, cores, memory, system, Python and Habitus with its kernel, in one line."""
    kernel = installed_kernel("auto")
    parts = (
        _processor(),
        f"{os.cpu_count()} cores",
        f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / _GIB:.0f} GiB",
        f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        f"Python {platform.python_version()}",
        f"Habitus {version('habitus')}",
        "kernel python" if kernel is None else f"kernel native {kernel.__version__}",
    )
    return ", ".join(parts)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def dumped(found: Measurement) -> str:
    """Give a measurement as TOML, one row a line."""
    out = tomlkit.document()
    for name in ("title", "command", "date", "machine", "load"):
        if (value := getattr(found, name)) is not None:
            out[name] = value
    if found.goals:
        out["goals"] = tomlkit.aot()
        for goal in found.goals:
            out["goals"].append(tomlkit.item(msgspec.to_builtins(goal)))
    if found.tables:
        out["tables"] = tomlkit.aot()
        for one in found.tables:
            table = tomlkit.table()
            table["sentence"], table["columns"], table["rows"] = (
                one.sentence,
                one.columns,
                _lines(one.rows),
            )
            out["tables"].append(table)
    return tomlkit.dumps(out)


def _lines(rows: Sequence[Sequence[str]]) -> Array:
    """Give rows as an array with a line for each."""
    out = tomlkit.array()
    for row in rows:
        out.append(list(row))
    return out.multiline(True)
