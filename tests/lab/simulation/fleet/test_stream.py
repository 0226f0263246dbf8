from __future__ import annotations

import tracemalloc
from collections import Counter, defaultdict
from itertools import islice

import msgspec
import pytest

from lab.simulation.fleet import SimulationConfig, Truth, inventory, simulate
from models.errors import ConfigError
from models.event import microseconds
from models.units import DAY_US

SMALL = SimulationConfig(agents=12, days=9, attacked=0.5, novelties_per_week=0.5)


def stream(config: SimulationConfig) -> tuple[list[bytes], list[Truth]]:
    truths: list[Truth] = []
    return list(simulate(config, truths.append)), truths


def test_equal_configurations_give_equal_bytes_and_equal_truth() -> None:
    assert stream(SMALL) == stream(SMALL)


def test_another_seed_gives_other_events() -> None:
    other = msgspec.structs.replace(SMALL, seed=8)
    assert not set(stream(SMALL)[0]) & set(stream(other)[0])


def test_events_come_in_order_of_time_and_each_id_once(simulated) -> None:
    times = [microseconds(event.time) for event in simulated.events]
    assert times == sorted(times)
    assert len(simulated.by_id) == len(simulated.events)


def test_native_reader_accepts_every_event_without_unknown_members(simulated) -> None:
    # The fixture has read them all; unknown keys would have gone to the attributes.
    actual = {"approval_seconds", "peer_verified", "tool_digest"}
    known = {"tokens", "adds_tool", "change"} | actual
    found = {name for event in simulated.events for name in event.attributes or {}}
    assert actual < found <= known


def test_a_larger_fleet_begins_with_the_smaller_one() -> None:
    quiet = SimulationConfig(agents=8, days=6, attacked=0)
    larger = msgspec.structs.replace(quiet, agents=16)
    few, many = stream(quiet)[0], set(stream(larger)[0])
    assert len(few) > 500
    assert set(few) <= many
    assert list(inventory(quiet)) == list(inventory(larger))[:8]


def test_attacks_do_not_change_other_events() -> None:
    plain = SimulationConfig(agents=10, days=7, attacked=0, novelties=())
    attacked = msgspec.structs.replace(plain, attacked=1.0, attacks=("rate.burst",))
    lines, truths = stream(attacked)
    assert truths
    assert set(stream(plain)[0]) <= set(lines)


def test_the_stream_starts_before_the_simulation_is_over() -> None:
    days: list[int] = []
    endless = SimulationConfig(agents=50, days=3_650, novelties=())
    lines = list(islice(simulate(endless, on_day=days.append), 2_000))
    assert len(lines) == 2_000
    assert len(days) <= 1


def test_memory_does_not_grow_with_the_days() -> None:
    def maximum(days: int) -> int:
        config = SimulationConfig(agents=10, days=days, attacked=0, novelties=())
        tracemalloc.start()
        for _ in simulate(config):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    maximum(1)  # what is remembered for good: worlds, tables
    assert maximum(20) < 1.5 * maximum(4)


def test_volumes_are_over_dispersed(simulated) -> None:
    days = Counter(
        (event.agent.id, (microseconds(event.time) - simulated.config.start_us) // DAY_US)
        for event in simulated.events
        if event.mode == "delegated"
    )
    name = Counter(event.agent.id for event in simulated.events).most_common(1)[0][0]
    counts = [days[name, day] for day in range(simulated.config.days) if day % 7 < 5]
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
    assert variance / mean > 2


def test_weekends_and_nights_are_quiet_and_noon_has_a_dip(simulated) -> None:
    delegated = [event.time for event in simulated.events if event.mode == "delegated"]
    weekdays = Counter(at.weekday() for at in delegated)
    hours = Counter(at.hour for at in delegated)
    assert max(weekdays[5], weekdays[6]) < 0.35 * min(weekdays[day] for day in range(5))
    assert sum(hours[hour] for hour in range(6)) < 0.02 * len(delegated)
    assert hours[12] < 0.8 * min(hours[10], hours[14])


def test_an_agents_resources_follow_a_power_law(simulated) -> None:
    uses: dict[str, Counter[str]] = defaultdict(Counter)
    for event in simulated.events:
        if event.resource and event.tool == "cases.read":
            uses[event.agent.id][event.resource.id] += 1
    busiest = max(uses.values(), key=Counter.total)
    counts = [count for _, count in busiest.most_common()]
    assert len(counts) > 12
    assert sum(counts[:3]) > sum(counts) / 2


def test_the_tool_graph_of_a_role_is_sparse(simulated) -> None:
    role = "support-desk"
    pairs: Counter[tuple[str, str]] = Counter()
    previous: dict[str, str] = {}
    for event in simulated.events:
        if event.agent.role == role and event.session:
            if event.session in previous:
                pairs[previous[event.session], event.tool] += 1
            previous[event.session] = event.tool
    tools = {tool for pair in pairs for tool in pair}
    common = [pair for pair, count in pairs.items() if count >= 5]
    assert len(tools) > 10
    assert len(common) < len(tools) ** 2 / 2


def test_an_argument_says_where_its_value_came_from(simulated) -> None:
    asked = result = 0
    for event in simulated.events:
        for value, origins in (
            one for part in (event.argument_origins or {}).values() for one in part
        ):
            if origins == ["request"]:
                asked += 1
                assert event.purpose is not None
                assert value in event.purpose
            elif origins and origins[0].startswith("result:"):
                result += 1
    assert asked > 1_000
    assert result > 1_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"agents": 0},
        {"days": 0},
        {"attacked": 1.5},
        {"novelties_per_week": -1},
        {"activity": 0},
        {"attacks": ("no.such",)},
        {"novelties": ("no.such",)},
        {"start_us": 1},
        {"quiet_days": 99},
    ],
)
def test_invalid_configuration_is_refused_before_the_simulation(wrong: dict[str, object]) -> None:
    config = msgspec.structs.replace(SimulationConfig(agents=2, days=2), **wrong)
    with pytest.raises(ConfigError):
        next(simulate(config))


def test_number_of_planted_cases_is_the_requested_one() -> None:
    config = SimulationConfig(
        agents=30, days=16, attacks=("rate.burst", "tool.new"), novelties=("holiday",)
    )
    _, truths = stream(config)
    kinds = {truth.type for truth in truths}
    assert {"rate.burst", "tool.new"} <= kinds <= {"rate.burst", "tool.new", "holiday"}
