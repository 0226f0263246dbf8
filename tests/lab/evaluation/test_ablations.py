"""What is lost without a family or part: the figures, where they are shown, and the command."""

from __future__ import annotations

import json
import subprocess
import sys
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from lab.ablation import features_named, worth
from lab.evaluation.cases import cases_of
from lab.evaluation.judged import Scored, Session
from lab.evaluation.report.details import ablations, details
from lab.evaluation.run import evaluate
from lab.evaluation.truth.planted import ATTACK
from lab.examples import made_up
from lab.left_out import KIND_OF, KINDS, left_out
from models.errors import ConfigError
from models.features.families import FAMILIES
from models.provenance.knowledge import PARTS
from pipeline.settings import Settings

if TYPE_CHECKING:
    from lab.examples import Example

ROOT = Path(__file__).resolve().parents[3]
SHADOWS, ABSENT = "identity.shadow", "approval+rewritten"
RULE = "unregistered"
FEATURES = [ABSENT, "net", RULE]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return made_up(
        tmp_path_factory.mktemp("fleet"),
        agents=12,
        days=9,
        quiet_days=5,
        attacks=("identity.shadow", "net.new_origin", "auth.failure_burst"),
        novelties=(),
    )


def evaluated(fleet: Example, **more: Any) -> dict[str, Any]:
    given = {"truth": fleet.truth, "history_days": fleet.history_days, "draws": 0}
    strict = fleet.settings.model_copy(
        update={"alerts_per_day": 0.05}
    )  # or all else alerts as well
    return evaluate(fleet.files, fmt=fleet.fmt, settings=strict, **given | more)


@pytest.fixture(scope="module")
def result(fleet: Example) -> dict[str, Any]:
    return evaluated(fleet, ablate=FEATURES)


@pytest.fixture(scope="module")
def rows(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["feature"]: row for row in result["ablations"]["features"]}


def a_session(label: str, *events: Scored) -> Session:
    return Session(agent_id="a", label=label, events=list(events))


def test_bits_are_those_of_the_highest_harmful_event_of_each_attack() -> None:
    sessions = [
        a_session("benign", Scored(time_us=0, rank=99.0, label=0, p=0.5, alert="false")),
        a_session(
            "attacked_succeeded",
            Scored(time_us=0, rank=50.0, label=0, p=1e-9),
            Scored(time_us=0, rank=8.0, label=1, p=0.125, alert="true"),
            Scored(time_us=0, rank=2.0, label=1),
        ),
        a_session("attacked_succeeded", Scored(time_us=0, rank=4.0, label=1)),
        a_session("attacked_failed", Scored(time_us=0, rank=70.0, label=1, p=1e-9)),
    ]
    attacks = [case for case in cases_of(sessions, {}, ()) if case.kind == ATTACK]
    found = worth(sessions, attacks)
    assert (found.bits, found.p_bits) == (6.0, -log2(0.125) / 2)
    assert (found.precision, found.false_alerts, found.found) == (0.5, 1, 1)


def test_recording_without_attacks_has_no_bits() -> None:
    found = worth([a_session("benign", Scored(time_us=0, rank=1.0, label=0))], [])
    assert (found.bits, found.p_bits, found.auroc, found.precision) == (None, None, None, None)


def test_figures_without_ablation_equal_those_of_the_evaluation(result: dict[str, Any]) -> None:
    whole, raised = result["ablations"]["whole"], result["budget"]["raised"]
    assert result["ablations"]["attacks"] == result["attacks"]["cases"] == raised["attacks"]
    assert whole["found"] == round(raised["recall"] * raised["attacks"]) > 0
    assert whole["false_alerts"] == raised["false_alerts"]
    assert whole["auroc"] == result["all"]["auroc"]
    assert [whole["at_1"], whole["at_5"]] == list(result["all"]["detection"].values())


def test_shadow_agents_are_reported_as_lost_without_their_rule(
    rows: dict[str, dict[str, Any]], result: dict[str, Any]
) -> None:
    row = rows[RULE]
    shadows = next(t for t in result["types"] if t["type"] == SHADOWS)
    assert shadows["alerted"] == 1.0
    assert row["types"] == {SHADOWS: row["lost"]}
    assert 0 < row["lost"] <= shadows["cases"]
    assert row["change"]["found"] == row["gained"] - row["lost"]
    assert row["change"]["bits"] < -0.25  # over nine attacks, a third of them shadow agents
    assert row["kind"] == "family"


