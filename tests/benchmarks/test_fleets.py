"""Fleets by other hands: seeds are generated, replayed and scored; figures have intervals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import fleets
from lab.measurement import cell_of

if TYPE_CHECKING:
    from pathlib import Path

GENERATOR = """
import json, pathlib, sys
folder, seed = pathlib.Path(sys.argv[3]), int(sys.argv[5])
event = {"time": "2026-01-05T08:00:00Z", "agent": {"id": "a"}, "tool": "crm.read"}
lines = [json.dumps(event | {"id": f"e{number}"}) for number in range(seed)]
(folder / "events.jsonl").write_text("\\n".join(lines))
(folder / "inventory.csv").write_text("agent_id,role,owner,registered\\na,clerk,x@y,2026-01-01\\n")
(folder / "meta.json").write_text("{}")
"""
SCORER = """
import json, sys
judged = [json.loads(line) for line in open(sys.argv[2])]
assert {one["agent_id"] for one in judged} == {"a"}
print(json.dumps({"recall": len(judged) / 10, "false_cases_per_day": 4.0,
    "recall_in_own_case": 0.5, "recall_in_own_case_at_1": 0.5, "recall_in_own_case_at_3": 0.5,
    "precision_by_case": None}))
"""


def test_seeds_are_generated_replayed_and_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fleet_tiny.py").write_text(GENERATOR)
    (tmp_path / "score_cases.py").write_text(SCORER)
    asked = [str(tmp_path), "--fleets", "tiny", "--first", "8", "--seeds", "2"]
    assert fleets.main(asked) == 0
    out = capsys.readouterr().out
    (recall,) = (line.split() for line in out.splitlines() if line.startswith("tiny: recall  "))
    assert recall[2:] == ["0.850", "0.800", "0.900"]


def test_a_generator_that_fails_ends_the_measurement(tmp_path: Path) -> None:
    (tmp_path / "fleet_tiny.py").write_text("raise SystemExit('no such seed')")
    with pytest.raises(SystemExit, match="no such seed"):
        fleets.main([str(tmp_path), "--fleets", "tiny", "--seeds", "1"])


@pytest.mark.parametrize(("false", "met"), [(4.9, True), (5.1, False)])
def test_a_goal_is_met_where_the_interval_holds_it(false: float, *, met: bool) -> None:
    one = json.loads('{"recall": 0.9, "recall_in_own_case": 0.8, "precision_by_case": 0.4}')
    one |= {"false_cases_per_day": false, "recall_in_own_case_at_1": 0.6}
    found = fleets.findings({"b": [one | {"recall_in_own_case_at_3": 0.75}] * 3}, 101)
    (goal,) = (one for one in found.goals if "cases a day" in one.figure)
    assert goal.met(cell_of(found.tables, goal)) is met
    assert all(one.met(cell_of(found.tables, one)) for one in found.goals if one != goal)
