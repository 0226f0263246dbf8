"""A registered detector finds planted leaks that the product does not (lab.leaks, notebook 4)."""

from __future__ import annotations

import gzip
import json
from math import log1p
from typing import TYPE_CHECKING, Any

import pytest
from river.anomaly import HalfSpaceTrees

from lab.detector_evaluation import found
from lab.evaluation.run import measured
from lab.examples import Example, made_up
from lab.leaks import LEAK, with_leaks
from models.detectors.registry import DETECTORS
from models.detectors.river_detector import RiverDetector

if TYPE_CHECKING:
    from pathlib import Path


def lines(path: str) -> list[Any]:
    with gzip.open(path) as file:
        return [json.loads(line) for line in file]


def test_leaks_change_what_some_searches_send_and_nothing_else(tmp_path: Path) -> None:
    plain = made_up(tmp_path, agents=3, days=6, quiet_days=3, activity=0.3)
    planted = with_leaks(plain, tmp_path, leaks=4)
    before, after = lines(plain.files[0]), lines(planted.files[0])
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) == 4
    for a, b in changed:
        assert 1_000 <= b["volume"].pop("bytes_out") <= 4_000
        assert a.get("volume", {}) == b["volume"]
    cases = [case for case in lines(f"{planted.truth}") if case["type"] == LEAK]
    assert {case["event_ids"][0] for case in cases} == {b["id"] for _, b in changed}


def squashed(x: dict[str, Any]) -> dict[str, float]:
    return {"sent": log1p(x.get("bytes_out", 0.0)) / 20.0 * (x["operation"] == "read")}


@pytest.mark.slow
def test_an_estimator_of_river_finds_leaks_that_the_product_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = HalfSpaceTrees(n_trees=15, height=6, window_size=500, seed=7)
    monkeypatch.setitem(DETECTORS, "trees", lambda: RiverDetector("trees", trees, squashed))
    fleet = made_up(tmp_path, agents=24, days=20, quiet_days=12, activity=0.3)
    example = with_leaks(fleet, tmp_path, leaks=10)
    plain, beside = (shares(example, names) for names in ((), ("trees",)))
    assert plain[LEAK] is not None
    assert plain[LEAK] <= 0.2
    assert beside[LEAK] is not None
    assert beside[LEAK] >= 0.5
    assert beside["false cases a day"] == pytest.approx(plain["false cases a day"], abs=1.0)


def shares(example: Example, detectors: tuple[str, ...]) -> dict[str, float | None]:
    run = measured(
        example.files,
        fmt=example.fmt,
        truth=example.truth,
        history_days=example.history_days,
        settings=example.settings.model_copy(update={"detectors": detectors, "clock": "event"}),
    )
    return found(run, LEAK)
