"""docs/measured.md is what its command writes, and new measurements replace old ones."""

from __future__ import annotations

import gzip
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from benchmarks import draws
from benchmarks.page import PAGE, page, results
from lab.commands import evaluate
from lab.measurement import Goal, Measurement, Table, cell_of, command, dumped, read, save

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / "data" / "labelled_log.jsonl.gz"
TABLE = Table(sentence="Rates.", columns=["of", "events/s"], rows=[["river", "1,200"]])
GOAL = Goal(figure="rate", row="river", column="events/s", least=1000)


def test_page_is_what_the_command_writes() -> None:
    assert PAGE.read_text() == page(results()), "run make measured"


def test_every_measurement_names_a_command_that_exists_and_a_day() -> None:
    assert results()
    for name, found in results().items():
        program, _, rest = found.command.partition(" ")
        assert program in ("habitus", "python", "pytest"), name
        if program == "python":
            module = ROOT.joinpath(*rest.split()[1].split("."))
            assert module.with_suffix(".py").is_file() or module.is_dir(), name
        assert found.date.startswith("20"), name
        assert len(found.date) == len("2026-11-30"), name


def test_measurement_outside_the_sections_is_refused() -> None:
    found = Measurement(title="Other", command="x", date="2026-11-30")
    with pytest.raises(ValueError, match="'other' is in no section"):
        page({"other": found})


def test_goal_about_no_cell_is_refused() -> None:
    goal = Goal(figure="rate", row="lake", column="events/s", least=1)
    found = Measurement(title="Speed", command="x", date="2026-11-30", tables=[TABLE], goals=[goal])
    with pytest.raises(ValueError, match="no table has the row 'lake'"):
        page({"throughput": found})


@pytest.mark.parametrize(("least", "verdict"), [(1000, "met"), (1300, "**missed**")])
def test_page_says_whether_a_goal_is_met(least: float, verdict: str) -> None:
    goal = msgspec.structs.replace(GOAL, least=least)
    found = Measurement(title="Speed", command="x", date="2026-11-30", tables=[TABLE], goals=[goal])
    assert f"| Speed: rate | at least {least:,g} | 1,200 | {verdict} |" in page(
        {"throughput": found}
    )


def test_measurement_survives_its_file(tmp_path: Path) -> None:
    found = Measurement(
        title="A", command="x", date="2026-11-30", load=1.5, tables=[TABLE], goals=[GOAL]
    )
    (tmp_path / "a.toml").write_text(dumped(found))
    assert read(tmp_path / "a.toml") == found


def test_new_measurement_keeps_title_and_goals_of_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "rate.toml"
    save(file, "First", [TABLE], [GOAL], program="habitus", arguments=["x"])
    faster = msgspec.structs.replace(TABLE, rows=[["river", "2,400"]])
    save(file, "Second", [faster], program="habitus", arguments=["y"])
    found = read(file)
    assert (found.title, found.goals, found.command) == ("First", [GOAL], "habitus y")
    assert found.tables == [faster]
    assert "cores" in found.machine
    assert found.load is not None


def test_command_names_files_without_their_folders() -> None:
    arguments = ["/data/logs/a.jsonl.gz", "--cold", "--save=/tmp/x.toml"]
    assert command("habitus evaluate", arguments) == "habitus evaluate a.jsonl.gz --cold"


def test_row_with_too_few_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="a row has 1 cells, expected 2"):
        Table(sentence="", columns=["a", "b"], rows=[["1"]])


@pytest.fixture
def application() -> typer.Typer:
    app = typer.Typer()
    evaluate.register(app)
    app.command("other")(lambda: None)  # so that the command keeps its name
    return app


def test_evaluation_is_saved_and_replaces_only_measurements(
    application: typer.Typer, tmp_path: Path
) -> None:
    log, file = tmp_path / "log.jsonl", tmp_path / "log.toml"
    log.write_bytes(b"\n".join(gzip.decompress(LOG.read_bytes()).split(b"\n")[:1500]))
    asked = ["evaluate", str(log), "--format", "agentlog", "--draws", "0", "--save", str(file)]
    runner = CliRunner()
    for _ in range(2):
        done = runner.invoke(application, asked, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    found = read(file)
    assert found.tables[0].columns[0] == "sessions of"
    assert str(tmp_path) not in file.read_text()
    file.write_text("notes of mine")
    assert runner.invoke(application, asked).exit_code != 0
    assert file.read_text() == "notes of mine"
    with pytest.raises(tomllib.TOMLDecodeError):
        read(file)


def drawn(auroc: float, share: float) -> dict[str, Any]:
    """Give what `lab.evaluation.run.evaluate` gives, as far as draws need it."""
    p = {level: {"share": share} for level in ("0.05", "0.01")}
    return {"all": {"auroc": auroc, "event_ap": 0.9}, "roles": {"clerk": {"session_p": p}}}


def test_draws_of_tasks_give_mean_and_range_by_role() -> None:
    found = draws.tasks([drawn(0.99, 0.02), drawn(0.98, 0.08)])
    assert found.tables[0].rows[:3] == [
        ["p ≤ 0.05, mean, %", "5.0"],
        ["p ≤ 0.05, least, %", "2.0"],
        ["p ≤ 0.05, most, %", "8.0"],
    ]
    assert [goal.figure for goal in found.goals if not goal.met(cell_of(found.tables, goal))] == [
        "mean of benign sessions at p ≤ 0.01, clerk, %",
        "least session AUROC",
    ]


def test_draws_of_attacks_give_what_is_lost() -> None:
    found = draws.attacks(drawn(0.99, 0), [drawn(0.98, 0), drawn(0.96, 0)])
    assert found.tables[0].rows == [
        ["mean", "0.020"],
        ["largest", "0.030"],
        ["draws with a loss above 0.02", "1"],
    ]
    assert found.missed()
