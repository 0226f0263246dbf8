"""The table "Where a new thing goes" of CONTRIBUTING.md is true: files, registers and tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.cli import _GROUPS
from tests.repository.readability import LONGEST

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
TABLE = PAGE.partition("### Where a new thing goes")[2].partition("\n## ")[0]
ROWS = {
    cells[0]: cells[1:]
    for line in TABLE.splitlines()
    if line.startswith("| ")
    for cells in [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]]
    if cells[0] != "new"
}
# Words that stand for a name.
PLACEHOLDER = re.compile(r"NAME|NNNN|FOLDER|SECTION|\bN_")
# What no test can miss: nothing registers it, or a person judges it.
HELD_BY_NO_TEST = {"log event", "disturbance of `make chaos`"}
REGISTERED = re.compile(r"((?:`\w+`(?:, | and | or )?)+) (?:in|of) `([\w-]*[./][\w./-]+)`")
BEHIND = re.compile(r"`([\w./-]+)` \(((?:`\w+`(?:, )?)+)")


def named_in_files(table: str) -> set[tuple[str, str]]:
    """Give the words of a table with their files: `WORD` in `FILE`, and `FILE` (`WORD`)."""
    pairs = [*REGISTERED.findall(table), *((words, file) for file, words in BEHIND.findall(table))]
    return {(word, file) for words, file in pairs for word in re.findall(r"`(\w+)`", words)}


def test_a_new_thing_is_registered_where_the_table_says() -> None:
    found = {pair for pair in named_in_files(TABLE) if not PLACEHOLDER.search(pair[1])}
    assert len(found) > 20
    missing = {
        f"{word} in {file}"
        for word, file in found
        if not re.search(rf"\b{word}\b", (ROOT / file).read_text())
    }
    assert not missing


@pytest.mark.parametrize("new", ROWS)
def test_row_names_the_tests_that_hold_it(new: str) -> None:
    assert len(ROWS[new]) == 3
    named = re.findall(r"`([\w./-]+)`", ROWS[new][-1])
    assert bool(named) != (new in HELD_BY_NO_TEST), "name a test in the last cell"
    for path in named:
        assert path.startswith("tests/"), path
        assert list(ROOT.glob(f"{path}/test_*.py")) or Path(path).name.startswith("test_"), path
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("new", ROWS)
def test_row_has_short_sentences(new: str) -> None:
    parts = re.split(r"[;:.] ", re.sub(r"`[^`]*`", "it", " ".join(ROWS[new])))
    assert [part for part in parts if len(part.split()) > LONGEST] == []


@pytest.mark.parametrize("new", ["source", "sink", "endpoint", "command", "wire format of events"])
def test_file_of_a_new_thing_lies_beside_others_of_its_kind(new: str) -> None:
    patterns = re.findall(r"`([\w./]+/NAME\.py)`", ROWS[new][0])
    assert patterns
    for pattern in patterns:
        assert list(ROOT.glob(pattern.replace("NAME", "[a-z]*"))), pattern


def defining(folder: str, line: str) -> set[str]:
    """Give the modules of a folder that have a line which begins like this."""
    return {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(rf"^{line}", path.read_text(), re.MULTILINE)
    }


def test_every_module_of_commands_is_registered() -> None:
    defined = [
        defining(folder, r"def register\(app") for folder in ("pipeline/commands", "lab/commands")
    ]
    assert set.union(*defined) == set(_GROUPS), "add it to _GROUPS in pipeline/cli.py"


def test_every_module_of_routes_is_registered() -> None:
    listed = re.findall(
        r"\b(\w+)\.router\b", (ROOT / "scoring_api" / "routes" / "__init__.py").read_text()
    )
    defined = defining("scoring_api/routes", r"router = ")
    assert len(defined) > 4
    assert {name.rpartition(".")[2] for name in defined} == set(listed), (
        "add it to ROUTERS in scoring_api/routes/__init__.py"
    )


def test_every_page_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    pages = [f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")]
    assert [page for page in pages if f"]({page})" not in readme] == []
