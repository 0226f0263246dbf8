"""docs/integrations.md is what its command writes, and names every format and command."""

from __future__ import annotations

import pytest

from pipeline.connecting import CONNECTORS
from pipeline.formats import FORMATS, PartFormat
from pipeline.publishing.integrations_page import BY_HAND, DOCS, PATH, page

ONE_PAGE = {"otlp-proto-logs": "otlp", "otlp-proto-traces": "otlp"}


def test_page_is_what_the_command_writes() -> None:
    text = PATH.read_text()
    assert text == page(text.partition(BY_HAND)[2]), "run make schema"


@pytest.mark.parametrize(
    "name", [name for name, wire in FORMATS.items() if isinstance(wire, PartFormat)]
)
def test_each_format_of_parts_has_a_row_and_a_page(name: str) -> None:
    name = ONE_PAGE.get(name, name)
    assert f"(integrations/{name}.md) | `{name}` |" in page("")
    assert (DOCS / "integrations" / f"{name}.md").exists()


def test_each_name_of_connect_is_in_a_row() -> None:
    rows = [line.split("|") for line in page("").splitlines() if "](integrations/" in line]
    shown = {row[3].strip().strip("`") for row in rows if len(row) > 4}
    assert shown - {""} == set(CONNECTORS)
