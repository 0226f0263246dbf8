"""The baseline keeps river's own promises for an anomaly detector, each check by its name."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from river import checks, datasets

from models.baseline.online_baseline import AgentBaseline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOOLS = ("mail.read", "mail.send", "crm.find", "crm.note")
STRANGE = 0.02


class Actions:
    """Ordinary actions and a few strange ones, in the shape of a river data set."""

    def take(self, n: int) -> Iterator[tuple[dict[str, Any], int]]:
        """Give the first `n` actions with their labels, the same each time."""
        chance = Random(7)  # noqa: S311 - made-up data
        previous = "START"
        for number in range(n):
            strange = number > n // 2 and chance.random() < STRANGE
            tool = f"shell.{chance.randrange(5)}" if strange else chance.choice(TOOLS)
            yield (
                {
                    "tool": tool,
                    "previous_tool": previous,
                    "hour": f"workday {chance.randrange(8, 18):02d}",
                    "outcome": "error" if strange else "ok",
                    "customer": f"customer-{chance.randrange(30)}",
                    "bytes_out_hour": chance.lognormvariate(12 if strange else 6, 0.3),
                    "latency": chance.gauss(20, 2),
                },
                int(strange),
            )
            previous = tool


def _checks() -> dict[str, Callable[[AgentBaseline], None]]:
    with pytest.MonkeyPatch.context() as patch:
        # river's own set has to be fetched, and has numbers only.
        patch.setattr(datasets, "CreditCard", Actions)
        found = list(checks.yield_checks(AgentBaseline()))
    return {check.__name__: check for check in found}


@pytest.mark.parametrize("name", sorted(_checks()))
def test_the_baseline_passes_the_check_of_river(name: str) -> None:
    try:
        _checks()[name](AgentBaseline())
    except AssertionError as fault:
        pytest.fail(f"{name}: {fault}")


def test_every_check_of_river_runs() -> None:
    named = set(_checks())
    assert not AgentBaseline()._unit_test_skips()
    assert {"check_pickling", "check_roc_auc", "check_bounded_memory_growth"} <= named
    assert len(named) >= 26


def test_the_baseline_ranks_strange_actions_before_ordinary_ones() -> None:
    baseline, ordinary, strange = AgentBaseline(), [], []
    for x, label in Actions().take(1_000):
        (strange if label else ordinary).append(baseline.score_one(x))
        baseline.learn_one(x)
    assert len(strange) >= 5
    later = sorted(ordinary[300:])
    assert min(strange) > later[int(0.95 * len(later))]
