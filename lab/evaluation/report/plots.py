"""Charts of an evaluation: calibration, recall against false alerts, scores, ablations.

Needs the extra ``plots`` (altair, vl-convert-python). Charts are drawn without a network.
"""

from __future__ import annotations

from io import BytesIO
from math import floor, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.evaluation.report.details import PRODUCT
from lab.evaluation.spread import LEVELS
from models.errors import ConfigError
from pipeline.files.named_output import write

try:
    import altair as alt
    import vl_convert  # noqa: F401  # altair uses it for drawing
except ImportError as error:
    raise ConfigError(
        f"charts need the package {error.name!r} (the extra plots: pip install 'habitus[plots]')"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDTH, _HEIGHT = 460, 300
_LABELS = {
    "benign": "benign",
    "attacked_failed": "failed attack",
    "attacked_succeeded": "attacked",
}
_COLOURS = {"benign": "#4c78a8", "failed attack": "#f2a65a", "attacked": "#c43c39"}


Chart = alt.Chart | alt.LayerChart | alt.FacetChart


def charts(result: Mapping[str, Any]) -> dict[str, Chart]:
    """Draw the result of `evaluate`; give the charts by name.

    Charts without data are left out.
    """
    drawn = {
        "reliability": _reliability(result["reliability"]),
        "recall": _recall(result),
        "scores": _scores(result["scores"]),
        "ablations": _ablations(result["ablations"]),
    }
    return {name: chart for name, chart in drawn.items() if chart is not None}


def save_png(result: Mapping[str, Any], folder: str) -> list[Path]:
    """Write each chart as a picture into a folder, which is created if missing."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    written = []
    for name, chart in charts(result).items():
        path, picture = place / f"{name}.png", BytesIO()
        chart.save(picture, format="png", scale_factor=2)
        write(path, picture.getvalue())
        written.append(path)
    return written


def _data(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=[dict(row) for row in rows])


def _reliability(rows: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Draw the share of benign sessions at or below p, by role; the diagonal is calibrated."""
    # A share of 0 cannot be shown on a logarithmic scale.
    shown = [row for row in rows if row["observed"] > 0]
    if not shown:
        return None
    roles = list(dict.fromkeys(row["role"] for row in rows))
    # Shares far below the nominal level are miscalibrated, too, and must be visible.
    minimum = min(LEVELS[0], *(10.0 ** floor(log10(row["observed"])) for row in shown))
    x = alt.X("nominal:Q", title="nominal: p at most", scale=_log_scale(LEVELS[0]),
              axis=_log_axis())  # fmt: skip
    y = alt.Y("observed:Q", title="observed share of benign sessions", scale=_log_scale(minimum),
              axis=_log_axis(minimum))  # fmt: skip
    lines = (
        alt.Chart(_data(shown))
        .mark_line(point=alt.OverlayMarkDef(size=45))
        .encode(
            x=x,
            y=y,
            color=alt.Color("role:N", title=None, sort=roles),
            strokeWidth=alt.condition("datum.role == 'all'", alt.value(3.5), alt.value(1.5)),
            tooltip=["role:N", "nominal:Q", alt.Tooltip("observed:Q", format=".4f")],
        )
    )
    ideal = (
        alt.Chart(_data([{"nominal": v, "observed": v} for v in (LEVELS[0], 1.0)]))
        .mark_line(strokeDash=[5, 4], color="#888888")
        .encode(x=x, y=y)
    )
    return alt.layer(ideal, lines).properties(
        width=_WIDTH, height=_HEIGHT, title="Reliability: calibration of p"
    )


def _log_scale(minimum: float) -> alt.Scale:
    return alt.Scale(type="log", domain=[minimum, 1.0], clamp=True)


def _log_axis(minimum: float = 0.001) -> alt.Axis:
    values = [10.0**power for power in range(round(log10(minimum)), 1)]
    return alt.Axis(values=values, format="~g", grid=True)


def _recall(result: Mapping[str, Any]) -> Chart | None:
    """Draw recall against false alerts a day, over all thresholds."""
    curves = {PRODUCT: result["trade_off"]} | {
        other["title"]: other["trade_off"]
        for other in result["baselines"].values()
        if "trade_off" in other
    }
    rows = [
        {"detector": name, **point}
        for name, points in curves.items()
        for point in points
        if point["false_per_day"] > 0
    ]
    if not rows:
        return None
    top = max(row["false_per_day"] for row in rows)
    low = min(row["false_per_day"] for row in rows)
    ticks = [v for v in (0.01, 0.1, 1, 10, 100, 1000) if low / 10 <= v <= top * 10]
    x = alt.X(
        "false_per_day:Q",
        title="false alerts a day",
        scale=alt.Scale(type="log", domain=[low, top]),
        axis=alt.Axis(values=ticks, format="~g"),
    )
    lines = (
        alt.Chart(_data(rows))
        .mark_line(interpolate="step-after")
        .encode(
            x=x,
            y=alt.Y("recall:Q", title="attacked sessions found", scale=alt.Scale(domain=[0, 1]),
                    axis=alt.Axis(format="%")),
            color=alt.Color("detector:N", title=None, sort=list(curves),
                            legend=alt.Legend(labelLimit=260)),
            strokeWidth=alt.condition(
                f"datum.detector == '{PRODUCT}'", alt.value(3.5), alt.value(1.5)
            ),
            tooltip=["detector:N", alt.Tooltip("false_per_day:Q", format=".2f"),
                     alt.Tooltip("recall:Q", format=".1%")],
        )
    )  # fmt: skip
    layers = [lines, *_working_point(result, x, low, top)]
    budget = float(result["alerts_per_day"])
    if low <= budget <= top:
        rule = alt.Chart(_data([{"false_per_day": budget}]))
        layers.append(rule.mark_rule(strokeDash=[5, 4], color="#888888").encode(x=x))
        below = _HEIGHT / 2 - 8
        layers.append(rule.mark_text(text="budget", align="right", dx=-4, dy=below).encode(x=x))
    return alt.layer(*layers).properties(
        width=_WIDTH, height=_HEIGHT, title="Recall against false alerts, over all thresholds"
    )


def _working_point(result: Mapping[str, Any], x: alt.X, low: float, top: float) -> list[Chart]:
    """Mark recall and false alerts of the raised alerts, which are no rank threshold."""
    found, cost = result["all"]["alerts"]["attacked_sessions"], result["budget"]["raised"]
    if not result["all"]["attacked"] or cost["false_per_day"] is None:
        return []
    point = {
        "false_per_day": min(max(low, cost["false_per_day"]), top),
        "recall": found / result["all"]["attacked"],
    }
    drawn = alt.Chart(_data([point])).encode(x=x, y="recall:Q")
    return [
        drawn.mark_point(shape="diamond", size=110, filled=True, color="#1c2430"),
        drawn.mark_text(text="alerts raised", align="left", dx=9, dy=4),
    ]


def _scores(scores: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Draw the distribution of session scores by role and label, if they differ."""
    spread: dict[tuple[str, str], set[float]] = {}
    for s in scores:
        spread.setdefault((s["role"], s["label"]), set()).add(s["score"])
    rows = [
        {"role": s["role"], "label": _LABELS[s["label"]], "score": s["score"]}
        for s in scores
        if s["label"] in _LABELS and len(spread[s["role"], s["label"]]) > 1
    ]
    if not rows:
        return None
    there = {row["label"] for row in rows}
    names = [name for name in _COLOURS if name in there]
    chart = (
        alt.Chart()
        .transform_density("score", groupby=["role", "label"], as_=["score", "density"])
        .mark_area(opacity=0.45)
        .encode(
            x=alt.X("score:Q", title="highest rank of the session, bits"),
            y=alt.Y("density:Q", title=None, stack=None, axis=alt.Axis(labels=False, ticks=False)),
            color=alt.Color("label:N", title=None, sort=names,
                            scale=alt.Scale(domain=names, range=[_COLOURS[n] for n in names])),
        )
        .properties(width=_WIDTH, height=90)
    )  # fmt: skip
    drawn: Chart = (
        chart.facet(row=alt.Row("role:N", title=None, header=alt.Header(labelAngle=0,
                                                                         labelAlign="left")),
                    data=_data(rows))
        .resolve_scale(y="independent")
        .properties(title="Scores by role: the less the colours overlap, the better")
    )  # fmt: skip
    return drawn


def _ablations(ablations: Mapping[str, Any]) -> Chart | None:
    """Draw the changes without each feature that has an effect."""
    shown = {"found": "attacks found", "bits": "bits on attacks", "event_ap": "event AP"}
    features = [
        row for row in ablations.get("features", []) if any(row["change"][name] for name in shown)
    ]
    if not features:
        return None
    rows = [
        {"feature": row["feature"], "figure": figure, "change": row["change"][name]}
        for name, figure in shown.items()
        for row in features
    ]
    names = [row["feature"] for row in features]
    chart = (
        alt.Chart()
        .mark_bar()
        .encode(
            x=alt.X("change:Q", title=None),
            y=alt.Y("feature:N", title=None, sort=names),
            color=alt.condition(
                "datum.change < 0",
                alt.value(_COLOURS["attacked"]),
                alt.value(_COLOURS["benign"]),
            ),
            tooltip=["feature:N", "figure:N", alt.Tooltip("change:Q", format="+.3f")],
        )
        .properties(width=_WIDTH // 3, height=alt.Step(16))
    )
    order = list(shown.values())
    drawn: Chart = (
        chart.facet(column=alt.Column("figure:N", title=None, sort=order), data=_data(rows))
        .resolve_scale(x="independent")
        .properties(title="Without a feature: what changes")
    )
    return drawn
