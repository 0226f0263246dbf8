"""Identity items of every mode count in the trust of each mode of the agent."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.event import Mode
from models.trust.agent_evidence import ledger_in
from models.trust.ledger import FULL_DAY, MAX_ITEMS, STRUCK, Facet, Item, Ledger
from models.trust.levels import LEVELS, LevelState, advance, level_of
from models.trust.opinion import effects, opinion
from models.trust.policy import SEVERITIES, TrustPolicy
from models.trust.response import Answer, encode, trust_answer
from models.trust.state import TrustState
from models.units import DAY_US

POLICY = TrustPolicy()
TODAY = 20_500
AT = TODAY * DAY_US + DAY_US // 2
MODES = get_args(Mode)
OF_ONE_MODE = [facet for facet in get_args(Facet) if facet != "identity"]


def a_state(mode: str, days: dict[int, int], *items: Item, level: Any = None) -> TrustState:
    ledger = Ledger(days, {item.key: item for item in items})
    level_state = LevelState(level or level_of(opinion(ledger, AT).lower))
    return TrustState(agent_id="a", mode=mode, ledger=ledger, level_state=level_state)


def stolen(key: str = "k", **changes) -> Item:
    return replace(Item(key, f"an-{key}", AT, "critical", "cred.reuse", "identity"), **changes)


def ask(states: list[TrustState], mode: str | None = None, at_us: int = AT) -> Answer:
    return trust_answer(states, "a", at_us, at_us, POLICY, mode=mode)


CLEAN = dict.fromkeys(range(TODAY - 120, TODAY + 1), FULL_DAY)

days = st.dictionaries(
    st.integers(TODAY - 60, TODAY), st.sampled_from([1, 7, FULL_DAY]), max_size=12
) | st.just(CLEAN)


def items(facets: list[str], prefix: str = "") -> st.SearchStrategy[list[Item]]:
    one = st.builds(
        Item,
        st.sampled_from([prefix + key for key in "abcdef"]),
        st.sampled_from(["an-1", "an-2"]),
        st.integers(AT - 90 * DAY_US, AT + DAY_US),
        st.sampled_from(SEVERITIES),
        st.just("cred.reuse"),
        st.sampled_from(facets),
        st.sampled_from([0.25, 0.6, 1.0]),
        st.sampled_from(["open", "confirmed", "dismissed"]),
    )
    return st.lists(one, max_size=4)


def agents(facets: list[str]) -> st.SearchStrategy[list[TrustState]]:
    def of(mode: str) -> st.SearchStrategy[TrustState]:
        return st.builds(
            lambda known, found, level: a_state(mode, dict(known), *found, level=level),
            days, items(facets, mode), st.sampled_from(LEVELS),
        )  # fmt: skip

    return st.lists(st.sampled_from(MODES), unique=True, max_size=3).flatmap(
        lambda modes: st.tuples(*map(of, modes)).map(list)
    )


asked = st.none() | st.sampled_from(MODES)


def test_credential_stolen_in_one_mode_lowers_trust_in_every_mode():
    states = [a_state("autonomous", CLEAN, stolen()), a_state("delegated", CLEAN)]
    for mode in ("delegated", "autonomous", None):
        answer = ask(states, mode)
        assert answer.level == "watch"
        assert [reason.anomaly for reason in answer.reasons] == ["cred.reuse"]
        assert answer.facets.identity < 60 < answer.facets.tools


def test_stolen_credential_lowers_trust_in_a_mode_without_events():
    answer = ask([a_state("autonomous", CLEAN, stolen())], "delegated")
    assert answer.state == "unknown"
    assert answer.score < 50
    assert [reason.id for reason in answer.reasons] == ["an-k"]


def test_finding_of_another_facet_affects_only_its_mode():
    odd = stolen(anomaly="tool.new", facet="tools")
    states = [a_state("autonomous", CLEAN, odd), a_state("delegated", CLEAN)]
    assert ask(states, "delegated").level == "trusted"
    assert ask(states, "delegated").reasons == []


def test_an_item_under_one_key_in_two_modes_counts_once():
    both = [a_state("autonomous", CLEAN, stolen()), a_state("delegated", CLEAN, stolen())]
    one = [a_state("autonomous", CLEAN, stolen()), a_state("delegated", CLEAN)]
    assert ask(both, "delegated") == ask(one, "delegated")


def test_a_dismissed_item_counts_in_no_mode():
    states = [
        a_state("autonomous", CLEAN, stolen(status="dismissed")),
        a_state("delegated", CLEAN),
    ]
    assert encode(ask(states, "delegated")) == encode(ask([a_state("delegated", CLEAN)]))


def test_identity_items_bound_the_validity_of_an_answer():
    soon = stolen(at_us=AT + 20_000_000)
    states = [a_state("autonomous", CLEAN, soon), a_state("delegated", CLEAN)]
    answer = ask(states, "delegated")
    assert answer.level == "trusted"
    assert answer.valid_until < ask([a_state("delegated", CLEAN)]).valid_until


@given(agents(list(get_args(Facet))), asked)
def test_identity_items_of_all_modes_bound_every_answer(states, mode):
    answer = ask(states, mode)
    bounds = []
    for one in states if mode is None else [s for s in states if s.mode == mode]:
        alone = replace(one, ledger=Ledger(one.ledger.days))
        whole = Ledger(dict(one.ledger.days))
        for item in ledger_in(alone, [s for s in states if s is not one], POLICY).items.values():
            if item.facet == "identity":
                whole.add(item)
        for item in one.ledger.items.values():
            if item.facet == "identity":
                whole.add(item)
        found = opinion(whole, AT).lower
        bounds.append((found, LEVELS.index(advance(one.level_state, found, AT).level)))
    if bounds:
        assert answer.lower <= min(lower for lower, _ in bounds)
        assert LEVELS.index(answer.level) <= max(level for _, level in bounds)


@given(agents(list(get_args(Facet))), items(["identity"], "new"), st.sampled_from(MODES), asked)
def test_identity_item_never_raises_an_answer(states, found, where, mode):
    before = ask(states, mode)
    if all(one.mode != where for one in states):
        states = [*states, a_state(where, {})]
        before = ask(states, mode)
    for item in found:
        next(one for one in states if one.mode == where).ledger.add(item)
    after = ask(states, mode)
    assert after.lower <= before.lower
    assert LEVELS.index(after.level) <= LEVELS.index(before.level)
    # The mode with the lowest bound speaks; another mode may have another score above its bound.
    if after.mode == before.mode:
        assert after.score <= before.score
        assert after.facets.identity <= before.facets.identity


@given(agents(OF_ONE_MODE), asked)
def test_answer_without_identity_items_is_that_of_its_mode(states, mode):
    answer = ask(states, mode)
    own = [one for one in states if one.mode == answer.mode]
    assert encode(answer) == encode(ask(own, mode))
    body = json.loads(encode(answer))
    clean = {day: n for one in own for day, n in one.ledger.days.items()}
    assert body["facets"]["identity"] == ask([a_state("unknown", clean)]).facets.tools


def test_flood_in_one_mode_evicts_no_identity_item():
    ledger = Ledger(dict(CLEAN))
    ledger.add(stolen(severity="low"))
    for number in range(MAX_ITEMS + 50):
        ledger.add(Item(f"t{number}", "an-t", AT, "critical", "tool.new", "tools"))
    assert "k" in ledger.items
    assert len(ledger.items) == MAX_ITEMS + 1


def test_days_of_evicted_identity_items_count_in_no_mode():
    ledger = Ledger(dict(CLEAN))
    ledger.add(stolen("old", severity="low", at_us=AT - 30 * DAY_US))
    for number in range(MAX_ITEMS):
        ledger.add(stolen(f"k{number}"))
    assert "old" not in ledger.items
    flooded = TrustState(agent_id="a", mode="autonomous", ledger=ledger)
    other = a_state("delegated", CLEAN)
    assert ledger_in(other, [flooded], POLICY).days[TODAY - 30] == STRUCK


@pytest.mark.parametrize("mode", MODES)
def test_effects_are_exact_with_items_of_other_modes(mode):
    states = [a_state("autonomous", CLEAN, stolen()), a_state("delegated", CLEAN)]
    one = next((s for s in states if s.mode == mode), a_state(mode, {}))
    ledger = ledger_in(one, states, POLICY)
    (effect,) = effects(ledger, AT)
    without = opinion(Ledger(one.ledger.days), AT).score
    assert effect.effect == pytest.approx(opinion(ledger, AT).score - without)


def test_answer_with_one_more_key_has_the_same_other_keys():
    body = encode(ask([a_state("delegated", CLEAN)]))
    assert msgspec.json.decode(body, type=Answer).facets.identity == 92
