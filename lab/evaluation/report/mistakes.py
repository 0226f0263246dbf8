"""Tables of single errors: missed and misnamed attacks, and false alerts by first reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lab.evaluation.report.table import of_figures, share
from pipeline.text.quoted import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.table import Table

_MAX_ROWS = 20


def mistake_tables(found: Mapping[str, list[dict[str, Any]]]) -> Iterator[Table]:
    """Make tables of missed and misnamed attacks, and of false alerts by first reason."""
    for name, title in (
        ("missed", "attacks without an alert, highest in the queue on top"),
        ("misnamed", "attacks whose alert names another cause first"),
    ):
        if rows := found[name]:
            yield _errors(title, rows)
    if rows := found["false_alerts"]:
        yield _false_alerts(rows)


def _errors(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    out = of_figures(
        title,
        "type",
        ("bits", "p", "reason", "planted cause", "at", "case"),
        min_width=len(title),
    )
    for column in (out.columns[0], *out.columns[3:5], out.columns[-1]):
        column.justify, column.no_wrap, column.overflow = "left", False, "fold"
    for row in rows[:_MAX_ROWS]:
        out.add_row(
            plain(row["type"]),
            share(row["bits"], 1),
            "-" if row["p"] is None else f"{row['p']:.2g}",
            row["reason"] or "-",
            plain(" ".join(row["causes"])) or "-",
            row["time"][:16],
            plain(row["case"]),
        )
    if len(rows) > _MAX_ROWS:
        out.caption = f"{len(rows) - _MAX_ROWS} more: --out FILE has all, and of which agent"
    return out


def _false_alerts(rows: Sequence[Mapping[str, Any]]) -> Table:
    title = "false alerts by first reason"
    headings = ("alerts", "agents", "roles", "on news")
    out = of_figures(title, "reason", headings, min_width=len(title))
    out.columns[-1].no_wrap = False
    for reason, number in Counter(row["reason"] or "-" for row in rows).most_common(_MAX_ROWS):
        its = [row for row in rows if (row["reason"] or "-") == reason]
        novelties = Counter(row["news"] for row in its if row["news"] is not None)
        out.add_row(
            reason,
            str(number),
            str(len({row["agent_id"] for row in its})),
            str(len({row["role"] for row in its})),
            plain(", ".join(f"{name} {times}" for name, times in novelties.most_common())) or "-",
        )
    return out
