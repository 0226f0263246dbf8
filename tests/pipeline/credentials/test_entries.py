"""Scopes of API keys and certificates."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.credentials.entries import SCOPES

PAGE = Path(__file__).parents[3] / "docs" / "access.md"


def test_access_page_has_a_row_for_each_scope() -> None:
    table = PAGE.read_text().partition("\n## ")[0]
    rows = re.findall(r"^\| `([\w:]+)` \|", table, re.M)
    assert rows == list(SCOPES), "docs/access.md has a row for each scope, in order"
