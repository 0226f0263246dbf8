"""Both kernels hear the same agents, and remember when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.telemetry.last_seen import LastSeen
from tests.native.both import native, needs_native

pytestmark = needs_native

heard_of = st.lists(
    st.tuples(
        st.sampled_from(["a", "billing-7", "é"]),
        st.sampled_from(["delegated", "autonomous", "unknown"]), st.integers(0, 900),
    ), max_size=40,
)  # fmt: skip


@given(heard_of, st.integers(0, 2_000))
def test_agents_are_heard_alike(heard, later):
    both = [LastSeen(), native.LastSeen()]
    for agent_id, mode, hour in heard:
        for one in both:
            one.note(agent_id, mode, hour)
    stored_ = [dict(one.dump()) for one in both]
    assert stored_[0] == stored_[1]
    for agent_id, mode, hour in heard[::2]:  # changes beside the copies
        for one in both:
            one.note(agent_id, mode, hour + 30)
        changes = [one.dump() for one in both]
        assert changes[0] == changes[1]
        stored_[0] |= changes[0]
    fresh = [LastSeen(), native.LastSeen()]
    for one in fresh:
        one.load(stored_[0])
    assert len({repr(one.dump(whole=True)) for one in (*both, *fresh)}) == 1
    for name in ("a", "billing-7", "nobody"):
        assert both[0].silence(name, later) == both[1].silence(name, later)
        assert fresh[0].silence(name, later) == fresh[1].silence(name, later)
