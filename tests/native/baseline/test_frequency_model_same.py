"""The compiled habits give the numbers and the bytes of the reference, bit for bit."""

from __future__ import annotations

import importlib
import json
import os
from math import log2
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.baseline import frequency_model as reference
from models.baseline.counts import ADOPTION
from models.baseline.profile import Profile
from models.calibration import session_calibration as session_pools
from models.codec.hashing import Hasher, NativeHasher
from models.config import ModelConfig
from models.errors import StateError
from models.features.extraction import FEATURES
from models.features.feature_slots import LOW32, slots_of
from models.ranked import STATISTICS

KEY = b"0123456789abcdef"
CONFIG = ModelConfig(pool_minimum=12, agent_window=40, peer_window=60, daily_cap=3)
GROUPS = ("", "clerk/delegated", "auditor/delegated")
GATE = 0.1


def compiled() -> Any:
    """Give the compiled kernel; where it has to be there, its absence is an error."""
    try:
        return importlib.import_module("habitus_native")
    except ImportError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("habitus-native is not installed")


values = st.integers(0, 3)
acts = st.fixed_dictionaries(
    {"tool": values.map("tool-{}".format), "hour": values.map("workday 0{}".format)},
    optional={
        "previous_tool": values.map("tool-{}".format),
        "resource": st.sampled_from(("crm/#", "büro/straße", "x" * 80, "日本語" * 30)),
        "sensitivity": st.sampled_from(("public", "restricted")),
        "egress": st.sampled_from(("direct", "vpn")),
        "asn": values.map(str),
        "country": values.map("X{}".format),
        "outcome": st.sampled_from(("ok", "error")),
    },
)
quantities = st.one_of(st.none(), st.floats(0, 300))
agents = st.integers(0, 3)
days = st.integers(0, 40)
steps = st.one_of(
    st.tuples(st.just("act"), agents, acts, quantities, st.floats(0.001, 0.999), st.booleans()),
    st.tuples(st.just("act"), agents, acts, quantities, st.floats(0.001, 0.999), st.booleans()),
    st.tuples(st.just("held"), agents, acts, st.booleans()),
    st.tuples(st.just("publish"), days),
    st.tuples(st.just("day"), days),
    st.tuples(st.just("scale"), agents, st.sampled_from((0.2, 0.01, 1 / 3))),
    st.tuples(st.just("write")),
    st.tuples(st.just("reload")),
)


