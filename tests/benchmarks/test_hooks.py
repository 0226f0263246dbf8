"""The benchmark of hooks asks a real server at fixed instants."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.hooks.__main__ import DECIDE, OBSERVE, RULES, Answers, drive, findings_of, serving


@pytest.mark.slow
@pytest.mark.parametrize("name", [OBSERVE, DECIDE])
def test_every_hook_is_answered_and_timed(tmp_path, name: str) -> None:
    with serving(tmp_path, RULES[name]) as server:
        answers = asyncio.run(drive(server.port, rate=20, seconds=2))
        assert server.cpu_s() > 0
    assert len(answers.times) == 40
    assert all(took > 0 for took in answers.times)
    assert (answers.decided > 0) == (name == DECIDE)


@pytest.mark.parametrize(("slow", "missed"), [(49.0, False), (51.0, True)])
def test_goal_is_about_the_slowest_of_a_hundred(slow: float, missed: bool) -> None:
    found = {OBSERVE: Answers([1.0] * 980 + [slow] * 20, 0, 0.5)}
    findings = findings_of(found, rate=200)
    assert findings.missed() == missed
    assert findings.tables[0].rows == [
        [OBSERVE, "1,000", "1.0", f"{slow:.1f}", f"{slow:.1f}", "0", "0.50"]
    ]
