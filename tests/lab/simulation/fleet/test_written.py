from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
import typer
import zstandard
from typer.testing import CliRunner

from lab.commands import simulate as command
from lab.simulation.fleet import SimulationConfig, Truth, simulate
from lab.simulation.output.files import write
from models.errors import ConfigError
from pipeline.formats.native import Native
from pipeline.sources.parquet import ParquetRows

CONFIG = SimulationConfig(agents=12, days=8, attacked=0.5)


@pytest.fixture
def application() -> typer.Typer:
    app = typer.Typer()
    command.register(app)
    app.command("other")(lambda: None)  # so that the command keeps its name
    return app


def lines_of(path: Path) -> list[bytes]:
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    elif path.suffix == ".zst":
        raw = zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    return raw.splitlines()


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.zst"])
def test_stream_and_truth_are_written_to_two_files(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"fleet.{ending}"
    written = write(CONFIG, out)
    truths: list[Truth] = []
    assert lines_of(out) == list(simulate(CONFIG, truths.append))
    actual = [json.loads(line) for line in Path(written.truth).read_bytes().splitlines()]
    assert [one["id"] for one in actual] == [truth.id for truth in truths]
    assert Path(written.truth).name == f"fleet.{ending}.truth.jsonl"
    assert sum(one.cases for one in written.planted) == len(truths)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        Path(name).name for name in (written.out, written.truth, written.inventory)
    )


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write(CONFIG, tmp_path / name)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_a_parquet_file_reads_back_as_the_same_events(tmp_path: Path) -> None:
    out = tmp_path / "fleet.parquet"
    write(CONFIG, out)
    rows, read = ParquetRows(out), Native().normalise
    events = []
    while taken := rows.take(1_000, 1 << 22, last=True):
        events += map(read, taken.values)
    rows.close()
    wanted = [read(line) for line in simulate(CONFIG)]
    assert len(events) == len(wanted)
    for event, other in zip(events, wanted, strict=True):
        assert event.argument_origins is None
        assert (event.id, event.time, event.agent, event.tool) == (
            other.id,
            other.time,
            other.agent,
            other.tool,
        )
        assert (event.arguments, event.volume, event.network, event.credential) == (
            other.arguments,
            other.volume,
            other.network,
            other.credential,
        )
        assert event.attributes == other.attributes


def test_the_inventory_names_every_agent_but_no_shadow(tmp_path: Path) -> None:
    config = SimulationConfig(agents=20, days=8, attacked=0.5, attacks=("identity.shadow",))
    written = write(config, tmp_path / "fleet.jsonl")
    with Path(written.inventory).open(newline="") as file:
        names = {row["agent_id"] for row in csv.DictReader(file)}
    assert len(names) == 20
    acting = {json.loads(line)["agent"]["id"] for line in lines_of(Path(written.out))}
    shadows = acting - names
    assert shadows
    assert all(name.startswith("helper-") for name in shadows)


def test_name_without_a_format_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.parquet"):
        write(CONFIG, tmp_path / "fleet.csv")
    with pytest.raises(ConfigError, match="agents"):
        write(SimulationConfig(agents=0), tmp_path / "fleet.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_command_prints_the_planted_cases_as_json(application: typer.Typer, tmp_path: Path) -> None:
    out = tmp_path / "fleet.jsonl"
    options = ["--agents", "12", "--days", "8", "--attacks", "rate.burst,tool.new", "--json"]
    result = CliRunner().invoke(application, ["simulate", *options, str(out)])
    assert result.exit_code == 0, result.output
    actual = json.loads(result.stdout)
    assert actual["events"] == len(lines_of(out))
    attacks = {one["type"] for one in actual["planted"] if one["kind"] == "attack"}
    assert attacks == {"rate.burst", "tool.new"}
    assert not {"rate.burst", "tool.new"} & set(actual["unplanted"])


def test_unplanted_types_are_reported(application: typer.Typer, tmp_path: Path) -> None:
    options = ["--agents", "5", "--days", "8", "--novelties", "none"]
    asked = ["--attacks", "cascade,slow.many,tool.new", "--attacked", "1"]
    result = CliRunner().invoke(
        application, ["simulate", *options, *asked, str(tmp_path / "f.jsonl")]
    )
    assert result.exit_code == 0, result.output
    assert "tool.new" in result.stdout
    assert "5 agents and 8 days are too few for: cascade, slow.many" in result.stderr


def test_the_command_shows_people_a_table(application: typer.Typer, tmp_path: Path) -> None:
    options = ["--agents", "8", "--days", "7", "--attacks", "tool.new", "--attacked", "1"]
    result = CliRunner().invoke(
        application, ["simulate", *options, "--novelties", "none", str(tmp_path / "f.jsonl")]
    )
    assert result.exit_code == 0, result.output
    assert "tool.new" in result.stdout
    assert "deployment" not in result.stdout


def test_command_refuses_a_missing_folder(application: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(application, ["simulate", str(tmp_path / "no" / "f.jsonl")])
    assert isinstance(result.exception, ConfigError)
