"""A sentence about an amount tells what its bits are of."""

from __future__ import annotations

from typing import Any

import pytest

from models.baseline.volume_baseline import MAX, quantities
from models.explain.reasons import measure_reason
from models.features.extraction import METRICS
from models.watch.measure import Measure

COST = METRICS.index("cost")


def test_cost_of_a_session_is_not_described_as_the_amount_of_an_hour() -> None:
    nobody: Any = None  # of a sum over the session neither the agent's nor the peers' level tells
    one = Measure(COST, 35_013.0, 40.0, 26_435.0, summed=True)
    reason = measure_reason(nobody, nobody, one)
    assert reason.why == (
        "Call after call of this session has cost more than such calls usually do: 40.0 bits "
        "together; 35,013 tokens and millionths of cost this hour."
    )
    assert reason.expected == [("below 1 bit", 0.5)]


def test_cheap_calls_are_explained_by_hour_and_expensive_ones_by_session(
    a_stream: Any, an_event: Any
) -> None:
    stream = a_stream(learning_sessions=5, pool_minimum=20)
    for number in range(400):
        stream.judge(
            an_event(
                at=20 * number,
                session=f"s-{number // 4}",
                attributes={"tokens": 900 + 37 * (number % 7)},
            )
        )
    whys = [
        reason.why
        for number in range(8)
        for reason in stream.judge(
            an_event(at=8_000 + number, session="dear", attributes={"tokens": 3_000})
        ).reasons
        if reason.feature == "cost"
    ]
    assert any("Call after call of this session has cost more" in why for why in whys)


@pytest.mark.parametrize(
    ("said", "cost"),
    [
        ({"tokens": 700}, 700),
        ({"total_tokens": 700, "tokens": "many"}, 700),
        ({"cost": 0.0021}, 2_100),
        ({"tokens": 700, "cost": 0.0021}, 1_213),  # sqrt(701 * 2,101)
        ({"tokens": 60_000, "cost": 0.5}, 173_206),
        ({"tokens": 700, "cost": 0}, 26),
        ({"tokens": -1, "cost": 2}, 2_000_000),
        ({"cost": 1e300}, MAX),
        ({"cost": None}, None),
        ({}, None),
        ({"tokens": True, "cost": "much"}, 1),
    ],
)
def test_cost_of_a_call_is_tokens_plus_millionths_of_its_price(
    an_event: Any, said: dict[str, Any], cost: int | None
) -> None:
    assert quantities(an_event(attributes=said))[3] == cost


@pytest.mark.parametrize("dear", [{"tokens": 900, "cost": 0.9}, {"tokens": 90_000, "cost": 0.002}])
def test_small_price_and_its_tokens_are_both_shown(
    a_stream: Any, an_event: Any, dear: dict[str, Any]
) -> None:
    stream = a_stream(learning_sessions=5, pool_minimum=20, explain_all=True)
    for number in range(400):
        said = {"tokens": 900, "cost": 0.002 + 0.0001 * (number % 7)}
        stream.judge(an_event(at=20 * number, session=f"s-{number // 4}", attributes=said))
    reasons = stream.judge(an_event(at=8_100, session="dear", attributes=dear)).reasons
    assert reasons[0].feature == "cost"
    assert reasons[0].bits > 8
