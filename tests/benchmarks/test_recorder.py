"""The benchmark of the recorder compares tools of one run."""

from __future__ import annotations

import pytest

from benchmarks.recorder.__main__ import (
    BARE,
    DECORATED,
    LOGGED,
    PROCESSED,
    SESSION,
    SILENT,
    SPAN,
    Figures,
    findings_of,
    measure,
    tools,
)
from tests.pipeline.recorder.conftest import lines_of


@pytest.mark.slow
def test_all_tools_are_measured(tmp_path) -> None:
    with tools(tmp_path) as found:
        measured = measure(found, "Ines", rounds=1, calls=3)
    assert list(measured) == [BARE, LOGGED, SPAN, DECORATED, SESSION, PROCESSED, SILENT]
    assert all(0 < one.p50 <= one.p99 for one in measured.values())
    events = [len(lines_of(tmp_path / name)) for name in ("decorated", "session", "spans")]
    assert events == [203] * 3


def test_added_time_of_a_recorded_span_counts_from_the_span() -> None:
    found = {
        name: Figures(float(at), 500.0, 9.0)
        for at, name in enumerate(
            (BARE, LOGGED, SPAN, DECORATED, SESSION, PROCESSED, SILENT), start=1
        )
    }
    found[DECORATED] = Figures(301.0, 500.0, 9.0)
    findings = findings_of({"a short result": found})
    (table,) = findings.tables
    assert [row[3] for row in table.rows] == ["", "1.0", "2.0", "300.0", "4.0", "3.0", "6.0"]
    assert findings.missed()
