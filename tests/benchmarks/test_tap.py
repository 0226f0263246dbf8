"""The benchmark of the tap compares connections of one run."""

from __future__ import annotations

import pytest

from benchmarks.tap.__main__ import (
    HTTP,
    HTTP_TAP,
    PROXY,
    STDIO,
    STDIO_TAP,
    Figures,
    connections,
    findings_of,
    measure,
    message_of,
)


@pytest.mark.slow
def test_all_connections_are_measured(tmp_path) -> None:
    with connections(tmp_path) as found:
        measured = measure(found, message_of(1 << 17), rounds=1, calls=3)
    assert list(measured) == [STDIO, STDIO_TAP, HTTP, PROXY, HTTP_TAP]
    assert all(0 < one.p50 <= one.p99 for one in measured.values())
    assert (tmp_path / "out.jsonl").stat().st_size > 0


def test_added_time_counts_from_the_connection_beside_it() -> None:
    found = {
        STDIO: Figures(0.1, 0.2), STDIO_TAP: Figures(0.3, 0.9), HTTP: Figures(0.2, 0.4),
        PROXY: Figures(1.0, 2.0), HTTP_TAP: Figures(4.0, 5.0),
    }  # fmt: skip
    findings = findings_of({"a call": found})
    (table,) = findings.tables
    assert [row[3] for row in table.rows] == ["", "0.20", "", "0.80", "3.00"]
    assert findings.missed()
