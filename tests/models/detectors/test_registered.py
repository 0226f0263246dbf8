"""A registered detector counts like a built-in one: rate, return period, case and trust."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from river.anomaly import HalfSpaceTrees

from models.calibration.series import SERIES
from models.codec.stable_id import stable_id
from models.detectors.detector import Detector
from models.detectors.panel import DAYS, Failure
from models.detectors.river_detector import RiverDetector
from models.errors import ConfigError
from tests.models.detectors.small_fleet import BUDGET, SmallFleet, rarities

BUILT_IN = [one.id for one in SERIES]


class Slow(Detector):
    """Calls with a high latency."""

    name, title, anomaly = "slow_calls", "A call that takes unusually long", "cost.spike"

    def score_one(self, x: dict[str, Any]) -> float | None:
        return x["attributes"].get("latency")

    def explain_one(self, x: dict[str, Any]) -> str:
        return f"It took {x['attributes']['latency']} ms."


class Noise(Detector):
    """Chance, from a hash of the event's id."""

    name = "noise"

    def score_one(self, x: dict[str, Any]) -> float:
        return Random(x["id"]).random()  # noqa: S311 - made-up data


class Broken(Detector):
    """Fails on each event."""

    name = "broken"

    def __init__(self, said: object) -> None:
        self.said = said

    def score_one(self, x: dict[str, Any]) -> float | None:  # noqa: ARG002 - the shape of a detector
        if isinstance(self.said, Exception):
            raise self.said
        return self.said  # type: ignore[return-value]

    def learn_one(self, x: dict[str, Any]) -> None:
        raise KeyError(x["id"])


def test_a_rare_score_raises_a_case_that_moves_trust_where_the_product_sees_nothing() -> None:
    found = []
    for detectors in ((), (Slow(),)):
        fleet = SmallFleet(*detectors)
        fleet.work(40)
        out = fleet.act("agent-2", fleet.now, "odd", attributes={"latency": 900.0})
        found.append((out, fleet))
    (unseen, _), (seen, fleet) = found
    assert unseen.case_id is None
    assert seen.change == "opened"
    assert (seen.lead, seen.anomaly) == ("slow_calls", "cost.spike")
    assert seen.return_period_days is not None
    assert seen.return_period_days > 1.0
    assert seen.trust_after is not None
    assert seen.trust_before is not None
    assert seen.trust_after < seen.trust_before
    (reason,) = [one for one in seen.reasons if one.feature == "slow_calls"]
    assert "It took 900.0 ms." in reason.why
    assert fleet.engine.cases.get(seen.case_id or "") is not None


def test_an_estimator_of_river_raises_a_case() -> None:
    trees = HalfSpaceTrees(n_trees=10, height=6, window_size=100, seed=7)

    def squashed(x: dict[str, Any]) -> dict[str, float]:
        took = x["attributes"]["latency"]
        return {"took": took / (took + 20.0)}

    fleet = SmallFleet(RiverDetector("trees", trees, squashed))
    fleet.work(40)
    out = fleet.act("agent-2", fleet.now, "odd", attributes={"latency": 900.0})
    assert (out.change, out.lead) == ("opened", "trees")


def test_calm_days_raise_no_more_cases_with_a_detector_than_the_budget_allows() -> None:
    fleet = SmallFleet(Slow(), Noise())
    fleet.work(20)
    cases = {out.case_id for out in fleet.work(40) if out.case_id}
    assert len(cases) <= 2 * 40 * BUDGET


def test_noise_changes_the_rarity_of_others_only_through_the_combination() -> None:  # K6
    plain, noisy = SmallFleet(), SmallFleet(Noise())
    for fleet in (plain, noisy):
        fleet.engine.trusted_history = True
        fleet.work(30)
    for bits in (1.0, 4.0, 9.0):
        assert rarities(plain, BUILT_IN, bits) == rarities(noisy, BUILT_IN, bits)
    shared = [fleet.engine.shared for fleet in (plain, noisy)]
    kept = [
        {cell: n for cell, n in one.rates.tables.fleet.cells.items() if cell // 160 in BUILT_IN}
        for one in shared
    ]
    assert kept[0] == kept[1]
    assert shared[0].novelty.counts == shared[1].novelty.counts
    assert shared[0].amounts.fleet == shared[1].amounts.fleet
    odd = [one.act("agent-1", one.now, "odd", tool="hr.export") for one in (plain, noisy)]
    assert odd[0].lead == odd[1].lead == "act"
    assert odd[1].rank <= odd[0].rank + 1.0


def test_a_detector_that_is_added_later_changes_no_stored_number_and_raises_few_cases() -> None:
    before = SmallFleet()
    before.work(40)
    stored = before.stored()
    after = SmallFleet(Slow()).load(stored, before)
    again = after.stored()
    assert {name: again.shared[name] for name in stored.shared} == stored.shared
    assert again.agents == stored.agents
    cases = {out.case_id for out in after.work(10) if out.case_id}
    assert len(cases) <= 2
    days = after.engine.shared.rates.tables.fleet.cells[stable_id(DAYS + "slow_calls") * 160 + 1]
    assert 0 < days < after.engine.shared.rates.tables.fleet.days / 3


def test_a_restart_changes_nothing() -> None:
    went_on = SmallFleet(Slow(), Noise())
    went_on.work(12)
    restarted = SmallFleet(Slow(), Noise()).load(went_on.stored(), went_on)
    for _ in range(2):
        one, other = (
            fleet.act("agent-2", fleet.now, "odd", attributes={"latency": 60.0})
            for fleet in (went_on, restarted)
        )
        assert (one.rank, one.lead, one.reasons) == (other.rank, other.lead, other.reasons)
    assert went_on.work(3) == restarted.work(3)
    assert went_on.stored() == restarted.stored()


def test_a_detector_that_is_removed_leaves_no_trouble() -> None:
    before = SmallFleet(Slow())
    before.work(40)
    raised = before.act("agent-2", before.now, "odd", attributes={"latency": 900.0})
    assert raised.lead == "slow_calls"
    after = SmallFleet().load(before.stored(), before)
    out = after.act("agent-2", after.now, "odd", tool="hr.export")
    assert out.case_id == raised.case_id
    assert "slow_calls" not in {reason.feature for reason in out.reasons}
    after.work(3)
    assert not any(out.lead == "slow_calls" for out in after.work(2))


@pytest.mark.parametrize("said", [RuntimeError("secret"), "odd", float("nan"), float("inf")])
def test_a_detector_that_fails_says_nothing_of_the_event(said: object) -> None:
    plain, broken = SmallFleet(), SmallFleet(Broken(said))
    assert plain.work(3) == broken.work(3)
    failures = broken.engine.panel.take_failures()
    assert len(failures) == 2 * 3 * 72
    assert {one.detector for one in failures} == {"broken"}
    assert failures[1] == Failure("broken", "KeyError", "e1")
    assert broken.engine.panel.take_failures() == []


def test_an_unknown_anomaly_type_is_refused() -> None:
    class Odd(Noise):
        anomaly = "odd.thing"

    with pytest.raises(ConfigError, match=r"'noise' declares the anomaly type 'odd.thing'"):
        SmallFleet(Odd())
