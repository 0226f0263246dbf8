"""The invariants of learning, by their numbers in the design note."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.baseline.counts import UNIT, AgentCounts
from models.config import ModelConfig
from models.event import Resource, Volume
from models.features.extraction import FEATURES, METRICS
from models.features.feature_slots import slots_of
from models.ranked import MIN_BITS, STATISTICS
from models.trust.ledger import Item
from models.units import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Event
    from models.result import Result

SETTINGS = {"pool_minimum": 100, "learning_sessions": 3, "snapshot_minutes": 10}
DAY = 24 * 60
TOOLS = ("mail.read", "mail.send", "crm.find", "crm.note")
AGENT = "billing-7"


@pytest.fixture
def known(a_stream, an_event):
    """An agent at its habits for a day, judged by its own pool."""
    stream = a_stream(**SETTINGS)
    chance = Random(2)  # noqa: S311 - made-up data
    for number in range(300):
        tool = chance.choices(TOOLS, (50, 30, 15, 5))[0]
        stream.judge(an_event(at=number, tool=tool, session=f"s-{number // 5}"))
    return stream


@pytest.fixture
def odd(an_event) -> Callable[..., Event]:
    """An event far from the agent's habits, on the same day."""

    def build(at: float = 310, **more) -> Event:
        return an_event(
            at=at, tool="iam.grant", resource=Resource(id="vault/keys"), session="odd", **more
        )

    return build


def learned(stream) -> tuple[object, ...]:
    """All that learning may change of an agent: counts, levels, votes, and what its peers see."""
    profile = stream.agent_state(AGENT).profile
    frequency_model, peers = profile.frequency_model, stream.engine.fleet
    votes, _, _ = msgspec.msgpack.decode(peers.groups.dump_pending())
    return (
        frequency_model.rows(),
        votes,
        list(frequency_model.typical_bits),
        list(profile.facts.sums),
        msgspec.msgpack.encode(peers.baselines.pending()),
    )


def held(judged: Result) -> bool:
    return judged.held is not None and not judged.learned


def test_l1_an_event_below_the_gate_changes_no_count_and_no_vote(known, odd):
    before = learned(known)
    judged = known.judge(odd(volume=Volume(bytes_out=10**9)))
    assert judged.p < known.engine.config.gate
    assert held(judged)
    assert learned(known) == before


def test_l1_an_event_above_the_gate_is_learned(known, an_event):
    before = learned(known)
    judged = [known.judge(an_event(at=280 + number, session="s-60")) for number in range(10)]
    gate = known.engine.config.gate
    above = [not one.alert and one.p >= max(gate, one.alpha) for one in judged]
    assert [one.learned for one in judged] == above
    assert sum(above) > len(above) / 2
    assert all(one.learned != (one.held is not None) for one in judged)
    assert learned(known) != before


def test_l1_flood_below_the_gate_does_not_raise_the_quantile(known, odd):
    gate = known.engine.config.gate
    windows = known.agent_state(AGENT).profile.frequency_model.windows
    before, n = [w.quantile(gate) for w in windows], [w.n for w in windows]
    for number in range(200):
        assert held(known.judge(odd(311 + number * 0.1)))
    after = [w.quantile(gate) for w in windows]
    assert all(later <= earlier for earlier, later in zip(before, after, strict=True))
    assert windows[1].n > n[1], "and the window does not shrink"


def test_l1_scores_in_peer_windows_are_capped_at_the_gate_quantile(known, odd):
    known.engine.fleet.publish()
    window = known.engine.fleet.groups.group("clerk/unknown").windows[1]
    bar = window.quantile(0.0)
    for number in range(50):
        known.judge(odd(311 + number * 0.1))
    known.engine.fleet.publish()
    assert window.quantile(0.0) <= bar


def test_l1_held_event_is_stored_with_its_features(known, odd):
    event = odd()
    judged = known.judge(event)
    assert judged.held.event_id == event.id
    assert judged.held.categories["tool"] == "iam.grant"
    assert judged.held.categories["resource"] == "vault/keys"


def test_l2_a_slow_ramp_is_flagged_to_its_end(a_stream, an_event):
    stream = a_stream(**SETTINGS)
    chance = Random(4)  # noqa: S311 - made-up data
    flagged = ramp = 0
    for day in range(30):
        for number in range(60):
            tool = chance.choices(TOOLS, (50, 30, 15, 5))[0]
            at = day * DAY + number * 5
            stream.judge(an_event(at=at, tool=tool, session=f"s-{day}-{number // 6}"))
        for number in range(2 * (day - 10) if day > 10 else 0):
            foreign = Resource(id="payroll/salaries")
            at = day * DAY + 301 + number
            judged = stream.judge(an_event(at=at, resource=foreign, session=f"ramp-{day}"))
            flagged += held(judged)
            ramp += 1
    assert ramp > 300
    assert flagged >= 0.95 * ramp


@given(
    cap=st.integers(1, 30),
    added=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=120),
)
def test_l3_learned_mass_per_value_and_day_is_at_most_the_cap(cap, added):
    counts = AgentCounts()
    for node, value in added:
        before = counts.counts.get(node << 32 | value, 0)
        took = counts.add(node, value, cap)
        assert counts.counts.get(node << 32 | value, 0) == before + took * UNIT
    assert max(counts.counts.values(), default=0) <= cap * UNIT


