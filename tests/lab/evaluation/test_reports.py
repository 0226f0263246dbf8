"""Figures, tables, page and charts of one small evaluation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from lab.evaluation.report.details import details, side_by_side
from lab.evaluation.report.page import save_page
from lab.evaluation.report.plots import charts
from lab.evaluation.report.table import table
from lab.evaluation.run import evaluate
from pipeline.settings import Settings
from tests.lab.evaluation.printed import text

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def result(recording: tuple[str, str]) -> dict[str, Any]:
    events, truth = recording
    return evaluate(
        [events],
        fmt="native",
        truth=truth,
        history_days=6,
        baselines=["first_seen", "zscore", "isolation"],
        draws=20,
        settings=Settings(),
    )


def test_the_first_days_are_history_and_their_cases_are_not_measured(
    result: dict[str, Any],
) -> None:
    assert result["events"] == 8 * 120 + 2
    assert result["all"]["events"] == 2 * 120 + 2
    assert result["unmeasured_cases"] == 1
    assert [(t["kind"], t["type"], t["cases"]) for t in result["types"]] == [
        ("attack", "tool.new", 1),
        ("benign", "deployment", 1),
    ]


def test_a_planted_attack_is_found_first_and_named_rightly(result: dict[str, Any]) -> None:
    assert result["all"]["auroc"] > 0.9
    assert result["attacks"]["explained"] == 1.0
    assert result["budget"]["top"]["recall"] == 1.0


def test_baselines_judge_the_same_events(result: dict[str, Any]) -> None:
    for other in result["baselines"].values():
        assert other["figures"]["events"] == result["all"]["events"]
        assert other["figures"]["attacked"] == result["all"]["attacked"] == 1
    assert result["baselines"]["first_seen"]["figures"]["auroc"] > 0.9


def test_product_is_first_in_the_comparison(result: dict[str, Any]) -> None:
    lines = text(side_by_side(result)).splitlines()
    rows = [line for line in lines if re.search(r"\d\.\d{3}", line)]
    assert [re.split(r" +(?:-|\d+\.\d)", row)[0].strip() for row in rows] == [
        "Habitus", "first-seen flags", "z-scores of counts and volumes",
        "isolation forest (scikit-learn)",
    ]  # fmt: skip


def test_every_table_can_be_read_in_120_columns(result: dict[str, Any]) -> None:
    tables = list(details(result))
    assert len(tables) > 1
    for one in tables:
        whole = text(one)
        assert "…" not in whole
        assert max(map(len, whole.splitlines())) <= 120


def test_external_names_are_escaped(result: dict[str, Any]) -> None:
    row = {
        "case": "case[/b]x\x1b[2J", "type": "odd [red]", "agent_id": "a", "role": None, "bits": 9.0,
        "time": "2026-01-05T08:00:00Z", "p": 0.01, "reason": None, "causes": ["tool"],
    }  # fmt: skip
    false = {"agent_id": "a", "role": "[/i]", "reason": "hour", "news": "new [b]"}
    types = [result["types"][0] | {"type": "[/u]type"}]
    roles = {"[red]desk": result["all"]}
    mistakes = {"missed": [row], "misnamed": [row], "false_alerts": [false]}
    actual = result | {"mistakes": mistakes, "types": types, "roles": roles}
    whole = "".join(map(text, (table(actual), *details(actual))))
    for name in ("case[/b]x⟨U+001B⟩[2J", "odd [red]", "new [b] 1", "[/u]type", "[red]desk"):
        assert name in whole


def test_table_in_eighty_columns_has_every_digit(result: dict[str, Any]) -> None:
    actual = result | {"roles": {"a-role-with-a-long-name": result["all"]}}
    for one in (table(actual), *details(actual)):
        lines = text(one, 80).splitlines()
        assert not any("…" in line for line in lines)
        assert max(map(len, lines)) <= 80
        wide = text(one, 200)
        figures = set(re.findall(r"(?<![\w-])\d+\.\d+(?![\w-])", wide))
        assert figures <= set(re.findall(r"(?<![\w-])\d+\.\d+(?![\w-])", "\n".join(lines)))


def test_axis_includes_a_share_far_below_its_nominal_level(
    result: dict[str, Any],
) -> None:
    rows = [
        {"role": "all", "nominal": 0.001, "observed": 0.00012},
        {"role": "all", "nominal": 0.01, "observed": 0.009},
    ]
    drawn = charts(result | {"reliability": rows})["reliability"].to_dict()
    scales = [layer["encoding"]["y"]["scale"] for layer in drawn["layer"]]
    assert [scale["domain"] for scale in scales] == [[0.0001, 1.0]] * 2


def test_chart_and_legend_have_only_roles_with_a_spread_of_scores(
    result: dict[str, Any],
) -> None:
    scores = [
        {"role": role, "label": label, "score": score}
        for role, label, score in (
            ("clerk", "benign", 1.0), ("clerk", "benign", 2.5),
            ("clerk", "attacked_succeeded", 30.0), ("clerk", "attacked_succeeded", 41.0),
            ("clerk", "attacked_failed", 0.0), ("none", "benign", 0.0), ("none", "benign", 0.0),
        )
    ]  # fmt: skip
    drawn = charts(result | {"scores": scores})["scores"].to_dict()
    assert {row["role"] for rows in drawn["datasets"].values() for row in rows} == {"clerk"}
    scale = drawn["spec"]["encoding"]["color"]["scale"]
    assert scale["domain"] == ["benign", "attacked"]
    assert len(set(scale["range"])) == 2
    assert "scores" not in charts(result | {"scores": scores[-2:]})


@pytest.mark.browser
def test_the_charts_of_the_page_are_drawn_without_a_network(
    tmp_path: Path, result: dict[str, Any], browser: Browser
) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    file = save_page(result, str(tmp_path / "page.html"))
    faults: list[str] = []
    opened = browser.new_page()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("request", lambda asked: faults.append(asked.url) if "//" in asked.url[8:] else None)
    opened.goto(file.as_uri())
    figures = opened.locator("figure")
    for at in range(figures.count()):
        figures.nth(at).locator("canvas, svg").first.wait_for(timeout=20_000)
    assert figures.count() == len(charts(result)) > 1
    opened.close()
    assert faults == []
