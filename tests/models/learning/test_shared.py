"""What agents share: several shards publish what one would, and bytes give it back whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.baseline.profile import OpenDay, Profile
from models.calibration.series import COMBINATION, SERIES
from models.codec.hashing import Hasher
from models.codec.stable_id import stable_id
from models.constants import MAX_KNOWERS
from models.detectors.relations import Report
from models.detectors.spread import Young
from models.detectors.traces import Trace
from models.errors import StateError
from models.learning.shared import (
    RATES,
    Contribution,
    SharedBehaviour,
    contribution_bytes,
    read_contribution,
)
from models.peers.joining import join_into
from models.units import DAY_US

SECRET = b"0123456789abcdef"
LAST = 130
DATA, CALLS = stable_id("data"), stable_id("calls")
days, agents = st.integers(0, LAST), st.integers(1, 6)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("active"), days, agents),
        st.tuples(st.just("learn"), agents, st.integers(100, 104)),
        st.tuples(st.just("novelty"), days, st.integers(0, 3)),
        st.tuples(st.just("day"), days, agents, st.floats(0, 20)),
        st.tuples(st.just("spread"), days, agents, st.integers(200, 202)),
        st.tuples(st.just("report"), days, agents),
        st.tuples(st.just("trace"), days, agents, st.integers(300, 301)),
    ),
    max_size=30,
)


def shared() -> SharedBehaviour:
    return SharedBehaviour(Hasher(SECRET), SERIES)


def perform(shard: SharedBehaviour, done: list[tuple]) -> Contribution:
    """Let a shard see some actions; give what it contributes."""
    for name, *values in done:
        if name == "active":
            shard.note_active(*values)
        elif name == "learn":
            shard.knowledge.learn(f"role {values[0] % 2}", values[0], [values[1]])
        elif name == "novelty":
            path = shard.novelty.path("tool", "", "role")
            shard.novelty.count(values[0], path, Profile("a", "unknown").rates, values[1])
        elif name == "day":
            _close_day(shard, *values)
        elif name == "spread":
            day, role, mark = values
            join_into(shard.spread.pending, [(mark, Young(day * DAY_US, [role], (1, 2)))])
        elif name == "report":
            day, agent = values
            join_into(shard.relations.pending, [(agent, Report(day * DAY_US, agent))])
        else:
            day, agent, mark = values
            join_into(shard.traces.pending, [(mark, Trace(day * DAY_US, [agent]))])
    return read_contribution(contribution_bytes(shard.waiting()))


def _close_day(shard: SharedBehaviour, day: int, agent: int, bits: float) -> None:
    profile = Profile(f"agent-{agent}", "unknown", role=f"role {agent % 2}", mark=agent)
    state = "new" if agent > 4 else None
    shard.rates.close(day, profile.role, state, profile.maxima, {DATA: bits})
    shard.combined.close(day, profile.role, state, None, {COMBINATION.id: bits})
    shard.amounts.close(profile, day, OpenDay(state, {}, {CALLS: bits}))


def published(contributions: list[Contribution]) -> list[tuple[str, bytes]]:
    """Give the bytes of a state that publishes contributions."""
    state = shared()
    state.head.watermark_us = LAST * DAY_US
    state.publish(contributions)
    return state.dump(whole=True)


@given(actions, actions)
def test_k3_several_shards_publish_the_state_of_one(first: list, second: list) -> None:
    one, other = perform(shared(), first), perform(shared(), second)
    together = perform(shared(), first + second)
    assert published([one, other]) == published([other, one]) == published([together])


@given(actions, actions)
def test_k3_a_reload_changes_nothing(first: list, second: list) -> None:
    """Stored and read at any point: what is read publishes and stores what the first one does."""
    state = shared()
    state.head.watermark_us = LAST * DAY_US
    state.publish([perform(shared(), first)])
    perform(state, second)
    again = shared()
    again.load(dict(state.dump(whole=True)))
    assert again.dump(whole=True) == state.dump(whole=True)
    for one in (state, again):
        one.publish([one.waiting()])
        one.wait(Contribution())
    assert again.dump(whole=True) == state.dump(whole=True)
    for bits in (1.0, 7.0, 19.0):
        found = [one.rates.rarity(None, "role 1", None, DATA, bits) for one in (state, again)]
        assert found[0] == found[1]
    assert again.active_agents(LAST) == state.active_agents(LAST)


@given(actions)
def test_parts_that_changed_add_up_to_the_whole_state(done: list) -> None:
    """A store gets the changes alone, one row beside the other."""
    state, rows = shared(), {}
    for action in done:
        perform(state, [action])
        rows |= dict(state.dump())
        state.publish([state.waiting()])
        state.wait(Contribution())
        rows |= dict(state.dump())
    again = shared()
    again.load(rows)
    assert again.dump(whole=True) == state.dump(whole=True)


@given(st.lists(st.integers(1, 9), min_size=1), st.integers(1, 9))
def test_m4_many_uses_of_one_agent_are_known_as_one_use(uses: list[int], asks: int) -> None:
    often, once = shared(), shared()
    for agent in uses:
        often.knowledge.learn("clerk", agent, [77])
        often.knowledge.learn("clerk", agent, [77])
    for agent in sorted(set(uses)):
        once.knowledge.learn("clerk", agent, [77])
    for one in (often, once):
        one.publish([one.waiting()])
    assert often.knowledge.knowers == once.knowledge.knowers
    assert all(len(known) <= MAX_KNOWERS for known in often.knowledge.knowers.values())
    for role in ("clerk", "buyer"):
        assert often.knowledge.level(role, asks, 77) == once.knowledge.level(role, asks, 77)


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["clerk", "buyer"])), max_size=12))
def test_m3_own_uses_leave_the_level_of_a_value_unchanged(uses: list) -> None:
    """Level by level: how new it is to an agent is what the others make of it."""
    mine = 3
    with_own, without = shared(), shared()
    for agent, role in uses:
        with_own.knowledge.learn(role, agent, [77])
        if agent != mine:
            without.knowledge.learn(role, agent, [77])
    for one in (with_own, without):
        one.publish([one.waiting()])
    for role in ("clerk", "buyer"):
        assert with_own.knowledge.level(role, mine, 77) == without.knowledge.level(role, mine, 77)


def test_empty_days_leave_the_size_of_the_fleet_unchanged() -> None:
    state = shared()
    for day in (1, 2, 3, 40):
        for agent in range(10):
            state.note_active(day, agent)
    state.publish([state.waiting()])
    assert state.active_agents(4) == state.active_agents(40) == state.active_agents(41) == 10.0
    assert state.active_agents(1) == 10.0, "without past days, of those that are known"
    assert shared().active_agents(1) == 1.0


def test_bytes_of_no_state_are_refused() -> None:
    with pytest.raises(StateError, match="shared behaviour cannot be read"):
        shared().load({RATES: b"\xc1"})
    with pytest.raises(StateError, match="contribution cannot be read"):
        read_contribution(b"\x01")