@given(st.integers(0, 60), st.integers(1, 60))
def test_counts_halve_in_a_half_life_and_an_earlier_day_changes_nothing(day, uses):
    faded = AgentCounts()
    for _ in range(uses):
        faded.add(1, 1, cap=1_000)
    faded.roll(30, 30.0)
    half = faded.counts[1 << 32 | 1]
    assert half == pytest.approx(uses * UNIT / 2, abs=1)
    faded.roll(min(day, 30), 30.0)
    assert faded.counts[1 << 32 | 1] == half


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5), st.integers(0, 40)), max_size=60))
def test_updated_sums_equal_recomputed_sums(added):
    kept = AgentCounts()
    day = 0
    for node, value, later in added:
        day = max(day, later)
        kept.roll(day, 30.0)
        kept.add(node, value, cap=20)
    anew = AgentCounts(dict(kept.counts))
    assert (anew.total, anew.discounted) == (kept.total, kept.discounted)


@pytest.mark.parametrize("days", [1, 2, 3])
def test_l3_thousand_uses_a_day_count_as_the_daily_cap(a_stream, an_event, days):
    stream = a_stream(daily_cap=7)
    for day in range(days):
        for number in range(100):
            stream.judge(an_event(at=day * DAY + number * 0.5, session=f"s-{day}"))
    baseline = stream.agent_state(AGENT).profile.baseline
    place = next(p for p in slots_of(stream.engine.hasher) if p.name == "tool")
    count = baseline.count_of(place, "mail.read")
    assert count <= days * 7 * UNIT
    assert count > (days - 0.2) * 7 * UNIT


def test_l4_released_event_counts_like_one_never_held(a_stream, an_event, odd):
    kept = []
    for trusted_history in (False, True):
        stream = a_stream(**SETTINGS)
        for number in range(300):
            tool, session = TOOLS[number % 3], f"s-{number // 5}"
            stream.judge(an_event(at=number, id=f"e-{number}", tool=tool, session=session))
        stream.engine.trusted_history = trusted_history
        judged = stream.judge(odd(id="odd"))
        stream.engine.trusted_history = False
        assert held(judged) is not trusted_history
        agent_state = stream.agent_state(AGENT)
        if not trusted_history:
            stream.engine.learner.learn_categories(
                agent_state.profile, agent_state.view, judged.held.categories
            )
        state = learned(stream)
        kept.append(state[:2])
    assert kept[0] == kept[1]