class World:
    """Some agents in some groups, in one kernel."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.groups = kernel.Groups(CONFIG, KEY)
        self.frequency_model = [kernel.FrequencyModel(CONFIG) for _ in range(4)]
        self.waiting: list[bytes] = []  # a copy and changes
        self.views = [self.groups.view(GROUPS[number % 3]) for number in range(4)]
        self.names = set(GROUPS)
        self.today = 0

    def step(self, name: str, *given: Any) -> Any:
        return getattr(self, name)(*given)

    def act(
        self, agent: int, x: dict[str, str], volume: float | None, u: float, vote: bool
    ) -> tuple[Any, ...]:
        frequency_model, view = self.frequency_model[agent], self.views[agent]
        found = frequency_model.surprise(view, x, {})
        statistics = [volume, found.total, found.peak, None]
        result = frequency_model.calibrate(view, statistics, u, own=vote)
        if vote:
            frequency_model.add_scores(view, statistics, result, GATE)
        frequency_model.learn(view, found, x, vote=vote)
        numbers = (found.total, found.maximum, found.peak, [tuple(one) for one in found.found])
        return numbers, list(result.each), result.p, result.lead, result.pool, result.n

    def held(self, agent: int, x: dict[str, str], vote: bool) -> None:
        self.frequency_model[agent].count(self.views[agent], x, vote=vote)

    def publish(self, later: int) -> list[str]:
        self.groups.publish(self.today + later)
        self.today += later
        self.waiting = []
        for frequency_model in self.frequency_model:
            frequency_model.published()
        return self.groups.changed()

    def day(self, later: int) -> None:
        self.today += later
        for frequency_model in self.frequency_model:
            frequency_model.roll(self.today)

    def scale(self, agent: int, factor: float) -> None:
        self.frequency_model[agent].scale(factor)

    def write(self) -> bytes:
        self.waiting.append(self.groups.dump_pending(since=bool(self.waiting)))
        self.groups.written_pending()
        return self.waiting[-1]

    def reload(self) -> list[bytes]:
        self.write()
        frequency_model = [frequency_model.dump() for frequency_model in self.frequency_model]
        groups = [self.groups.dump_group(name) for name in GROUPS]
        pending = self.groups.dump_pending()
        self.frequency_model = [
            self.kernel.FrequencyModel.load(raw, CONFIG) for raw in frequency_model
        ]
        fresh = self.kernel.Groups(CONFIG, KEY)
        fresh.roll(self.today)
        for name, raw in zip(GROUPS, groups, strict=True):
            fresh.load_group(name, raw)
        fresh.load_pending(self.waiting[0])
        for more in self.waiting[1:]:
            fresh.add_pending(more)
        assert fresh.dump_pending() == pending
        fresh.written_pending()
        self.groups = fresh
        self.views = [fresh.view(GROUPS[number % 3]) for number in range(4)]
        return [*frequency_model, *groups, *self.waiting]

    def state(self) -> list[Any]:
        rows = [frequency_model.rows() for frequency_model in self.frequency_model]
        return [*self.reload(), rows, [(list(h.typical_bits), h.day) for h in self.frequency_model],
                self.groups.size]  # fmt: skip


@settings(max_examples=150)
@given(st.lists(steps, max_size=80))
def test_both_kernels_give_the_same_numbers_and_bytes_for_any_sequence(sequence):
    worlds = [World(reference), World(compiled())]
    for step in sequence:
        first, second = (world.step(*step) for world in worlds)
        assert first == second, step
    assert worlds[0].state() == worlds[1].state()


@settings(max_examples=60)
@given(st.lists(steps, max_size=60), acts)
@pytest.mark.parametrize("which", ["reference", "compiled"])
def test_surprise_follows_the_backoff_from_counts_to_peers(which, sequence, x):
    world = World(reference if which == "reference" else compiled())
    for step in sequence:
        world.step(*step)
    slots, hasher = slots_of(Hasher(KEY)), Hasher(KEY)
    for frequency_model, view in zip(world.frequency_model, world.views, strict=True):
        expected = []
        for slot in slots:
            if slot.name not in x:
                continue
            value = hasher.of(x[slot.name]) & LOW32
            own_day = frequency_model.own_day(slot.node, value)
            q = view.probability(slot.index, value, own_day, slot.uniform)
            nodes = [slot.node]
            if slot.context in x:
                nodes.append(slot.context_node(x[slot.context]))
            for node in nodes:
                if node != slot.node and slot.together:
                    q = view.after(node, value, q)
                p = frequency_model.probability(node, value, q)
                if frequency_model.total_of(node):
                    q = (1 - ADOPTION) * p + ADOPTION * q
            expected.append((slot.index, -log2(q)))
        assert [tuple(one)[:2] for one in frequency_model.surprise(view, x, {}).found] == expected


@given(
    st.lists(st.floats(0, 300) | st.just(0.0), min_size=1, max_size=400)
    | st.lists(st.floats(0, 300), max_size=4).map(lambda few: [0.0] * 400 + few),
    st.floats(0, 300),
    st.floats(0, 1),
)
def test_both_windows_of_any_scores_give_the_same_p(past, score, u):
    worlds = [World(reference), World(compiled())]
    x = {"tool": "tool-1", "hour": "workday 01"}
    for world in worlds:
        view = world.views[1]
        nothing = world.frequency_model[1].calibrate(view, [None] * 4, 0.5, own=True)
        for value in past:
            world.frequency_model[1].add_scores(
                view, [value, None, value / 7, value / 3], nothing, GATE
            )
        assert world.frequency_model[1].surprise(view, x, {}).total == 12 + log2(14)
    assert worlds[0].step("publish", 0) == worlds[1].step("publish", 0)
    seen = []
    for world in worlds:
        ps = []
        for agent in (1, 2):  # by its own pool, and by the fleet's
            tested = [score, None, score / 7, score / 3]
            result = world.frequency_model[agent].calibrate(world.views[agent], tested, u, own=True)
            ps.append((list(result.each), result.p, result.pool, result.lead, result.n))
        seen.append(ps)
    assert seen[0] == seen[1]


@given(st.floats(0.1, 400), st.lists(st.integers(0, 400), max_size=6), st.integers(1, 40))
def test_both_kernels_fade_counts_alike_under_any_half_life(half_life_days, later, uses):
    config = ModelConfig(half_life_days=half_life_days, daily_cap=1_000)
    rows = []
    for kernel in (reference, compiled()):
        frequency_model, day = kernel.FrequencyModel(config), 0
        for step in later:
            for _ in range(uses):
                frequency_model.add(1, 7)
            day += step
            frequency_model.roll(day)
        rows.append((frequency_model.rows(), frequency_model.day, frequency_model.total_of(1)))
    assert rows[0] == rows[1]


def a_profile() -> Profile:
    profile = Profile.new("billing-7", "delegated", CONFIG)
    world = World(reference)
    for number in range(30):
        x = {"tool": f"tool-{number % 4}", "previous_tool": "START", "hour": "workday 01"}
        world.act(1, x, 3.0, 0.5, vote=True)
    profile.baseline.frequency_model = world.frequency_model[1]
    return profile


def test_a_profile_of_one_kernel_is_read_by_the_other():
    profile = a_profile()
    raw = profile.dump()
    through = Profile.load(raw, ("billing-7", "delegated"), CONFIG, compiled())
    assert through.dump() == raw
    through.use(None, CONFIG)
    assert isinstance(through.frequency_model, reference.FrequencyModel)
    assert through.dump() == raw


@pytest.mark.parametrize("which", ["reference", "compiled"])
def test_bytes_that_are_not_a_frequency_model_are_an_error(which):
    kernel = None if which == "reference" else compiled()
    good = a_profile().frequency_model.dump()
    load = (kernel or reference).FrequencyModel.load
    for end in range(len(good)):
        with pytest.raises(ValueError, match="habits"):
            load(good[:end], CONFIG)
    with pytest.raises(ValueError, match="habits"):
        load(good + b"\0", CONFIG)
    for at in range(len(good)):
        broken = bytearray(good)
        broken[at] ^= 0xFF
        try:
            load(bytes(broken), CONFIG).dump()
        except ValueError:
            continue
    with pytest.raises(StateError, match="another layout"):
        Profile.load(b"x\x9c old", ("a", "unknown"), CONFIG, kernel)


def test_both_kernels_have_the_same_features_and_statistics():
    native = compiled()
    assert len(native.FrequencyModel(CONFIG).typical_bits) == len(FEATURES)
    view = native.Groups(CONFIG, KEY).view("")
    statistics = [None] * len(STATISTICS)
    assert (
        list(native.FrequencyModel(CONFIG).calibrate(view, statistics, 0.5, own=True).each)
        == statistics
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.floats(0, 60), st.sampled_from((None, 0.5, 0.01))
        ),
        max_size=120,
    ),
    st.floats(0, 60), st.floats(0.001, 0.999), st.booleans(), st.sampled_from((None, 10)),
)  # fmt: skip
def test_sessions_are_ranked_alike(given_scores, score, u, linked_tails, of_role):
    native = compiled()
    sized = {"of_role": of_role, "linked_tails": linked_tails}
    both = [kind.SessionPools(40, **sized) for kind in (session_pools, native)]
    for role, past, p in given_scores:
        for pools in both:
            if p is None:
                pools.add(role, past)
            else:
                pools.offer(role, past, p)
    for other in both[::-1]:
        again = type(both[len(both) % 2])(40, **sized)
        again.load(other.dump())
        both = [*both, again]
    for role in ("a", "d"):
        assert len({pools.p_value(role, score, u) for pools in both}) == 1
    assert len({pools.dump() for pools in both}) == 1


@given(st.binary(min_size=16, max_size=64), st.lists(st.text(st.characters(), max_size=40)))
def test_keys_and_tie_breakers_are_alike(key, names):
    python, fast = Hasher(key), NativeHasher(key, compiled())
    for name in names:
        assert python.once(name) == fast.once(name)
        assert python.uniform(name) == fast.uniform(name)
    pairs = list(zip(names, names[::-1], strict=True))
    assert python.event_keys(pairs) == fast.event_keys(pairs)
    twice = b'{"a":1,"b":{"c":2,"c":null},"a":null}'
    written = json.dumps(names).encode(), json.dumps(dict(pairs), indent=1).encode()
    for content in (b"{}", twice, *written):
        assert python.content(content) == fast.content(content)


def test_json_that_is_nested_deeply_has_the_same_digest():
    python, fast = Hasher(KEY), NativeHasher(KEY, compiled())
    for depth in (127, 128, 129, 300):
        content = b"[" * depth + b"]" * depth
        assert python.content(content) == fast.content(content)
