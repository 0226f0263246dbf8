"""Further tables of an evaluation: comparison of detectors, calibration, types, transfer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.evaluation.figures import EVENT_LEVELS, SESSION_LEVELS
from lab.evaluation.report.mistakes import mistake_tables
from lab.evaluation.report.table import of_figures, percent, share
from pipeline.text.quoted import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.table import Table

PRODUCT = "Habitus"
_WORTH = {
    "precision": (100, ".1f"), "false_alerts": (1, ".0f"), "bits": (1, ".2f"),
    "p_bits": (1, ".2f"), "auroc": (1, ".3f"), "at_1": (100, ".1f"), "at_5": (100, ".1f"),
    "event_ap": (1, ".3f"),
}  # fmt: skip


def details(result: Mapping[str, Any]) -> Iterator[Table]:
    """Give the tables of `evaluate` in addition to `table`."""
    if result["baselines"]:
        yield side_by_side(result)
    yield _calibration_table(result)
    yield _by_case(result)
    yield _budget(result)
    yield _types(result)
    yield from mistake_tables(result["mistakes"])
    if result["ablations"]:
        yield ablations(result["ablations"])
    if result["left_out"]:
        yield _left_out(result)
    if result["intervals"]:
        yield _intervals(result)


def side_by_side(result: Mapping[str, Any]) -> Table:
    """Make the table of detectors, the product first."""
    per_day = result["budget"]["top"]["per_day"]
    out = _table(
        "side by side: same events, same order, no labels",
        "detector",
        "AUROC", "AP", "at 1%", "at 5%", "event\nAP", f"top {per_day}/day\nprecision",
        "recall of\npossible", "benign\np<=.05", "found\np<=.05", "seconds",
    )  # fmt: skip
    own = {"figures": result["all"], "top": result["budget"]["top"], "seconds": result["seconds"]}
    out.add_row(PRODUCT, *_compared(own), style="bold", end_section=True)
    for other in result["baselines"].values():
        if "figures" not in other:
            out.add_row(other["title"], other.get("skipped", "nothing to judge"))
            continue
        out.add_row(other["title"], *_compared(other))
    return out


def _compared(one: Mapping[str, Any]) -> list[str]:
    figures, top = one["figures"], one["top"]
    p = figures["session_p"]["0.05"]
    recall = top["recall"] / top["possible"] if top["possible"] else None
    return [
        share(figures["auroc"]),
        share(figures["ap"]),
        percent(figures["detection"]["0.01"]),
        percent(figures["detection"]["0.05"]),
        "-" if one.get("whole_runs") else share(figures["event_ap"]),
        percent(top["precision"]),
        percent(recall),
        percent(p["share"]),
        percent(p["detection"]),
        f"{one['seconds']:.1f}",
    ]


def _calibration_table(result: Mapping[str, Any]) -> Table:
    out = _table(
        "benign at p <= 0.05, 0.01, 0.001: observed over nominal share, 1 is calibrated",
        "",
        "sessions", *(f"{level}" for level in SESSION_LEVELS),
        "events", *(f"{level} " for level in EVENT_LEVELS),
    )  # fmt: skip
    rows = {"all": result["all"], **result["roles"]}
    for name, figures in rows.items():
        sessions, events = figures["session_p"], figures["event_p"]["all"]
        out.add_row(
            plain(name),
            str(sessions["benign"]),
            *(share(sessions[f"{level}"]["ratio"], 2) for level in SESSION_LEVELS),
            str(events["events"]),
            *(share(events[f"{level}"]["ratio"], 2) for level in EVENT_LEVELS),
        )
    out.add_section()
    for pool, figures in result["all"]["event_p"].items():
        if pool != "all":
            ratios = (share(figures[f"{level}"]["ratio"], 2) for level in EVENT_LEVELS)
            blank = [""] * (1 + len(SESSION_LEVELS))
            out.add_row(f"pool {pool}", *blank, str(figures["events"]), *ratios)
    return out


def _by_case(result: Mapping[str, Any]) -> Table:
    cases = result["cases"]
    out = _table(
        "by case: one line in the queue, however many of its events alert",
        "queue",
        "cases", "precision", "false/day", "recall", "in own\ncase", "in any\ncase",
        "first reason\nright",
    )  # fmt: skip
    out.add_row(
        "whole",
        str(cases["cases"]),
        percent(cases["precision"]),
        share(cases["false_per_day"], 1),
        percent(cases["recall"]),
        percent(cases["recall_in_own_case"]),
        percent(cases["filed"]),
        percent(cases["first_reason_right"]),
    )
    for allowed, read in cases["read_down_to"].items():
        recalls = percent(read["recall"]), percent(read["recall_in_own_case"])
        out.add_row(f"to {allowed} false a day", "", "", "", *recalls, "", "")
    return out


def _budget(result: Mapping[str, Any]) -> Table:
    budget = result["budget"]
    raised, attacks = budget["raised"], result["attacks"]
    out = _table(
        "at the daily budget", "entries a day", "precision", "recall", "possible",
        "false/day",
    )  # fmt: skip
    for size in budget["sizes"]:
        out.add_row(
            f"top {size['per_day']} by rank",
            percent(size["precision"]),
            percent(size["recall"]),
            percent(size["possible"]),
            share(size["false_per_day"], 1),
        )
    out.add_section()
    out.add_row(
        f"alerts raised, {raised['alerts']}",
        percent(raised["precision"]),
        percent(raised["recall"]),
        "",
        share(raised["false_per_day"], 1),
    )
    out.caption = (
        f"budget {result['alerts_per_day']:g} a day over {raised['days']} days and "
        f"{raised['agent_days']} agent-days; false alerts per agent-day "
        f"{share(raised['false_per_agent_day'], 2)}\nfirst reason names the planted cause: "
        f"{percent(attacks['explained'])} % of {attacks['cases']} attacks"
    )
    return out


def _types(result: Mapping[str, Any]) -> Table:
    out = _table(
        "by type; delay: median harmful events and minutes until the alert",
        "type",
        "cases", "AUROC", "alerted", "session\np<=.05", "session\np<=.01", "events", "minutes",
        "reason\nright",
    )  # fmt: skip
    kind = ""
    for row in result["types"]:
        if row["kind"] != kind:
            kind = row["kind"]
            out.add_section()
            out.add_row(kind, style="bold")
        out.add_row(
            f"  {plain(row['type'])}",
            str(row["cases"]),
            share(row.get("auroc")),
            percent(row["alerted"]),
            percent(row["p_0.05"]),
            percent(row["p_0.01"]),
            share(row["delay_events"], 1),
            share(row["delay_minutes"], 1),
            percent(row["explained"]),
        )
    if result["unmeasured_cases"]:
        unmeasured = result["unmeasured_cases"]
        out.caption = (
            f"{unmeasured} planted cases have no judged event: in the history, or not recorded"
        )
    return out


def ablations(result: Mapping[str, Any]) -> Table:
    """Make the table of losses without each family or part, the largest loss first."""
    out = _table(
        "without a family or part: changes against the whole",
        "without",
        "found", "lost,\ngained", "precision", "false\nalerts", "bits on\nattacks", "-log2 p",
        "AUROC", "at 1%", "at 5%", "event\nAP", "lost most",
    )  # fmt: skip
    out.columns[-1].no_wrap = False
    whole, silent = result["whole"], []
    first = [f"{whole['found']} of {result['attacks']}", ""]
    out.add_row("nothing", *first, *_worth(whole), style="bold", end_section=True)
    for row in result["features"]:
        change = row["change"]
        if not any(change.values()) and not row["lost"]:
            silent.append(row["feature"])
            continue
        out.add_row(
            row["feature"],
            f"{change['found']:+d}" if change["found"] else "0",
            f"{row['lost']}, {row['gained']}" if row["lost"] or row["gained"] else "",
            *_worth(change, sign="+"),
            next((f"{kind}, {n}" for kind, n in row["types"].items()), ""),
        )
    if silent:
        out.caption = f"without these nothing changes: {', '.join(silent)}"
    return out


def _worth(figures: Mapping[str, Any], sign: str = "") -> list[str]:
    """Format figures or their changes; an exact 0 differs from a small change."""
    cells = []
    for name, (times, form) in _WORTH.items():
        value = figures[name]
        cell = f"{times * value:{sign}{form}}" if value else "0"
        cells.append("-" if value is None else cell)
    return cells


def _left_out(result: Mapping[str, Any]) -> Table:
    out = _table(
        "leave one role out: threshold at 5 % of the others' benign sessions, by bits and by p",
        "role",
        "AUROC", "AP", "at 1%", "at 5%", "event\nAP", "bits", "benign\nabove", "attacked\nabove",
        "p", "benign\nat it", "attacked\nat it",
    )  # fmt: skip
    for row in result["left_out"]:
        bits, p = row["by_bits"], row["by_p"] or dict.fromkeys(("threshold", "benign", "attacked"))
        out.add_row(
            plain(row["role"]),
            share(row["auroc"]),
            share(row["ap"]),
            percent(row["detection"]["0.01"]),
            percent(row["detection"]["0.05"]),
            share(row["event_ap"]),
            share(bits["threshold"], 1),
            percent(bits["benign"]),
            percent(bits["attacked"]),
            share(p["threshold"]),
            percent(p["benign"]),
            percent(p["attacked"]),
        )
    return out


def _intervals(result: Mapping[str, Any]) -> Table:
    out = _table("95 % intervals, bootstrap over tasks and goals", "figure", "from", "to")
    for name, bounds in result["intervals"].items():
        if bounds is not None:
            out.add_row(name, *(share(bound) for bound in bounds))
    return out


def _table(title: str, first: str, *headings: str) -> Table:
    return of_figures(title, first, headings, min_width=len(title))