def test_burst_in_trusted_history_teaches_peers_one_event_an_hour(a_stream, an_event):
    stream = a_stream(**SETTINGS)
    stream.engine.trusted_history = True
    for number in range(3_000):
        agent, session = f"clerk-{number % 10}", f"s-{number // 50}-{number % 10}"
        tool = TOOLS[number // 10 % 3]
        stream.judge(an_event(agent, at=number, id=f"e-{number}", tool=tool, session=session))
    view = stream.agent_state("clerk-1").view.view
    rates = view.fleet.windows[len(STATISTICS) + len(FEATURES) + METRICS.index("rate_minute")]
    stream.engine.fleet.publish()
    before = rates.above(MIN_BITS)
    for number in range(80):
        at = 3_000 + number / 100
        stream.judge(an_event("clerk-0", at=at, id=f"bulk-{number}", session="bulk"))
    stream.engine.fleet.publish()
    assert before < rates.above(MIN_BITS) <= before + 10  # until it is unusual, and one


@pytest.mark.parametrize(("alerts_per_day", "shown"), [(1e-12, True), (1e9, False)])
def test_events_of_trusted_history_that_would_alert_teach_peers_nothing(
    a_stream, an_event, odd, alerts_per_day, shown
):
    stream = a_stream(**SETTINGS, gate=0.05, alerts_per_day=alerts_per_day, drift_tests=1e30)
    stream.engine.trusted_history = True
    for number in range(300):
        tool, session = TOOLS[number % 2], f"s-{number // 6}"
        stream.judge(an_event(at=number, tool=tool, session=session))
    facts = stream.agent_state(AGENT).profile.facts
    before = facts.contributed_us
    judged = stream.judge(odd(at=400))
    assert not judged.alert
    assert any(judged.exceeded()) is not shown
    assert (facts.contributed_us != before) is shown


def test_event_held_without_an_alert_is_learned_after_enough_distinct_days(a_stream, an_event):
    stream = a_stream(**SETTINGS, gate=0.05, alerts_per_day=1e-12, held_days=3)
    baseline = stream.agent_state(AGENT).profile.baseline
    place = next(p for p in slots_of(stream.engine.hasher) if p.name == "tool")

    def a_day(day: int) -> None:
        for number in range(300):
            tool, session = TOOLS[number % 2], f"s-{day}-{number // 6}"
            stream.judge(an_event(at=day * DAY + number, tool=tool, session=session))

    a_day(0)
    counted = []
    for day in range(1, 5):
        a_day(day)
        for use in range(5):
            at = day * DAY + 301 + use
            judged = stream.judge(an_event(at=at, tool="crm.find", session=f"n-{day}"))
            assert not judged.alert
        counted.append(baseline.count_of(place, "crm.find") > 0)
    assert counted == [False, False, True, True]


@pytest.mark.parametrize(
    ("severity", "status", "shown"),
    [("high", "open", 2), ("high", "dismissed", 4), ("low", "open", 4), ("medium", "confirmed", 2)],
)
def test_peers_learn_held_events_once_a_day_after_an_alert(
    a_stream, an_event, severity, status, shown
):
    stream = a_stream(**SETTINGS, gate=0.05, alerts_per_day=1e-12, drift_tests=1e30)
    for number in range(300):
        tool, session = TOOLS[number % 2], f"s-{number // 6}"
        first = stream.judge(an_event(at=number, tool=tool, session=session))
    agent_state = stream.agent_state(AGENT)
    item = Item("k", "a-1", first.time_us, severity, "tool.new", "tools", status=status)
    agent_state.trust.ledger.add(item)
    seen = set()
    for hours in (1.5, 3.0, 4.5, 26.0):
        judged = stream.judge(an_event(at=300 + 60 * hours, tool="iam.grant", session=f"o-{hours}"))
        assert held(judged)
        assert not judged.alert
        seen.add(agent_state.profile.facts.contributed_us)
    assert len(seen) == shown


def test_trusted_history_is_learned_completely(known, odd):
    known.engine.trusted_history = True
    judged = known.judge(odd())
    assert judged.learned
    assert not judged.alert


def test_learning_agent_holds_only_events_with_a_rule_finding(a_stream, an_event):
    stream = a_stream(pool_minimum=20, learning_sessions=50)
    judged = [
        stream.judge(an_event(at=number, tool=f"tool-{number}", session=f"s-{number}"))
        for number in range(50)
    ]
    assert all(one.learned for one in judged)
    assert stream.agent_state(AGENT).profile.state() == "learning"


def test_a_deployment_starts_relearning_and_never_raises_trust(known, an_event):
    agent_state = known.agent_state(AGENT)
    baseline = agent_state.profile.baseline
    place = next(p for p in slots_of(known.engine.hasher) if p.name == "tool")
    before = baseline.count_of(place, "mail.read")
    ledger = msgspec.msgpack.encode(agent_state.trust.ledger)
    known.judge(an_event(at=320, kind="deployment", version="2"))
    assert agent_state.profile.state() == "relearning"
    assert baseline.count_of(place, "mail.read") == pytest.approx(
        before * ModelConfig().relearning_factor, abs=1
    )
    assert msgspec.msgpack.encode(agent_state.trust.ledger) == ledger
    judged = known.judge(an_event(at=321, version="2", session="v2"))
    assert judged.p_pool != "agent"
    assert judged.learned


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        ({"adds_tool": "crm.merge"}, True),
        ({"adds_tool": "iam.list"}, False),
        ({}, False),
    ],
    ids=["another tool was announced", "it was announced", "nothing is said of tools"],
)
def test_unannounced_tool_of_a_deployment_is_reported(known, an_event, notes, told):
    known.judge(an_event(at=320, kind="deployment", version="2", attributes=notes))
    seldom = known.judge(an_event(at=321, version="2", session="v2", tool="crm.note"))
    strange = known.judge(an_event(at=322, version="2", session="v2", tool="iam.list"))
    assert seldom.p > 0.5
    assert (strange.p < 0.15) == told, "as rare as a hundred events of the fleet can tell"


def test_volume_is_learned_at_the_end_of_its_hour_and_scored_during_it(a_stream, an_event):
    stream = a_stream()

    def send(minute: float, amount: int):
        volume = Volume(bytes_out=amount)
        return stream.judge(an_event(at=minute, volume=volume, session=f"s-{minute // 60}"))

    for hour in range(12):
        send(hour * 60, 1_000)
        send(hour * 60 + 30, 1_000 + hour)
    level = stream.agent_state(AGENT).profile.baseline.volumes["bytes_out_hour"]
    assert level.n == 11, "the open hour is not learned"
    usual = send(12 * 60, 2_000)
    burst = send(12 * 60 + 1, 500_000)
    assert level.n == 12
    assert burst.s_sum > usual.s_sum + 10
    assert stream.agent_state(AGENT).profile.facts.hour == usual.time_us // HOUR_US


def test_l1_confirmed_incident_is_not_learned(a_stream, an_event):
    stream = a_stream(**SETTINGS)
    for number in range(40):
        stream.judge(an_event(at=number, version="1", session=f"s-{number // 5}"))
    first = stream.judge(an_event(at=60, version="9", session="odd"))
    assert first.anomaly == "config.change"
    assert first.learned, "a low finding alone keeps nothing out"
    items = stream.agent_state(AGENT).trust.ledger.items
    items[first.key] = msgspec.structs.replace(items[first.key], status="confirmed")
    before = learned(stream)
    second = stream.judge(an_event(at=61, version="10", session="odd"))
    assert second.key == first.key
    assert held(second)
    assert learned(stream) == before
