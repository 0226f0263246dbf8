"""The command habitus evaluate: what it reads, writes and refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.evaluation.report.plots import save_png
from lab.evaluation.run import evaluate
from pipeline.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
PNG = b"\x89PNG\r\n"
FULL = Path("/dev/full")


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


def test_an_unknown_baseline_is_one_line_on_stderr(recording: tuple[str, str]) -> None:
    line = [sys.executable, "-m", "pipeline.cli", "evaluate", recording[0], "--baselines", "magic"]
    done = subprocess.run(line, capture_output=True, check=False, cwd=ROOT, text=True)  # noqa: S603  # our own command
    assert done.returncode == 2
    assert done.stderr.startswith("error: no baseline 'magic', expected all or some of first_seen")
