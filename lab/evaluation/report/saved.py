"""The figures of an evaluation as tables of a measurement (`lab.measurement`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.evaluation.figures import EVENT_LEVELS, SESSION_LEVELS
from lab.evaluation.report.details import PRODUCT
from lab.evaluation.report.table import percent, share
from lab.measurement import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TITLE = "Evaluation"


def saved(result: Mapping[str, Any]) -> list[Table]:
    """Give the tables to save: of a comparison or an ablation that one, else all others."""
    if result["baselines"]:
        return [_detectors(result)]
    if result["ablations"]:
        return [_features(result["ablations"])]
    tables = [_ranking(result), _calibration(result), _alerts(result), _by_case(result)]
    if result["left_out"]:
        tables.append(_transfer(result))
    if result["intervals"]:
        tables.append(_intervals(result))
    return [*tables, _types(result)]


def _groups(result: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "all", result["all"]
    for kind in ("joined", "files", "roles"):
        yield from result[kind].items()


def _ranking(result: Mapping[str, Any]) -> Table:
    return Table(
        sentence=(
            "Percentages are attacked sessions whose score exceeds that of all but 1 % or 5 % of "
            "benign sessions."
        ),
        columns=[
            "sessions of", "benign", "attacked", "AUROC", "AP", "found at 1 %", "found at 5 %",
            "event AUROC", "event AP",
        ],
        rows=[[name, *_ranked(figures)] for name, figures in _groups(result)],
    )  # fmt: skip


def _ranked(figures: Mapping[str, Any]) -> list[str]:
    return [
        f"{figures['benign']:,}",
        f"{figures['attacked']:,}",
        share(figures["auroc"]),
        share(figures["ap"]),
        *(percent(figures["detection"][level]) for level in ("0.01", "0.05")),
        share(figures["event_auroc"]),
        share(figures["event_ap"]),
    ]


def _calibration(result: Mapping[str, Any]) -> Table:
    return Table(
        sentence="Benign sessions and events at or below p, divided by p: 1 is calibrated.",
        columns=[
            "benign of",
            *(f"sessions, p ≤ {level:g}" for level in SESSION_LEVELS),
            *(f"events, p ≤ {level:g}" for level in EVENT_LEVELS),
        ],
        rows=[
            [
                name,
                *(share(figures["session_p"][f"{at}"]["ratio"], 2) for at in SESSION_LEVELS),
                *(share(figures["event_p"]["all"][f"{at}"]["ratio"], 2) for at in EVENT_LEVELS),
            ]
            for name, figures in (("all", result["all"]), *result["roles"].items())
        ],
    )


def _alerts(result: Mapping[str, Any]) -> Table:
    raised, attacks = result["budget"]["raised"], result["attacks"]
    failed = result["all"]["attacked_failed"]
    return Table(
        sentence=f"The budget is {result['alerts_per_day']:g} alerts a day.",
        columns=["alerts", "measured"],
        rows=[
            ["days", f"{raised['days']}"],
            ["attacks", f"{attacks['cases']:,}"],
            ["attacks with an alert, %", percent(attacks["alerted"])],
            ["false alerts", f"{raised['false_alerts']:,}"],
            ["false alerts a day", share(raised["false_per_day"], 1)],
            ["precision, %", percent(raised["precision"])],
            ["attacks whose first reason is right, %", percent(attacks["explained"])],
            ["failed attacks found at 1 %", percent(failed["0.01"])],
            ["failed attacks found at 5 %", percent(failed["0.05"])],
        ],
    )


def _by_case(result: Mapping[str, Any]) -> Table:
    cases = result["cases"]
    read = [
        [f"{kind} at {allowed} false cases a day, %", percent(found[name])]
        for allowed, found in cases["read_down_to"].items()
        for kind, name in (("recall", "recall"), ("recall in own case", "recall_in_own_case"))
    ]
    return Table(
        sentence="A case is true where the event that raised it belongs to an attack.",
        columns=["by case", "measured"],
        rows=[
            ["cases", f"{cases['cases']:,}"],
            ["false cases a day", share(cases["false_per_day"], 1)],
            ["precision by case, %", percent(cases["precision"])],
            ["recall, %", percent(cases["recall"])],
            ["recall in own case, %", percent(cases["recall_in_own_case"])],
            ["in a case, with or without an alert, %", percent(cases["filed"])],
            *read,
            ["first reason right, %", percent(cases["first_reason_right"])],
        ],
    )


def _transfer(result: Mapping[str, Any]) -> Table:
    return Table(
        sentence=(
            "The session p that 5 % of the other roles' benign sessions reach, applied to the "
            "role left out."
        ),
        columns=["role left out", "benign sessions, %", "attacked sessions, %"],
        rows=[
            [row["role"], percent(row["by_p"]["benign"]), percent(row["by_p"]["attacked"])]
            for row in result["left_out"]
            if row["by_p"]
        ],
    )


def _intervals(result: Mapping[str, Any]) -> Table:
    return Table(
        sentence="Intervals of 95 %, with tasks and attack goals drawn again.",
        columns=["figure", "from", "to"],
        rows=[
            [name, *map(share, bounds)]
            for name, bounds in result["intervals"].items()
            if bounds is not None
        ],
    )


def _types(result: Mapping[str, Any]) -> Table:
    return Table(
        sentence="Delay is the median number of harmful events until the alert.",
        columns=["type", "cases", "with an alert, %", "delay", "first reason right, %"],
        rows=[
            [
                f"{row['kind']}: {row['type']}",
                f"{row['cases']:,}",
                percent(row["alerted"]),
                share(row["delay_events"], 1),
                percent(row["explained"]),
            ]
            for row in result["types"]
        ],
    )


def _detectors(result: Mapping[str, Any]) -> Table:
    own = {"title": PRODUCT, "figures": result["all"]}
    others = [one for one in result["baselines"].values() if "figures" in one]
    return Table(
        sentence="All detectors judge the same events in the same order, without labels.",
        columns=["detector", "AUROC", "AP", "found at 1 %", "found at 5 %", "event AP"],
        rows=[
            [
                one["title"],
                share(figures["auroc"]),
                share(figures["ap"]),
                *(percent(figures["detection"][level]) for level in ("0.01", "0.05")),
                "-" if one.get("whole_runs") else share(figures["event_ap"]),
            ]
            for one in (own, *others)
            for figures in (one["figures"],)
        ],
    )


def _features(result: Mapping[str, Any]) -> Table:
    whole = result["whole"]
    nothing = ["nothing", f"{whole['found']} of {result['attacks']}", "", *_worth(whole)]
    rows = [
        [
            f"`{row['feature']}`",
            f"{row['change']['found']:+d}",
            f"{row['lost']}, {row['gained']}",
            *_worth(row["change"], sign="+"),
        ]
        for row in result["features"]
    ]
    return Table(
        sentence=(
            "The events are judged again without one family or part; the rows below are "
            "differences."
        ),
        columns=[
            "without", "attacks with an alert", "lost, gained", "false alerts", "bits on attacks",
            "session AUROC", "found at 1 %", "event AP",
        ],
        rows=[nothing, *rows],
    )  # fmt: skip


def _worth(figures: Mapping[str, Any], sign: str = "") -> list[str]:
    return [
        f"{figures['false_alerts']:{sign}.0f}",
        f"{figures['bits']:{sign}.1f}",
        f"{figures['auroc']:{sign}.3f}",
        f"{100 * figures['at_1']:{sign}.1f}",
        f"{figures['event_ap']:{sign}.3f}",
    ]
