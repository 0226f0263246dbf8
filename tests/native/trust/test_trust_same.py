"""Trust that the kernel looks at, and digests that it makes: those of the reference."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.baseline.agent_state import AgentState
from models.baseline.profile import Profile
from models.config import ModelConfig
from models.engine import Engine
from models.fast_path import FastPath
from models.kernel import native_kernel
from models.trust.ledger import FULL_DAY, STRUCK, Ledger
from models.trust.levels import LEVELS, LevelState
from models.trust.policy import TrustPolicy
from models.trust.response import trust_answer
from models.trust.state import TrustState
from models.units import DAY_US
from pipeline.store.seal import Seal

native = native_kernel("native" if os.environ.get("CI") == "true" else "auto")
pytestmark = pytest.mark.skipif(native is None, reason="habitus-native is not installed")

SECRET = b"0123456789abcdef"
MIDDAY = 20_000 * DAY_US + DAY_US // 2
POLICIES = (
    TrustPolicy(),
    TrustPolicy(positive_half_life_days=9.3, rise_hours=7.5, margin=2.0, stale_after_s=90),
    TrustPolicy(bounds={"watch": 10.0, "normal": 60.0, "trusted": 97.0}, prior_weight=6.0),
)

days = st.dictionaries(
    st.integers(19_700, 20_001), st.integers(1, FULL_DAY) | st.just(STRUCK), max_size=300
)
since = st.none() | st.integers(MIDDAY - 3 * DAY_US, MIDDAY)
level_states = st.builds(LevelState, st.sampled_from(LEVELS), st.tuples(since, since, since))


def quiet_of(policy: TrustPolicy) -> tuple[Engine, FastPath]:
    engine = Engine(ModelConfig(), SECRET, {}, policy)
    return engine, FastPath(engine, lambda *_: None, lambda _: "unknown")


QUIET = [quiet_of(policy) if native is not None else None for policy in POLICIES]


def agent_state(engine: Engine, mode: str, ledger: Ledger, level_state: LevelState) -> AgentState:
    trust = TrustState(
        agent_id="a", mode=mode, state="active", ledger=ledger, level_state=level_state,
        config_version="c",
    )  # fmt: skip
    one = AgentState(Profile.new("a", mode, engine.config, engine.kernel), trust)
    engine.pack(one)
    return one


@given(st.integers(0, 2), days, days, level_states, level_states, st.integers(-DAY_US, DAY_US))
def test_answers_are_those_of_the_reference(number, some, others, one, another, shift):
    found: Any = QUIET[number]
    engine, quiet = found
    modes = [
        agent_state(engine, mode, Ledger(dict(known)), level_state)
        for mode, known, level_state in (("autonomous", some, one), ("delegated", others, another))
    ]
    at_us = MIDDAY + shift
    states = [one.trust for one in modes]
    answer = quiet.answer(modes, at_us)
    if answer is not None:
        assert answer == trust_answer(states, "a", at_us, at_us, POLICIES[number])


def test_kernel_answers_for_a_trusted_agent_without_the_reference():
    found: Any = QUIET[0]
    engine, quiet = found
    known = dict.fromkeys(range(19_940, 20_001), FULL_DAY)
    one = agent_state(engine, "delegated", Ledger(known), LevelState("normal", (0, 0, None)))
    answer = quiet.answer([one], MIDDAY)
    assert answer is not None
    assert answer.level == "normal"


@given(st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=700)), max_size=9))
def test_digests_of_many_rows_are_those_of_each(rows):
    seal = Seal(SECRET, "profiles")
    assert seal.digests(rows) == [seal.digest(key, blob) for key, blob in rows]
