"""`habitus doctor --format`: what a record is, and what its events contain."""

from __future__ import annotations

import gzip
import zipfile
from typing import TYPE_CHECKING

import pytest

from models.errors import ConfigError
from pipeline.commands.doctor.format_checks import check_format
from pipeline.formats import FORMATS, PartFormat
from tests.pipeline.formats.page_examples import OWN, example_of

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = [name for name in OWN if isinstance(wire := FORMATS[name], PartFormat) and wire.whole_file]


def found_in(path: Path, fmt: str) -> dict[str, tuple[str, str, str]]:
    return {one.name: (one.state, one.found, one.todo) for one in check_format([str(path)], fmt)}


@pytest.mark.parametrize("fmt", WHOLE)
@pytest.mark.parametrize("name", ["log.json", "log.jsonl", "log.txt", "log.jsonl.gz"])
def test_file_of_one_record_is_read_whole(fmt: str, name: str, tmp_path: Path) -> None:
    (record,), made = example_of(fmt)
    path = tmp_path / name
    path.write_bytes(gzip.compress(record) if name.endswith(".gz") else record)
    found = found_in(path, fmt)
    assert found["records"][1] == "each file is one record"
    assert found["events"][:2] == ("ok", f"{len(made):,} events")
    assert found["session"][:2] == ("ok", "100% of the events")
    assert "rejected" not in found


@pytest.mark.parametrize(
    ("name", "manner"),
    [
        ("log.jsonl", "each line is one record"),
        ("log.txt", "each line is one record"),
        ("log.json", "each object of a JSON document, else each line, is one record"),
    ],
)
def test_name_says_how_other_formats_are_read(name: str, manner: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b'{"id":"1"}\n')
    assert found_in(tmp_path / name, "native")["records"][1] == manner


def test_files_of_another_format_have_no_shares_and_no_advice_about_contents(
    tmp_path: Path,
) -> None:
    (tmp_path / "log.jsonl").write_bytes(b'{"resourceSpans":[]}\n')
    found = found_in(tmp_path / "log.jsonl", "claude-code")
    assert list(found) == ["records", "events"]
    assert found["events"][0] == "missing"


@pytest.mark.parametrize(
    ("name", "content", "fmt", "said"),
    [
        ("a.jsonl", gzip.compress(b"{}", mtime=0), "codex", "expected a name that ends in .gz"),
        ("a.json", b"\x28\xb5\x2f\xfd0000", "openhands", "expected a name that ends in .zst"),
        ("a.jsonl", b"PAR1....PAR1", "native", "expected a name that ends in .parquet"),
        ("a.eval", b"{}", "claude-code", "claude-code reads a record a line"),
        ("a.traj.gz", gzip.compress(b"{}", mtime=0), "native", "native reads a record a line"),
        ("a.parquet", b"PAR1....PAR1", "inspect", "inspect reads a file as a record"),
    ],
)
def test_name_that_does_not_fit_is_refused(
    name: str, content: bytes, fmt: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        check_format([str(tmp_path / name)], fmt)


def test_archive_is_refused_by_a_format_of_lines(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.jsonl", "w") as made:
        made.writestr("header.json", "{}")
    with pytest.raises(ConfigError, match="such as inspect or swe-agent"):
        check_format([str(tmp_path / "a.jsonl")], "claude-code")


def test_files_of_another_format_have_no_events(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")
    state, _, todo = found_in(tmp_path / "a.json", "codex")["events"]
    assert (state, todo) == ("missing", "give files of format codex, or the format of these")
