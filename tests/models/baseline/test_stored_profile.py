"""What a profile leaves behind: small, exact, and refused when it is of another version."""

from __future__ import annotations

import zlib
from hmac import digest
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.baseline.profile import VERSION, OpenDay, Profile, is_before
from models.baseline.session import OpenScores, SessionScores, Subject, is_scores
from models.codec.hashing import Hasher
from models.errors import StateError
from models.trust.state import TrustState, registered_of, trust_bytes, trust_of
from tests.models.fleets import lively_work

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.models.conftest import Stream

MAX_BYTES = 6_000
SECRET = b"0123456789abcdef"


@pytest.fixture(scope="module")
def busy(a_known_stream: Callable[..., Stream]) -> Profile:
    """An agent with tools, resources and amounts of thirty days."""
    return a_known_stream(lively_work).agent_state("agent-1").profile


def test_a_typical_profile_is_small_without_compression(busy: Profile) -> None:
    raw = busy.dump()
    assert len(raw) <= MAX_BYTES
    assert len(busy.known) > 80
    assert Profile.load(raw, "agent-1", "unknown") == busy


@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1])
def test_a_profile_of_another_version_is_refused(busy: Profile, version: int) -> None:
    raw = bytes((version,)) + busy.dump()[1:]
    text = f"was written by version {version}, this is {VERSION}; upgrade, or move the store away"
    with pytest.raises(StateError, match=text):
        Profile.load(raw, "agent-1", "unknown")
    assert is_before(raw) is (version < VERSION)


@pytest.mark.parametrize("raw", [b"", b"\x00", zlib.compress(b"version 1"), b"\x94\x01\x02\x03"])
def test_bytes_that_are_not_a_profile_are_refused(raw: bytes) -> None:
    with pytest.raises(StateError, match="agent 'billing-7' was written by version"):
        Profile.load(raw, "billing-7", "unknown")


@pytest.mark.parametrize("cut", [1, 2, 10, 100])
def test_a_profile_that_ends_early_is_refused(busy: Profile, cut: int) -> None:
    with pytest.raises(StateError, match="cannot be read"):
        Profile.load(busy.dump()[:-cut], "agent-1", "unknown")


marks = st.integers(0, 2**32 - 1)
profiles = st.builds(
    Profile,
    agent_id=st.just("a"),
    mode=st.just("unknown"),
    role=st.text(max_size=4),
    mark=st.integers(0, 2**64 - 1),
    first_us=st.integers(0, 2**50),
    last_us=st.integers(2**50, 2**51),
    versions=st.lists(st.text(max_size=3), max_size=3),
    known=st.dictionaries(marks, st.integers(600, 900), max_size=20),
    held=st.dictionaries(marks, st.lists(st.integers(0, 30_000), min_size=1, max_size=3)),
    open_days=st.dictionaries(
        st.integers(20_000, 20_009),
        st.builds(
            OpenDay,
            st.sampled_from([None, "new", "deployed"]),
            st.dictionaries(st.integers(0, 2**20), st.floats(0, 90), max_size=4),
            st.dictionaries(st.integers(0, 2**20), st.floats(0, 1e12), max_size=4),
            st.floats(0, 90),
        ),
        max_size=3,
    ),
)


@given(profiles)
def test_any_profile_survives_its_bytes_and_equal_ones_have_equal_bytes(profile: Profile) -> None:
    raw = profile.dump()
    back = Profile.load(raw, "a", "unknown")
    assert back == profile
    assert back.dump() == raw
    other = Profile.load(raw, "a", "unknown")
    other.known = dict(reversed(other.known.items()))
    other.open_days = dict(reversed(other.open_days.items()))
    assert other.dump() == raw


def test_scores_of_open_sessions_survive_and_end() -> None:
    scores, again = OpenScores(Hasher(SECRET)), OpenScores(Hasher(SECRET))
    found = scores.of("a", "unknown", 1)
    found.bits[7] = 3.0
    found.subjects[7] = Subject(3.0, 2, "tool", 9, "crm.find")
    changed, gone = scores.dump()
    assert gone == []
    assert all(is_scores(blob) for _, blob in changed)
    again.load(changed)
    assert again.of("a", "unknown", 1) == found
    assert scores.of("a", "delegated", 1) == SessionScores(
        scores.of("a", "delegated", 1).mark
    )  # another one
    scores.dump()
    scores.close("a", "unknown", 1)
    assert scores.dump() == ([], [key for key, _ in changed])
    with pytest.raises(StateError, match="scores of a session cannot be read"):
        again.load([(7, b"\xc1S\x01")])


@pytest.mark.parametrize("registered", [None, True, False])
def test_stored_trust_has_registration_and_claims(registered: bool | None) -> None:
    claims = {"role": "data-steward"} if registered is False else {}
    state = TrustState(agent_id="a", mode="delegated", registered=registered, claims=claims)
    assert trust_of(trust_bytes(state), "a", "delegated") == state
    assert registered_of([state]) is registered


@given(st.binary(min_size=16, max_size=64), st.text(max_size=200))
def test_u_is_drawn_by_hmac_sha256(key: bytes, text: str) -> None:
    raw = digest(key, text.encode("utf-8", "surrogatepass"), "sha256")
    expected = (int.from_bytes(raw[:6], "little") + 0.5) / (1 << 48)
    assert Hasher(key).uniform(text) == expected
