"""The figures of an evaluation as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from lab.evaluation.figures import EVENT_LEVELS
from pipeline.publishing.rejected import in_words
from pipeline.text.quoted import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NARROWEST, _NARROWEST_NAME = 5, 7
_HEADINGS = (
    "benign", "attacked", "AUROC", "AP", "at 1%", "at 5%", "event\nAUROC", "event\nAP",
    "p<=.05\nbenign", "p<=.05\nfound", "false/\nagent-day",
)  # fmt: skip


def table(result: Mapping[str, Any]) -> Table:
    """Make the table of figures of `evaluate`, in 100 columns.

    Columns in percent: detection at 1 % and 5 % alarmed benign sessions, benign sessions at p <=
    0.05 (nominal 5), and attacked sessions found there.
    """
    out = of_figures(_title(result), "sessions of", _HEADINGS)
    out.caption = _caption(result["all"], result["unlabelled_sessions"], result["odd_labels"])
    _rows(out, result)
    if "every_phase" in result:
        out.add_section()
        out.add_row("baseline phase too:")
        _rows(out, result["every_phase"])
    return out


def of_figures(title: str, first: str, headings: Sequence[str], min_width: int = 0) -> Table:
    """Start a table with a column of names and columns of figures.

    In a narrow terminal names and headings wrap, and figures are never cut.
    """
    out = Table(
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
        title=title,
        title_justify="left",
        caption_justify="left",
        min_width=min_width,
    )
    out.add_column(first, min_width=_NARROWEST_NAME, overflow="fold")
    for heading in headings:
        out.add_column(heading, justify="right", min_width=_NARROWEST, overflow="fold")
    return out


def _rows(out: Table, part: Mapping[str, Any]) -> None:
    out.add_row("all", *_cells(part["all"]), style="bold", end_section=True)
    for kind in ("joined", "files", "roles"):
        for name, figures in part[kind].items():
            out.add_row(plain(name), *_cells(figures))
        if part[kind]:
            out.add_section()


def _cells(figures: Mapping[str, Any]) -> list[str]:
    found, p = figures["detection"], figures["session_p"]["0.05"]
    return [
        str(figures["benign"]),
        str(figures["attacked"]),
        share(figures["auroc"]),
        share(figures["ap"]),
        percent(found["0.01"]),
        percent(found["0.05"]),
        share(figures["event_auroc"]),
        share(figures["event_ap"]),
        percent(p["share"]),
        percent(p["detection"]),
        share(figures["alerts"]["false_per_agent_day"], 2),
    ]


def share(value: float | None, digits: int = 3) -> str:
    """Write a number, or a dash if missing."""
    return "-" if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """Write a share as percent, or a dash if missing."""
    return "-" if value is None else f"{100 * value:.1f}"


def _title(result: Mapping[str, Any]) -> str:
    how = "cold" if result["cold"] else "with history"
    left_out = f", without {', '.join(result['without'])}" if result["without"] else ""
    by = f" ({in_words(reasons)})" if (reasons := result["rejected_by"]) else ""
    rate = f"{result['events_per_second']:.0f}/s with reasons"
    return (
        f"{how}{left_out}: {result['events']} events, {rate}, "
        f"{result['rejected']} rejected{by}, config {result['config_version']}"
    )


def _caption(figures: Mapping[str, Any], unlabelled: int, unknown_labels: Mapping[str, int]) -> str:
    failed, alerts = figures["attacked_failed"], figures["alerts"]
    pools = [
        f"{pool} {' '.join(share(p[f'{level}']['ratio'], 2) for level in EVENT_LEVELS)}"
        for pool, p in figures["event_p"].items()
        if p["events"]
    ]
    notes = ""
    if unlabelled:
        notes = f"\nsessions without a label: {unlabelled}, judged and counted nowhere"
    if unknown_labels:
        each = ", ".join(f"{plain(label)} {n} times" for label, n in unknown_labels.items())
        notes += f"\nunknown labels: {each}; their sessions are not measured"
    return (
        "benign events at p <= 0.05 0.01 0.001, observed over promised, by pool:\n"
        f"{'; '.join(pools) or '-'}\n"
        f"alerts: {alerts['benign_sessions']} of {figures['benign']} benign sessions, "
        f"{alerts['attacked_sessions']} of {figures['attacked']} attacked\n"
        f"failed attacks: {failed['sessions']}, alarmed {percent(failed['0.01'])} % at the 1 % "
        f"threshold, {percent(failed['0.05'])} % at the 5 % threshold{notes}"
    )
