"""The shared state is the same for one shard and for several, in any order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.behaviour.relations import Report
from models.behaviour.series import INDEX, SERIES
from models.behaviour.shared import SharedBehaviour
from models.behaviour.spread import Young
from models.behaviour.state import Behaviour, OpenDay
from models.codec.hashing import Hasher
from models.errors import StateError
from models.units import DAY_US

SECRET = b"0123456789abcdef0123456789abcdef"
LAST = 130
days = st.integers(0, LAST)
agents = st.integers(1, 6)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("active"), days, agents),
        st.tuples(st.just("learn"), agents, st.integers(100, 104)),
        st.tuples(st.just("novelty"), days, st.integers(0, 3)),
        st.tuples(st.just("day"), days, agents, st.floats(0, 20)),
        st.tuples(st.just("spread"), days, agents, st.integers(200, 202)),
        st.tuples(st.just("report"), days, agents),
    ),
    max_size=30,
)


def shared() -> SharedBehaviour:
    return SharedBehaviour(Hasher(SECRET), SERIES)


def perform(shard: SharedBehaviour, done: list[tuple]) -> bytes:
    """Let a shard see some actions; give its contribution."""
    for name, *values in done:
        if name == "active":
            shard.note_active(*values)
        elif name == "learn":
            shard.knowledge.learn(f"role {values[0] % 2}", values[0], [values[1]])
        elif name == "novelty":
            own = Behaviour(1, "role", 0).rates
            path = shard.novelty.path("tool", "", "role")
            shard.novelty.count(values[0], path, own, values[1])
        elif name == "day":
            day, agent, bits = values
            behaviour = Behaviour(agent, f"role {agent % 2}", 0)
            maxima = {INDEX["data"]: bits}
            shard.rates.close(day, behaviour.role, None, behaviour.maxima, maxima)
            shard.combined.close(day, behaviour.role, "new" if agent > 4 else None, None, {0: bits})
            shard.amounts.close(behaviour, day, OpenDay(None, {}, {0: bits}))
        elif name == "spread":
            day, role, mark = values
            young = Young(day * DAY_US, [role], (1, 2))
            shard.spread.pending.setdefault(mark, young).join(young)
        else:
            day, agent = values
            report = Report(day * DAY_US, agent)
            shard.relations.pending.setdefault(agent, report).join(report)
    return shard.contribution()


def published(contributions: list[bytes]) -> bytes:
    """Give the bytes of a state that publishes contributions."""
    state = shared()
    state.publish(contributions, LAST * DAY_US)
    return state.dump()


@given(actions, actions)
def test_k3_several_shards_publish_the_state_of_one(first: list, second: list) -> None:
    one = perform(shared(), first)
    other = perform(shared(), second)
    together = perform(shared(), first + second)
    assert published([one, other]) == published([other, one]) == published([together])


@given(actions)
def test_a_state_that_was_stored_gives_the_same_bytes_and_rarities(done: list) -> None:
    state = shared()
    state.publish([perform(shared(), done)], LAST * DAY_US)
    again = shared()
    again.load(state.dump(), LAST)
    assert again.dump() == state.dump()
    for bits in (1.0, 7.0, 19.0):
        assert again.rates.rarity(None, "role 1", None, INDEX["data"], bits) == state.rates.rarity(
            None, "role 1", None, INDEX["data"], bits
        )
    assert again.active_agents(LAST) == state.active_agents(LAST)


def test_bytes_of_no_state_are_refused() -> None:
    with pytest.raises(StateError, match="shared behaviour cannot be read"):
        shared().load(b"\xc1", 0)
    with pytest.raises(StateError, match="contribution cannot be read"):
        shared().publish([b"\x01"], 0)