def test_changes_are_differences_to_the_whole(
    rows: dict[str, dict[str, Any]], result: dict[str, Any]
) -> None:
    whole = result["ablations"]["whole"]
    for row in rows.values():
        for name, before in whole.items():
            after = row["without"][name]  # no precision without an alert
            change = None if before is None or after is None else after - before
            assert row["change"][name] == change
    assert rows["net"]["change"]["bits"] < 0


def test_feature_without_events_changes_nothing(rows: dict[str, dict[str, Any]]) -> None:
    row = rows[ABSENT]
    assert not any(row["change"].values())
    assert (row["lost"], row["gained"], row["types"], row["kind"]) == (0, 0, {}, "family+content")


def test_largest_loss_is_first(result: dict[str, Any]) -> None:
    found = [row["change"]["found"] for row in result["ablations"]["features"]]
    assert found == sorted(found)
    assert result["ablations"]["features"][0]["feature"] == RULE


def test_figures_do_not_depend_on_whether_features_are_ablated(
    fleet: Example, result: dict[str, Any]
) -> None:
    plain = evaluated(fleet)
    assert plain["ablations"] == {}
    assert plain["all"] == result["all"]
    assert plain["config_version"] == result["config_version"]


def test_the_table_has_a_row_where_something_is_lost_and_a_word_for_the_rest(
    result: dict[str, Any],
) -> None:
    shown = text(ablations(result["ablations"]))
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 120
    whole = result["ablations"]["whole"]["found"]
    assert f"{whole} of {result['ablations']['attacks']}" in shown
    assert f"without these nothing changes: {ABSENT}" in shown
    assert text(ablations(result["ablations"])) in "".join(map(text, details(result)))


def text(table: Any) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_page_and_chart_have_them(result: dict[str, Any]) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    from lab.evaluation.report.page import page
    from lab.evaluation.report.plots import charts

    drawn = charts(result)["ablations"].to_dict()
    shown = [row for rows in drawn["datasets"].values() for row in rows]
    assert {row["feature"] for row in shown} == {"net", RULE}
    assert "without a family or part: changes against the whole" in page(result)
    assert "ablations" not in charts(result | {"ablations": {}})


def test_all_means_every_feature_and_each_name_counts_once() -> None:
    assert features_named(["all"]) == list(KIND_OF)
    assert features_named(["hour", "act", "hour"]) == ["hour", "act"]
    assert set(KIND_OF) == {*FAMILIES, *PARTS}


def test_an_unknown_feature_is_refused_before_anything_is_judged() -> None:
    with pytest.raises(ConfigError, match="no feature 'our' to leave out, did you mean 'hour'"):
        evaluate(["absent.jsonl"], fmt="native", ablate=["act+our"], settings=Settings())


def test_a_family_left_out_raises_nothing_and_is_learned(fleet: Example) -> None:
    """Without the rule no shadow agent is found by it, with `--without` as with `--ablate`."""
    left = evaluated(fleet, without=[RULE])
    assert left["without"] == [RULE]
    (row,) = evaluated(fleet, ablate=[RULE])["ablations"]["features"]
    assert left["attacks"]["alerted"] * left["attacks"]["cases"] == row["without"]["found"]


@pytest.mark.parametrize("name", [*KINDS["family"], *KINDS["content"]])
def test_every_name_can_be_left_out(name: str) -> None:
    assert left_out([name]) == {name}


def test_parts_that_cannot_be_left_out_are_listed(fleet: Example) -> None:
    with pytest.raises(
        ConfigError, match=r"nothing named 'colour' .* a family \(act, data, .*value"
    ):
        evaluated(fleet, without=["colour"])


def test_the_command_says_which_features_and_writes_them(tmp_path: Path, fleet: Example) -> None:
    done = command(fleet, "--ablate", "hour,net", "--out", str(tmp_path / "all.json"))
    assert done.returncode == 0, done.stderr
    assert "without a family or part" in done.stdout
    assert "without hour, 1 of 2" in done.stderr
    written = json.loads((tmp_path / "all.json").read_text())["ablations"]
    assert sorted(row["feature"] for row in written["features"]) == ["hour", "net"]


def test_an_unknown_feature_is_one_line_on_stderr(fleet: Example) -> None:
    done = command(fleet, "--ablate", "nothing-like-it")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: no feature 'nothing-like-it' to leave out, expected one of act, data, "
    )


def command(fleet: Example, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "pipeline.cli", "evaluate", *fleet.files, "--format", "native",
            "--truth", str(fleet.truth), "--history-days", str(fleet.history_days), "--draws", "0",
            *words]  # fmt: skip
    return subprocess.run(line, capture_output=True, check=False, cwd=ROOT, text=True)  # noqa: S603  # our own command
