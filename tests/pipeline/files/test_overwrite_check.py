"""Before work begins: what cannot be written is refused by option, path and reason."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from models.errors import ConfigError
from pipeline.cli import app
from pipeline.files.overwrite_check import refuse_folder, refuse_to_overwrite

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = "x" * 300
EVALUATE = ("evaluate", "events.jsonl", "--truth", "truth.jsonl")
REPLAY = ("replay", "events.jsonl", "--out")
NO_WORK = "no work is to begin"
NOBODY = 65_534


@pytest.fixture(autouse=True)
def _place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("HABITUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name in ("events.jsonl", "truth.jsonl", "taken"):
        Path(name).write_text("{}\n")
    for name in ("folder", "o.rejected.jsonl", "s.jsonl.truth.jsonl"):
        Path(name).mkdir()


@pytest.fixture
def _idle(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError(NO_WORK)

    for place in (
        "pipeline.processing.recordings.replay.build_worker",
        "lab.evaluation.run.measured",
        "lab.simulation.output.files.write",
    ):
        monkeypatch.setattr(place, work)
    monkeypatch.setattr("pipeline.enrichment.intel_fetch.fetch", work)


@pytest.mark.usefixtures("_idle")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            (*EVALUATE, "--out", "nowhere/o"),
            "--out 'nowhere/o' cannot be written: there is no folder 'nowhere'",
        ),
        ((*EVALUATE, "--html", "folder"), "--html 'folder' cannot be written: it is a folder"),
        (
            (*EVALUATE, "--html", "taken/o"),
            "--html 'taken/o' cannot be written: there is no folder",
        ),
        ((*EVALUATE, "--html", LONG), "cannot be written: file name too long"),
        ((*EVALUATE, "--out", "truth.jsonl"), "--out 'truth.jsonl' is also an input"),
        ((*EVALUATE, "--png", "taken"), "--png 'taken' cannot be written: 'taken' is a file"),
        (
            (*EVALUATE, "--png", "taken/charts"),
            "--png 'taken/charts' cannot be written: 'taken' is",
        ),
        ((*EVALUATE, "--png", LONG), "cannot be written: file name too long"),
        ((*REPLAY, "o"), "--out 'o.rejected.jsonl' cannot be written: it is a folder"),
        ((*REPLAY, "p", "--store", "nowhere/x.db"), "--store 'nowhere/x.db' cannot be written"),
        ((*REPLAY, "-", "--store", "sqlite:folder"), "--store 'folder' cannot be written: it is a"),
        (("simulate", "nowhere/s.jsonl"), "OUT 'nowhere/s.jsonl' cannot be written: there is no"),
        (("simulate", "s.jsonl"), "OUT 's.jsonl.truth.jsonl' cannot be written: it is a folder"),
        (("intel", "fetch", "--folder", "taken"), "--folder 'taken' cannot be written"),
    ],
)
def test_unwritable_output_is_refused_before_any_work(
    capsys: pytest.CaptureFixture[str], args: tuple[str, ...], said: str
) -> None:
    before = sorted(Path().iterdir())
    with pytest.raises(SystemExit) as ended:
        app(list(args))
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert said in told
    assert sorted(Path().iterdir()) == before


def test_check_of_a_writable_output_changes_nothing() -> None:
    Path("old").write_text("old")
    Path("link").symlink_to("new")
    names = ("new", "old", "-", "link", "/dev/null")
    refuse_to_overwrite(
        [("--out", name) for name in names], ["events.jsonl"], installed={}, force=True
    )
    for folder in ("folder", "new/charts", None):
        refuse_folder("--png", folder)
    assert Path("old").read_text() == "old"
    assert not Path("new").exists()


def test_a_file_that_may_not_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everything
    with pytest.raises(ConfigError, match=r"^--out 'taken' cannot be written: permission denied$"):
        refuse_to_overwrite([("--out", "taken")], [], installed={}, force=True)


@pytest.fixture
def _ordinary_user(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be a user who is not root, for root may write everywhere."""
    with TemporaryDirectory() as place:  # where others may go, too
        monkeypatch.chdir(place)
        Path(place, "folder").mkdir()
        if os.getuid() != 0:
            yield
            return
        for each in (place, "folder"):
            os.chown(each, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, 0)
        yield
        os.setresuid(0, 0, 0)


@pytest.mark.usefixtures("_ordinary_user")
def test_a_folder_that_may_not_be_written_to_is_refused() -> None:
    refuse_to_overwrite([("--out", "folder/o")], [], installed={}, force=True)
    Path("folder").chmod(0o500)
    with pytest.raises(ConfigError, match="--out 'folder/o' cannot be written: permission denied"):
        refuse_to_overwrite([("--out", "folder/o")], [], installed={}, force=True)
    with pytest.raises(ConfigError, match="--png 'folder/o' cannot be written: permission denied"):
        refuse_folder("--png", "folder/o")
