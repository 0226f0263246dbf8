"""No command replaces a file that is there without `--force`, and none reads its own output."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.cli import app
from pipeline.sources.files import Files

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = "somebody's work\n"
FLEET = ("simulate", "fleet.jsonl", "--agents", "10", "--days", "2")
EVALUATE = ("evaluate", "events.jsonl", "--truth", "truth.jsonl", "--cold", "--draws", "0")


def an_event(number: int) -> dict[str, Any]:
    at = f"2026-01-05T08:{number:02d}:00Z"
    return {"id": str(number), "time": at, "agent": {"id": "a"}, "tool": "t"}


@pytest.fixture(autouse=True)
def _place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("HABITUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps(an_event(number)) for number in range(20)]
    Path("events.jsonl").write_text("\n".join([*lines, "broken"]) + "\n")
    Path("truth.jsonl").touch()


def ended(capsys: pytest.CaptureFixture[str], args: Sequence[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        app(list(args))
    return int(end.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "option", "there"),
    [
        (("replay", "events.jsonl", "--out", "o"), "--out", "o"),
        (("replay", "events.jsonl", "--out", "o"), "--out", "o.rejected.jsonl"),
        (("learn", "events.jsonl", "--review", "r"), "--review", "r"),
        (FLEET, "OUT", "fleet.jsonl"),
        (FLEET, "OUT", "fleet.jsonl.truth.jsonl"),
        (FLEET, "OUT", "fleet.jsonl.inventory.csv"),
        ((*EVALUATE, "--out", "o.json"), "--out", "o.json"),
        ((*EVALUATE, "--html", "o.html"), "--html", "o.html"),
    ],
)
def test_existing_file_is_replaced_only_with_force(
    capsys: pytest.CaptureFixture[str], args: tuple[str, ...], option: str, there: str
) -> None:
    Path(there).write_text(KEPT)
    code, said = ended(capsys, args)
    assert code == 2
    assert said == f"error: {option} '{there}' already exists; --force replaces it\n"
    assert Path(there).read_text() == KEPT
    assert not Path("habitus.db").exists()
    code, said = ended(capsys, [*args, "--force"])
    assert code == 0, said
    assert not Path(there).exists() or Path(there).read_text() != KEPT


def test_existing_pictures_are_replaced_only_with_force(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("charts").mkdir()
    Path("charts/old.png").write_text(KEPT)
    code, said = ended(capsys, [*EVALUATE, "--png", "charts"])
    assert code == 2
    assert "--png 'charts' already contains 'old.png'; --force replaces existing files" in said


@pytest.mark.parametrize("out", ["-", "/dev/null"])
def test_output_to_a_device_needs_no_force(capsys: pytest.CaptureFixture[str], out: str) -> None:
    for _ in range(2):
        assert ended(capsys, ["replay", "events.jsonl", "--out", out])[0] == 0
    assert not Path(f"{out}.rejected.jsonl").exists()


@pytest.mark.parametrize("named", [".", "*.jsonl"])
def test_replaying_a_folder_twice_does_not_read_its_own_outputs(
    capsys: pytest.CaptureFixture[str], named: str
) -> None:
    Path("truth.jsonl").unlink()
    first = ended(capsys, ["replay", named, "--out", "out.jsonl"])
    written = Path("out.jsonl").read_bytes(), Path("out.jsonl.rejected.jsonl").read_bytes()
    again = ended(capsys, ["replay", named, "--out", "out.jsonl", "--force"])
    assert (first[0], again[0]) == (0, 0)
    assert len(written[0].splitlines()) == 20
    assert Path("out.jsonl").read_bytes() == written[0]
    assert len(Path("out.jsonl.rejected.jsonl").read_bytes().splitlines()) == 1


def some_results(capsys: pytest.CaptureFixture[str], name: str) -> tuple[bytes, bytes]:
    assert ended(capsys, ["replay", "events.jsonl", "--out", name])[0] == 0
    return Path(name).read_bytes(), Path(f"{name}.rejected.jsonl").read_bytes()


@pytest.mark.parametrize("named", ["rec", "rec/*.jsonl"])
@pytest.mark.parametrize("name", ["tue.jsonl", "tue.jsonl.rejected.jsonl"])
def test_a_recording_in_a_folder_is_never_written_over(
    capsys: pytest.CaptureFixture[str], named: str, name: str
) -> None:
    Path("rec").mkdir()
    for one in ("mon.jsonl", name):
        Path("rec", one).write_bytes(Path("events.jsonl").read_bytes())
    before = Path("rec", name).read_bytes()
    code, said = ended(capsys, ["replay", named, "--out", "rec/tue.jsonl", "--force"])
    assert code == 2
    assert f"--out 'rec/{name}' is also an input and would be lost" in said
    assert Path("rec", name).read_bytes() == before
    assert not list(Path("rec").glob("*.rejected.jsonl.rejected.jsonl"))


@pytest.mark.parametrize("named", [".", "*.jsonl*"])
def test_results_of_an_earlier_replay_are_not_read_out_of_a_folder(
    capsys: pytest.CaptureFixture[str], named: str
) -> None:
    Path("truth.jsonl").unlink()
    first = some_results(capsys, "out-v1.jsonl")
    Path("packed.jsonl.gz").write_bytes(gzip.compress(first[0]))
    code, said = ended(capsys, ["replay", named, "--out", "out-v2.jsonl"])
    assert code == 0
    assert said.splitlines()[0] == (
        f"3 files of '{named}' are results of habitus and not read: "
        "'out-v1.jsonl', 'out-v1.jsonl.rejected.jsonl', 'packed.jsonl.gz'"
    )
    assert Path("out-v2.jsonl").read_bytes() == first[0]
    assert len(Path("out-v2.jsonl.rejected.jsonl").read_bytes().splitlines()) == 1
    code, said = ended(capsys, ["learn", named])
    assert code == 0
    assert "20 events learned into habitus.db, 1 rejected" in said


def test_a_replay_whose_result_was_empty_can_be_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("rec").mkdir()
    Path("rec/a.jsonl").write_text("broken\n")
    for _ in range(2):
        assert ended(capsys, ["replay", "rec", "--out", "rec/out.jsonl", "--force"])[0] == 1
    assert Path("rec/out.jsonl").read_bytes() == b""


def test_a_run_on_a_folder_does_not_read_results(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    some_results(capsys, "out-v1.jsonl")
    monkeypatch.setenv("HABITUS_SOURCE", f"file:{Path.cwd()}?follow=1")
    code, said = ended(capsys, ["run", "--drain"])
    assert code == 0
    assert "2 files of " in said
    assert "are results of habitus and not read: 'out-v1.jsonl', 'out-v1.jsonl.rejected" in said
    assert "20 events judged, 0 anomalies, 1 rejected" in said


def test_file_that_begins_with_an_event_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = some_results(capsys, "out-v1.jsonl")
    Path("rec").mkdir()
    for number, lines in enumerate(results):
        line = json.dumps(json.loads(lines.splitlines()[0]) | an_event(number))
        Path(f"rec/{number}.jsonl").write_text(line + "\n")
    assert ended(capsys, ["replay", "rec", "--out", "out.jsonl"])[0] == 0
    assert len(Path("out.jsonl").read_bytes().splitlines()) == 2


def test_results_that_come_while_a_folder_is_followed_are_logged_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = some_results(capsys, "elsewhere")[0]
    Path("rec").mkdir()
    files = Files("rec", batch_size=10, clock_us=lambda: 0, follow=True)
    batches = files.batches()
    next(batches)
    Path("rec/out.jsonl").write_bytes(results)
    Path("rec/a.jsonl").write_text("{}\n")
    got = [record.value for _ in range(4) for record in next(batches).records]
    files.close()
    assert got == [b"{}"]
    assert capsys.readouterr().err.count("results_not_read") == 1


def test_an_output_that_is_named_as_input_is_refused_even_with_force(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, said = ended(capsys, ["replay", "events.jsonl", "--out", "events.jsonl", "--force"])
    assert code == 2
    assert "--out 'events.jsonl' is also an input and would be lost" in said


@pytest.mark.parametrize(
    "args",
    [
        ("replay", "events.jsonl", "--out", "hard.jsonl"),
        ("replay", "rec", "--out", "hard.jsonl"),
        ("replay", "rec/*.jsonl", "--out", "hard.jsonl"),
        ("replay", "other.jsonl", "--history", "events.jsonl", "--out", "hard.jsonl"),
        ("replay", "events.jsonl", "--out", "o", "--store", "sqlite:hard.jsonl"),
        ("learn", "rec", "--review", "hard.jsonl"),
        (*EVALUATE, "--out", "hard.jsonl"),
        (*EVALUATE, "--html", "hard.jsonl"),
    ],
)
def test_a_hard_link_of_a_recording_is_not_written_over(
    capsys: pytest.CaptureFixture[str], args: tuple[str, ...]
) -> None:
    before = Path("events.jsonl").read_bytes()
    Path("other.jsonl").write_bytes(before)
    Path("rec").mkdir()
    for name in ("hard.jsonl", "rec/a.jsonl"):
        Path(name).hardlink_to("events.jsonl")
    code, said = ended(capsys, [*args, "--force"])
    assert code == 2
    assert "'hard.jsonl' is also an input and would be lost" in said
    assert Path("events.jsonl").read_bytes() == before


INSTALLED = {
    "habitus.db": "the store",
    "habitus.db-wal": "the store",
    "habitus.db-shm": "the store",
    "link.db": "the store",
    "hard.db": "the store",
    "habitus.db.rejected.jsonl": "written by habitus run",
    "keys.json": "the credential file",
    "habitus.toml": "the configuration file",
}


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize(
    "args",
    [
        ("replay", "events.jsonl", "--out"),
        ("learn", "events.jsonl", "--review"),
        ("simulate",),
        (*EVALUATE, "--out"),
        (*EVALUATE, "--html"),
    ],
)
def test_no_command_replaces_a_file_of_the_installation(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    name: str,
) -> None:
    monkeypatch.setenv("HABITUS_API_KEYS_FILE", "keys.json")
    Path("habitus.toml").write_text("")
    for there in ("habitus.db", "habitus.db-wal", "habitus.db.rejected.jsonl", "keys.json"):
        Path(there).write_text(KEPT)
    Path("link.db").symlink_to("habitus.db")
    Path("hard.db").hardlink_to("habitus.db")
    code, said = ended(capsys, [*args, name, "--force"])
    assert code == 2
    assert f"'{name}' is a file of this installation ({INSTALLED[name]}); write elsewhere" in said
    assert Path("habitus.db").read_text() == KEPT


def test_the_inventory_is_not_written_over(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("staff.csv").write_text("agent_id,role,owner\n")
    monkeypatch.setenv("HABITUS_INVENTORY", "staff.csv")
    code, said = ended(capsys, ["replay", "events.jsonl", "--out", "staff.csv", "--force"])
    assert code == 2
    assert "--out 'staff.csv' is also an input and would be lost" in said
