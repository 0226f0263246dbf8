"""docs/settings.md is what its command writes, and names every setting once."""

from __future__ import annotations

import re

import pytest

from pipeline.configuration.setting_types import MODEL_PARAMETERS
from pipeline.configuration.settings_page import DETAILS, PATH, REGISTERED, SECTIONS, page
from pipeline.formats import FORMATS
from pipeline.settings import Settings, variable


def test_page_is_what_the_command_writes() -> None:
    assert PATH.read_text() == page(), "run make schema"


def test_every_setting_is_in_one_section() -> None:
    named = [name for names in SECTIONS.values() for name in names]
    assert sorted(named) == sorted(Settings.model_fields)
    assert DETAILS.keys() | REGISTERED.keys() <= set(named)
    assert not DETAILS.keys() & REGISTERED.keys()


def test_every_row_has_a_meaning_and_four_cells() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `HABITUS_")]
    assert len(rows) == len(Settings.model_fields) + len(MODEL_PARAMETERS)
    for row in rows:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        assert len(cells) == (3 if "MODEL__" in row and "…" not in row else 4), row
        assert len(cells[1]) > 10, row


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("kernel", "`auto`, `native`, `python`"),
        ("max_connections", "2 to 1,000,000"),
        ("cache_agents", "at least 1"),
        ("alerts_per_day", "above 0"),
    ],
)
def test_row_names_the_values_that_are_accepted(name: str, cell: str) -> None:
    (row,) = (line for line in page().splitlines() if line.startswith(f"| `{variable(name)}` "))
    assert f"| {cell} |" in row


def test_readme_leaves_the_list_of_formats_to_the_page() -> None:
    readme = (PATH.parents[1] / "README.md").read_text()
    (line,) = re.findall(r"^- \*\*Formats\*\*.*$", readme, re.MULTILINE)
    assert "(docs/integrations.md)" in line
    assert [name for name in FORMATS if f"`{name}`" in line] == []
