"""The table of programs: every entry has cases, and every case holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.errors import ConfigError
from pipeline.actions.program_table import load
from pipeline.actions.shell import read_line

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = load()
RULES = {id(program.rule): program.rule for program in PROGRAMS.values()}
CASES: list[dict[str, Any]] = [case for rule in RULES.values() for case in rule.cases]
MEMBERS = ("reads", "writes", "destinations", "tables")


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["line"])[:60])
def test_case_of_the_table_holds(case: dict[str, Any]) -> None:
    line = read_line(case["line"])
    found = {member: line.all_of(member) for member in MEMBERS}
    assert found == {member: case.get(member, []) for member in MEMBERS}
    assert [command.name for command in line.commands] == case["programs"]
    assert (line.operation, line.complete) == (case["operation"], case.get("complete", True))


def test_table_has_many_programs_and_cases() -> None:
    assert len(PROGRAMS) >= 500
    assert len(CASES) >= 250
    assert len({case["line"] for case in CASES}) == len(CASES)


def test_every_entry_has_a_case_that_names_one_of_its_programs() -> None:
    silent = [
        rule.names
        for rule in RULES.values()
        if not any(set(rule.names.split()) & set(_words(case)) for case in rule.cases)
    ]
    assert not silent


def _words(case: dict[str, Any]) -> list[str]:
    line = str(case["line"])
    for sign in "\"';|&()$/\\\n":
        line = line.replace(sign, " ")
    return [*line.split(), *(name.split()[0] for name in case["programs"])]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[[program]]\nnames = "a"\noperation = "steal"', "steal"),
        ('[[program]]\nnames = "a"\ncolour = 1', "colour"),
        ('[[program]]\nnames = "a"\n[[program]]\nnames = "b a"', "'a' has two entries"),
        ("[[program", "cannot be read"),
    ],
)
def test_invalid_table_is_a_configuration_error(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "programs.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=reason):
        load(path)


def test_missing_table_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")
