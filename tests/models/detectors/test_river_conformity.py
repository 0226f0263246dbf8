"""What the engine runs keeps river's own promises for an anomaly detector, check by check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from river import checks, datasets
from river.anomaly import HalfSpaceTrees
from sklearn.metrics import roc_auc_score

from models.baseline.agent_state import AgentState
from models.baseline.profile import Profile
from models.config import ModelConfig
from models.detectors.river_detector import RiverDetector
from models.engine import Engine
from models.event import Event, Origin, microseconds
from models.river_judge import RiverJudge
from models.trust.state import TrustState
from pipeline.publishing.catalogue import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from river.base import AnomalyDetector

MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
TOOLS = ("mail.read", "mail.send", "crm.find", "crm.note")
STRANGE = 0.02


class NativeEvents:
    """Ordinary native events of six agents and a few strange ones, as a river data set."""

    def take(self, n: int) -> Iterator[tuple[dict[str, Any], int]]:
        """Give the first `n` events with their labels, the same each time."""
        chance = Random(7)  # noqa: S311 - made-up data
        for number in range(min(n, 2_000)):
            strange = number > n // 2 and chance.random() < STRANGE
            tool = f"shell.{chance.randrange(5)}" if strange else chance.choice(TOOLS)
            sent = round(chance.lognormvariate(12 if strange else 6, 0.3))
            yield (
                {
                    "id": f"e{number}",
                    "time": (MONDAY + timedelta(minutes=9 * number)).isoformat(),
                    "agent": {"id": f"agent-{number % 6}", "role": "clerk"},
                    "tool": tool,
                    "outcome": "error" if strange else "ok",
                    "session": f"s{number // 60}",
                    "resource": {"id": f"crm/customer/{chance.randrange(30)}", "domain": "crm"},
                    "volume": {"bytes_out": sent},
                    "duration_ms": chance.uniform(10, 20),
                },
                int(strange),
            )


def squashed(x: dict[Any, Any]) -> dict[str, float]:
    sent = (x.get("volume") or {}).get("bytes_out", 0.0)
    took = x.get("duration_ms") or 0.0
    return {"sent": sent / (sent + 1_000.0), "took": took / (took + 20.0)}


def registered() -> RiverDetector:
    trees = HalfSpaceTrees(n_trees=10, height=6, window_size=100, seed=7)
    return RiverDetector("trees", trees, squashed, first_events=0)


MODELS: dict[str, Callable[[], AnomalyDetector]] = {"judge": RiverJudge, "river": registered}


def _checks(name: str) -> dict[str, Callable[[AnomalyDetector], None]]:
    with pytest.MonkeyPatch.context() as patch:
        # river's own set has to be fetched, and is not of events.
        patch.setattr(datasets, "CreditCard", NativeEvents)
        found = list(checks.yield_checks(MODELS[name]()))
    return {check.__name__: check for check in found}


@pytest.mark.parametrize(
    ("model", "check"), [(model, check) for model in MODELS for check in sorted(_checks(model))]
)
def test_estimator_of_the_engine_passes_the_check_of_river(model: str, check: str) -> None:
    try:
        _checks(model)[check](MODELS[model]())
    except AssertionError as fault:
        pytest.fail(f"{check}: {fault}")


@pytest.mark.parametrize("model", MODELS)
def test_every_check_of_river_runs(model: str) -> None:
    named = set(_checks(model))
    assert not MODELS[model]()._unit_test_skips()
    assert {"check_pickling", "check_roc_auc", "check_bounded_memory_growth"} <= named
    assert len(named) >= 26


def test_the_judge_ranks_strange_events_above_ordinary_ones() -> None:
    judge, labels, scores = RiverJudge(), [], []
    for number, (x, label) in enumerate(NativeEvents().take(2_000)):
        if number > 300:
            labels.append(label)
            scores.append(judge.score_one(x))
        judge.learn_one(x)
    assert sum(labels) >= 10
    assert roc_auc_score(labels, scores) > 0.9


def test_the_judge_gives_the_rank_of_the_engine() -> None:
    judge = RiverJudge(key="behaviour as an estimator")
    engine = Engine(ModelConfig(), judge.key.encode(), catalogue(), kernel="python")
    agents: dict[str, AgentState] = {}
    compared = 0
    for x, _ in NativeEvents().take(900):
        event = msgspec.convert(x, Event, strict=False)
        name = event.agent.id
        if name not in agents:
            agents[name] = AgentState(
                Profile(name, "unknown"), TrustState(agent_id=name, mode="unknown")
            )
        out = engine.judge(event, Origin(), agents[name])
        judge._advance(microseconds(event.time))  # the engine does both before it scores
        if known := judge._profiles.get((name, "unknown")):
            judge._scorer.close_days(known, {})
        if out.case_id is None:
            assert judge.score_one(x) == pytest.approx(out.rank), event.id
            compared += 1
        judge.learn_one(x)
    assert compared > 800
