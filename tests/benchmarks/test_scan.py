"""The benchmark of the scan: its sessions, its counts and its goals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.scan import READ, SCAN, cases_of, findings_of, timed
from lab.simulation.coding.transcripts import lines_of, sessions

if TYPE_CHECKING:
    from pathlib import Path


def test_the_same_seed_gives_the_same_sessions_in_order_of_time() -> None:
    first, second = ([list(lines_of(one)) for one in sessions(40, 3)] for _ in range(2))
    assert first == second
    begun = [one.begin.date() for one in sessions(400, 3)]
    assert begun == sorted(begun)
    assert first != [list(lines_of(one)) for one in sessions(40, 4)]


@pytest.mark.slow
def test_scan_and_replay_of_few_sessions_are_measured(tmp_path: Path) -> None:
    times = timed(tmp_path / "a", 5, 1)
    assert times[SCAN] > times[READ] > 0
    days = cases_of(tmp_path / "b", 30, 2)
    assert sum(messages for _, messages in days) >= sum(cases for cases, _ in days)


def test_goals_are_about_seconds_and_cases_a_day() -> None:
    found = findings_of({SCAN: 9.0, READ: 0.5}, 1_000, [(1, 2), (0, 0)], 2_000)
    assert found.tables[1].rows == [["2,000", "2", "0.50", "1", "1.00"]]
    assert not found.missed()
    assert findings_of({SCAN: 11.0, READ: 0.5}, 1_000, [(1, 2)], 2_000).missed()
    assert findings_of({SCAN: 9.0, READ: 0.5}, 1_000, [(6, 6)], 2_000).missed()
