"""Rows for people: a table if the terminal is wide enough, else several lines per row.

Cells are never cut, so two agents with long ids stay distinct.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

_MIN_PROSE = 24


def listing(
    console: Console,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    first: str = "agent",
    prose: str = "",
    title: str | None = None,
) -> None:
    r"""Print rows.

    Parameters
    ----------
    heads, rows
        Names of the columns, and their cells, as markup.
    first
        Column for the first line of a row, if there is no table.
    prose
        Column that may wrap between words, or empty.

    Examples
    --------
    >>> from rich.console import Console
    >>> rows = [("high", "spiffe://example.com/" + "x" * 20, "")]
    >>> heads = ("level", "agent", "owner")
    >>> listing(Console(width=30), heads, rows)  # doctest: +NORMALIZE_WHITESPACE
    spiffe://example.com/xxxxxxxxxxxxxxxxxxxx
      level high
    """
    kept = [tuple(row) for row in rows]
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, overflow="fold", no_wrap=head != prose)
    for row in kept:
        table.add_row(*row)
    if _fits(console, table, heads, prose):
        console.print(table)
        return
    if title is not None:
        console.print(title)
    lead = heads.index(first)
    for row in kept:
        console.print(row[lead], soft_wrap=True, highlight=False)
        rest = [f"{heads[at]} {cell}" for at, cell in enumerate(row) if cell and at != lead]
        console.print(Padding(", ".join(rest), (0, 0, 0, 2)), highlight=False)


def _fits(console: Console, table: Table, heads: Sequence[str], prose: str) -> bool:
    wide = Measurement.get(console, console.options.update(max_width=100_000), table).maximum
    if prose:
        column = heads.index(prose)
        cells = table.columns[column].cells
        widest = max((console.measure(cell).maximum for cell in cells), default=0)
        wide -= max(0, widest - _MIN_PROSE)
    return wide <= console.width
