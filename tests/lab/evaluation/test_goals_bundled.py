"""The goals of detection on the bundled labelled log: they hold in a bare clone, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binom

from lab.evaluation.run import evaluate
from pipeline.settings import Settings

pytestmark = pytest.mark.slow

LOG = Path(__file__).parents[3] / "data" / "labelled_log.jsonl.gz"


def measured(*, cold: bool) -> dict[str, Any]:
    return evaluate(
        [str(LOG)], settings=Settings(), fmt="agentlog", without=["volume.bytes_in"], draws=0,
        cold=cold,
    )  # fmt: skip


@pytest.fixture(scope="module")
def warm() -> dict[str, Any]:
    return measured(cold=False)


@pytest.fixture(scope="module")
def cold() -> dict[str, Any]:
    return measured(cold=True)


GOALS = {
    "warm": {"auroc": 0.985, "ap": 0.97, "0.01": 0.65, "0.05": 0.95, "event_ap": 0.88},
    "cold": {"auroc": 0.975, "ap": 0.95, "0.01": 0.50, "0.05": 0.88},
}


@pytest.mark.parametrize(
    ("start", "figure"),
    [(start, figure) for start, goals in GOALS.items() for figure in goals],
)
def test_a_goal_of_ranking_is_met(request: pytest.FixtureRequest, start: str, figure: str) -> None:
    found = request.getfixturevalue(start)["all"]
    assert (found["detection"] | found)[figure] >= GOALS[start][figure]


def test_p_values_of_benign_sessions_are_calibrated(warm: dict[str, Any]) -> None:
    found = warm["all"]["session_p"]
    for level in ("0.05", "0.01"):
        marked = round(found[level]["share"] * found["benign"])
        assert binom.sf(marked - 1, found["benign"], float(level)) >= 0.025


@pytest.mark.xfail(strict=True, reason=".93 of .95")
def test_the_first_reason_names_the_planted_cause(warm: dict[str, Any]) -> None:
    assert warm["attacks"]["explained"] >= 0.95
