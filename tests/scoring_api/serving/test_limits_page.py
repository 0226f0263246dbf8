"""The table of docs/serving.md says how each limit is answered and counted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from pipeline.settings import Settings, variable
from scoring_api.serving.admission import Reason
from scoring_api.serving.connection import _ANSWERS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "serving.md").read_text()
TABLE = PAGE.partition("## Limits")[2].partition("\n\n")[0]
# Later answers would belong to other requests; other reasons are limits of no number.
UNNUMBERED = {"pipelined", "malformed"}


def counted_rows() -> dict[str, str]:
    """Give what happens beyond each limit that is counted, by its name in the metric."""
    lines = [line for line in TABLE.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert len(rows) > 10
    return {name: cells[3] for cells in rows for name in re.findall(r"`(\w+)`", cells[-1])}


def test_table_has_the_status_of_each_answer() -> None:
    found = {name: cell for name, cell in counted_rows().items() if cell[:3].isdigit()}
    expected = {
        name: f"{status}, closed"
        for name, (status, _) in _ANSWERS.items()
        if name not in UNNUMBERED
    }
    assert found == expected


def test_unread_answer_is_cut() -> None:
    assert counted_rows()["send_time"] == "aborted, the answer is cut"


def test_page_names_every_reason_of_the_metric() -> None:
    limits = PAGE.partition("## Limits")[2].partition("\n## ")[0]
    missing = [name for name in get_args(Reason) if f"`{name}`" not in limits]
    assert missing == [], "add them to docs/serving.md"


def test_table_has_every_limit_of_the_settings() -> None:
    limits = {name for name in Settings.model_fields if name.startswith("max_")}
    limits = limits - {"max_future_s"} | {
        name for name in Settings.model_fields if name.endswith("_timeout_s")
    }
    missing = [name for name in sorted(limits) if f"`{variable(name)}`" not in TABLE]
    assert missing == []
