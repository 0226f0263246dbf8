"""Sizing: the arithmetic agrees with a simulation that does not use it."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.capacity.arithmetic import Load, highest_rate, natural_batch, plan, saturation
from benchmarks.capacity.queueing import busiest, simulate
from benchmarks.costs import read_costs
from benchmarks.scale import LARGEST, LOADS, SPREAD, main
from pipeline.processing.stream_types import DEFAULT_BATCH

COSTS = read_costs()
MEASURED = COSTS.measured


@pytest.mark.parametrize("load", LOADS, ids=lambda load: f"{load.agents} agents")
@pytest.mark.parametrize("spread", [0.0, SPREAD])
def test_a_simulated_worker_does_what_the_arithmetic_says(load: Load, spread: float) -> None:
    p = plan(COSTS, load)
    found = simulate(
        MEASURED, load.events_per_s / p.workers, load.agents // p.workers, spread=spread
    )
    # Batches of two or three events are as uneven as chance is.
    assert found.batch == pytest.approx(p.batch, rel=0.15, abs=1)
    assert found.rows_per_event == pytest.approx(p.rows_per_event, rel=0.1)
    assert found.waiting < DEFAULT_BATCH


@pytest.mark.parametrize("agents", [100, 4_000])
@pytest.mark.parametrize(("share", "keeps_up"), [(0.9, True), (1.1, False)])
def test_the_highest_rate_is_where_a_worker_starts_to_fall_behind(
    agents: int, share: float, keeps_up: bool
) -> None:
    rate = share * highest_rate(MEASURED, agents)
    found = simulate(MEASURED, rate, agents, seconds=60)
    assert (found.waiting < DEFAULT_BATCH) is keeps_up
    if not keeps_up:
        assert found.waiting == pytest.approx(60 * rate * (1 - 1 / share), rel=0.3)


def test_the_busiest_worker_is_below_its_most_at_the_planned_load() -> None:
    p = plan(COSTS, LARGEST)
    assert busiest(LARGEST.agents, p.partitions, p.workers, SPREAD) * LARGEST.busy < 1
    # So few agents that chance puts too many of the busy ones together would not do.
    assert busiest(5 * p.partitions, p.partitions, p.workers, SPREAD) * LARGEST.busy > 1


def test_a_larger_load_needs_no_less_of_anything() -> None:
    plans = [msgspec.structs.asdict(plan(COSTS, load)) for load in LOADS]
    rising = (
        "workers",
        "partitions",
        "rows_per_s",
        "databases",
        "brokers",
        "replicas",
        "following",
    )
    assert len(plans) > 2
    for name in rising:
        values = [p[name] for p in plans]
        assert values == sorted(values), name


def test_dearer_events_saturate_a_worker_sooner() -> None:
    twice = msgspec.structs.replace(MEASURED, event_us=2 * MEASURED.event_us)
    dear = msgspec.structs.replace(COSTS, measured=twice)
    assert (
        dict(saturation(dear, LARGEST))["one worker"]
        < dict(saturation(COSTS, LARGEST))["one worker"]
    )
    assert natural_batch(twice, 1000, 1000) > natural_batch(MEASURED, 1000, 1000)


@pytest.mark.parametrize("load", [["--agents", "0"], ["--agents", "5", "--events", "-1"]])
def test_invalid_load_is_refused(load, capsys):
    with pytest.raises(SystemExit):
        main(load)
    assert "must be above 0" in capsys.readouterr().err
