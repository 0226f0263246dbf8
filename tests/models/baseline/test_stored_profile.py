"""What a profile leaves behind: small, exact, and refused when it is of another version."""

from __future__ import annotations

import zlib
from hmac import digest
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.baseline.profile import VERSION, Profile
from models.baseline.volume_baseline import VolumeBaseline
from models.codec.hashing import Hasher
from models.config import ModelConfig
from models.errors import StateError
from models.kernel import native_kernel
from models.trust.state import TrustState, registered_of, trust_bytes, trust_of

KERNELS = [None, *filter(None, [native_kernel("auto")])]
KEY = ("billing-7", "delegated")
MAX_BYTES = 1_920
amounts = st.lists(st.floats(0, 1e12), max_size=40)


def a_busy_profile(days: int = 40) -> Profile:
    """An agent with a dozen tools, its own hours and places, for some weeks."""
    config = ModelConfig()
    profile = Profile.new("billing-7", "delegated", config)
    chance = Random(1)  # noqa: S311 - made-up data
    tools = [f"tool-{number}" for number in range(8)]
    for day in range(days):
        profile.frequency_model.roll(day)
        previous = "START"
        for _ in range(40):
            tool = chance.choice(tools)
            x = {"tool": tool, "previous_tool": previous, "hour": f"workday {8 + day % 9:02d}",
                 "outcome": "ok", "resource": f"crm/{tool}", "egress": "direct",
                 "sensitivity": "internal"}  # fmt: skip
            profile.baseline.learn_one(x)
            previous = tool
    for name in ("bytes_in_hour", "bytes_out_hour", "records_hour"):
        profile.baseline.learn_number(name, 1_000.0)
    for window in profile.frequency_model.windows:
        for _ in range(2_000):
            window.add(chance.expovariate(0.5))
    return profile


def test_a_typical_profile_is_small_without_compression():
    raw = a_busy_profile().dump()
    assert len(raw) <= MAX_BYTES
    assert Profile.load(raw, KEY, ModelConfig()).dump() == raw


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("version", "todo"),
    [(VERSION - 1, "move the store away"), (VERSION + 1, "upgrade, or move the store away")],
)
def test_profile_of_another_version_is_refused(version, todo, kernel):
    raw = a_busy_profile(2).dump()
    text = f"was written by version {version}, this is {VERSION}; {todo} to learn from scratch"
    with pytest.raises(StateError, match=text):
        Profile.load(bytes((version,)) + raw[1:], KEY, ModelConfig(), kernel)


@pytest.mark.parametrize("kernel", KERNELS[1:])
def test_kernel_stores_a_profile_in_the_layout_of_this_version(kernel):
    raw = a_busy_profile(2).dump()
    profile = Profile.load(raw, KEY, ModelConfig(), kernel)
    todo = "change VERSION in native/src/loop/agent.rs, and native/src/baseline/profile/stored.rs"
    assert profile.agent is not None, todo
    assert profile.dump() == raw, todo


@pytest.mark.parametrize("registered", [None, True, False])
def test_stored_profile_has_registration_and_claims(registered):
    claims = {"role": "data-steward"} if registered is False else {}
    state = TrustState(agent_id="a", mode="delegated", registered=registered, claims=claims)
    assert trust_of(trust_bytes(state), "a", "delegated") == state
    assert registered_of([state]) is registered


@pytest.mark.parametrize("raw", [b"", b"\x00", zlib.compress(b"version 1"), b"\x94\x01\x02\x03"])
def test_bytes_that_are_not_a_profile_are_refused(raw):
    with pytest.raises(StateError, match="another layout"):
        Profile.load(raw, KEY, ModelConfig())


@given(before=amounts, after=amounts)
def test_restored_counts_give_bitwise_equal_probabilities(before, after):
    through = VolumeBaseline()
    for value in before:
        through.learn(value)
    taken = VolumeBaseline.of(*through.state())
    for value in after:
        through.learn(value)
        taken.learn(value)
        assert (taken.n, taken.mean, taken.variance) == (through.n, through.mean, through.variance)
    assert taken.state() == through.state()


@given(st.binary(min_size=16, max_size=64), st.text(max_size=200))
def test_u_is_drawn_by_hmac_sha256(key, text):
    raw = digest(key, text.encode("utf-8", "surrogatepass"), "sha256")
    expected = (int.from_bytes(raw[:6], "little") + 0.5) / (1 << 48)
    assert Hasher(key).uniform(text) == expected
