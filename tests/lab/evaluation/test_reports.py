"""The whole command on small inputs: planted cases in a file, baselines, tables, page, pictures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from lab.evaluation.report.details import details, side_by_side
from lab.evaluation.report.page import save_page
from lab.evaluation.report.plots import charts, save_png
from lab.evaluation.report.table import table
from lab.evaluation.run import evaluate
from models.errors import ConfigError
from pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[3]
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
PNG = b"\x89PNG\r\n"
FULL = Path("/dev/full")
Line = dict[str, Any]


def an_event(day: int, number: int, tool: str = "ledger.read", **more: Any) -> Line:
    agent = number % 4
    return {
        "id": f"e-{day}-{number}",
        "time": (START + timedelta(days=day, minutes=3 * number)).isoformat(),
        "agent": {"id": f"clerk-{agent}", "role": "clerk"},
        "session": f"s-{day}-{number // 8}-{agent}",
        "tool": tool,
        "volume": {"bytes_out": 200 + 13 * (number % 5)},
    } | more


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("made-up")
    lines = [an_event(day, n) for day in range(8) for n in range(120)]
    unknown_labels = an_event(7, 120, "vault.export")
    new = an_event(7, 124, "ledger.list")
    cases = [
        {"id": "c1", "kind": "attack", "type": "tool.new", "agent_id": "clerk-0", "cause": "tool",
         "also": ["operation"], "event_ids": [unknown_labels["id"]], "what": "an export"},
        {"id": "c2", "kind": "benign", "type": "deployment", "event_ids": [new["id"]]},
        {"id": "c3", "kind": "attack", "type": "tool.new", "event_ids": ["e-0-1"], "cause": "tool"},
    ]  # fmt: skip
    for name, rows in (("events", [*lines, unknown_labels, new]), ("truth", cases)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return str(folder / "events.jsonl"), str(folder / "truth.jsonl")


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


def text(one: Any, width: int = 120) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(one)
    return capture.get()


def test_fitted_baselines_are_absent_from_a_cold_start(
    recording: tuple[str, str],
) -> None:
    pytest.importorskip("agentnorm")
    events, truth = recording
    cold = evaluate([events], fmt="native", truth=truth, cold=True, baselines=["agentnorm"],
                    draws=0, settings=Settings())  # fmt: skip
    assert cold["unmeasured_cases"] == 0
    assert cold["intervals"] == {}
    assert "history" in cold["baselines"]["agentnorm"]["skipped"]
    assert "learns from a history" in text(side_by_side(cold))


def test_invalid_case_is_refused_with_its_line_number(
    tmp_path: Path, recording: tuple[str, str]
) -> None:
    unknown_labels = tmp_path / "truth.jsonl"
    unknown_labels.write_text('{"id":"a","kind":"attack","type":"tool.new"}\n{"id":3}\n')
    with pytest.raises(ConfigError, match=r"line 2 of .* is not a planted case"):
        evaluate([recording[0]], fmt="native", truth=str(unknown_labels), settings=Settings())


def test_unknown_kind_and_duplicate_case_are_refused(
    tmp_path: Path, recording: tuple[str, str]
) -> None:
    unknown_labels, line = (
        tmp_path / "truth.jsonl",
        '{"id":"a","kind":"attack","type":"tool.new"}\n',
    )
    for text, said in (
        (line.replace("attack", "bogus"), "line 1 of .* kind .attack or benign"),
        (line * 2, "case 'a' occurs twice"),
    ):
        unknown_labels.write_text(text)
        with pytest.raises(ConfigError, match=said):
            evaluate([recording[0]], fmt="native", truth=str(unknown_labels), settings=Settings())


def test_the_truth_is_never_written_over(tmp_path: Path, recording: tuple[str, str]) -> None:
    truth = tmp_path / "truth.jsonl"
    truth.write_bytes(Path(recording[1]).read_bytes())
    line = [sys.executable, "-m", "pipeline.cli", "evaluate", recording[0], "--format", "native",
            "--truth", str(truth), "--out", str(truth)]  # fmt: skip
    done = subprocess.run(line, capture_output=True, check=False, cwd=ROOT, text=True)  # noqa: S603  # our own command
    assert done.returncode == 2
    assert "is also an input" in done.stderr
    assert truth.read_bytes() == Path(recording[1]).read_bytes()


def test_the_command_writes_figures_page_and_pictures(
    tmp_path: Path, recording: tuple[str, str]
) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    events, truth = recording
    line = [sys.executable, "-m", "pipeline.cli", "evaluate", events, "--format", "native",
            "--truth", truth, "--history-days", "6", "--baselines", "first_seen,zscore",
            "--draws", "0", "--out", str(tmp_path / "all.json"), "--html",
            str(tmp_path / "page.html"), "--png", str(tmp_path / "png")]  # fmt: skip
    done = subprocess.run(line, capture_output=True, check=False, cwd=ROOT, text=True)  # noqa: S603  # our own command
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "all.json").read_text())
    assert len(figures["config_version"]) == 12
    assert sorted(figures["data"]) == ["events.jsonl", "truth.jsonl"]
    assert list(figures["baselines"]) == ["first_seen", "zscore"]
    for name in ("recall", "scores"):
        assert (tmp_path / "png" / f"{name}.png").read_bytes().startswith(PNG)
    page = (tmp_path / "page.html").read_text()
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page), "nothing comes from elsewhere"


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_picture_for_which_no_space_is_left_is_named(
    tmp_path: Path, recording: tuple[str, str]
) -> None:
    events, truth = recording
    found = evaluate(
        [events], fmt="native", truth=truth, history_days=6, draws=0, settings=Settings()
    )
    (tmp_path / "recall.png").symlink_to(FULL)
    with pytest.raises(OSError, match="No space left") as failed:
        save_png(found, str(tmp_path))
    assert failed.value.filename == str(tmp_path / "recall.png")


@pytest.mark.parametrize("named", [False, True])
def test_inventory_beside_a_simulated_fleet_gives_the_registered_agents(
    tmp_path: Path, recording: tuple[str, str], *, named: bool
) -> None:
    events, beside = tmp_path / "e.jsonl", tmp_path / "e.jsonl.inventory.csv"
    events.write_bytes(Path(recording[0]).read_bytes())
    for inventory in (beside, tmp_path / "mine.csv"):
        inventory.write_text("agent_id\nclerk-1\nclerk-2\nclerk-3\n")
    line = [sys.executable, "-m", "pipeline.cli", "evaluate", str(events), "--format", "native",
            "--truth", recording[1], "--history-days", "6", "--draws", "0", "--json"]  # fmt: skip
    env = os.environ | {"HABITUS_INVENTORY": str(tmp_path / "mine.csv") if named else ""}
    done = subprocess.run(line, capture_output=True, check=False, cwd=ROOT, text=True, env=env)  # noqa: S603  # our own command
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["data"]) == {
        "e.jsonl", "truth.jsonl", "mine.csv" if named else "e.jsonl.inventory.csv"
    }  # fmt: skip
    assert ("registered agents" in done.stderr) is not named


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


@pytest.mark.parametrize(
    ("changed", "days", "said"),
    [
        (lambda lines: lines, 30, "nothing was judged: what could .* the first 30 days, .*days.$"),
        (lambda lines: [one.replace('"e-', '"f-') for one in lines], 6, "of another recording"),
        (lambda lines: lines[:750] + lines[750:][::-1], 6, "must be in order of event time"),
        (lambda lines: lines[:1] + lines[1:500][::-1] + lines[500:], 6, "must be in order"),
        (
            lambda lines: ["{}\n"] * len(lines),
            6,
            "nothing was judged; rejected for .--format.: [0-9]+ [a-z_]+$",
        ),
    ],
    ids=["all is history", "another recording", "out of order", "history too", "unreadable"],
)
def test_a_recording_and_a_truth_file_that_do_not_go_together_are_refused(
    tmp_path: Path,
    recording: tuple[str, str],
    changed: Callable[[list[str]], list[str]],
    days: int,
    said: str,
) -> None:
    events = tmp_path / "events.jsonl"
    lines = Path(recording[0]).read_text().splitlines(keepends=True)
    events.write_text("".join(changed(lines)))
    with pytest.raises(ConfigError, match=said):
        evaluate([str(events)], fmt="native", truth=recording[1], history_days=days, draws=0,
                 settings=Settings())  # fmt: skip


def test_an_unknown_baseline_is_one_line_on_stderr(recording: tuple[str, str]) -> None:
    line = [sys.executable, "-m", "pipeline.cli", "evaluate", recording[0], "--baselines", "magic"]
    done = subprocess.run(line, capture_output=True, check=False, cwd=ROOT, text=True)  # noqa: S603  # our own command
    assert done.returncode == 2
    assert done.stderr.startswith("error: no baseline 'magic', expected all or some of first_seen")


@pytest.mark.shared
@pytest.mark.slow
def test_product_finds_more_attacks_of_labelled_logs_than_every_baseline(
    shared_dir: Path,
) -> None:
    logs = [str(shared_dir / "datasets" / f"{n}.jsonl.gz") for n in ("agentdyn", "agentdojo")]
    names = ["first_seen", "zscore", "own_history"]
    found = evaluate(logs, fmt="agentlog", without=["volume.bytes_in"], baselines=names,
                     draws=100, settings=Settings())  # fmt: skip
    for other in found["baselines"].values():
        assert other["figures"]["auroc"] + 0.2 < found["intervals"]["auroc"][0]
        assert other["figures"]["detection"]["0.05"] < found["intervals"]["detection 0.05"][0]
    assert found["attacks"]["explained"] >= 0.95
    # What a threshold alarms in a role it was not taken from, where it alarms 5 % of the others, in
    # the reference recipe: by p it has to be nearer to that.
    reference = {"dailylife": 0.058, "shopping": 0.17, "slack": 0.008, "workspace": 0.025}
    alarmed = {row["role"]: row["by_p"]["benign"] for row in found["left_out"]}
    assert alarmed.keys() == reference.keys()
    for role, share in reference.items():
        assert abs(alarmed[role] - 0.05) <= abs(share - 0.05), role
    assert all(row["by_p"]["attacked"] > 0.94 for row in found["left_out"])
    quiet = next(t for t in found["types"] if t["type"] == "without an attempt")
    assert quiet["auroc"] == pytest.approx(0.5, abs=0.1), "such sessions look like benign ones"


@pytest.mark.shared
@pytest.mark.slow
def test_service_without_attacks_alarms_no_more_than_attacked_services(
    shared_dir: Path,
) -> None:
    logs = [
        str(shared_dir / "datasets" / f"{n}.jsonl.gz")
        for n in ("agentdyn", "agentdojo", "taubench")
    ]
    found = evaluate(
        logs, fmt="agentlog", without=["volume.bytes_in"], draws=0, settings=Settings()
    )
    of_service = found["roles"]["airline"]["session_p"]
    assert of_service["benign"] == 73
    for level in ("0.05", "0.01"):
        assert of_service[level]["share"] <= found["all"]["session_p"][level]["share"], level
