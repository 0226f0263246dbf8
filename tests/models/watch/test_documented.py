"""Every type of anomaly has its line in docs/detectors.md."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.publishing.catalogue import catalogue

PAGE = Path(__file__).parents[3] / "docs" / "detectors.md"


def test_the_page_names_every_type_and_no_other():
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z_.]+)`", row.split("|")[1])}
    assert named == set(catalogue()), "the table of docs/detectors.md has a row for each type"
