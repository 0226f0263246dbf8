"""Decisions about cases as the worker applies them: evidence, baselines, cases and messages."""

from __future__ import annotations

import msgspec
import pytest

from models.baseline.profile import Profile
from models.trust.opinion import opinion
from pipeline.processing.judging.decided_cases import effect_of
from pipeline.store import Commit
from tests.pipeline.casework.desks import GHOST, OTHER, an_event, decision


@pytest.mark.parametrize("idle", [True, False])
@pytest.mark.parametrize("disposition", ["benign", "expected_change", "malicious"])
def test_a_decision_does_what_its_preview_says_and_closes_the_case(desk, disposition, idle):
    before = desk.case
    made = decision(before, disposition)
    states, held = desk.store.states(GHOST), desk.store.held(GHOST)
    effect = effect_of(before, made, states, held, desk.worker.policy)
    assert effect["trust"]["before"] == desk.score()
    assert effect["closes"] == [before["case_id"]]
    assert desk.item().status == "open"  # a preview saves nothing
    desk.decide(disposition)
    messages = desk.beat() if idle else desk.judge()
    assert [one["change"] for one in messages] == ["closed"]
    after = desk.case
    assert messages == [after]
    assert (after["status"], after["disposition"]) == ("closed", disposition)
    assert after["version"] == before["version"] + 1
    assert after["decision"]["by"] == "ops"
    assert effect["trust"]["after"] == desk.score()
    assert effect["gate"] == desk.gate()
    assert desk.beat() == []  # once
    assert desk.judge(an_event("e-3", minute=9)) == []  # its session still belongs to it
    assert desk.case["events"]["count"] == 3
    assert (desk.case["status"], desk.case["version"]) == ("closed", 2)


def test_t11_a_dismissed_case_leaves_the_trust_of_a_history_without_its_evidence(desk):
    (state,) = desk.store.states(GHOST)
    del state.ledger.items[desk.item().key]
    without = opinion(state.ledger, state.last_seen_us, desk.worker.policy)
    desk.decide("benign")
    desk.beat()
    (state,) = desk.store.states(GHOST)
    assert opinion(state.ledger, state.last_seen_us, desk.worker.policy) == without


def test_a_malicious_case_is_critical_for_all_its_agents_and_shuts_their_gates(desk):
    assert desk.case["agent_count"] == 2
    assert {desk.gate(GHOST), desk.gate(OTHER)} == {"open"}
    desk.decide("malicious")
    desk.beat()
    assert desk.case["severity"] == "critical"
    for agent in (GHOST, OTHER):
        assert (desk.item(agent).status, desk.item(agent).severity) == ("confirmed", "critical")
        assert desk.gate(agent) == "quarantined"


@pytest.mark.parametrize("disposition", ["benign", "malicious"])
def test_a_decision_taken_back_leaves_evidence_gate_and_scores_as_before(desk, disposition):
    before = (desk.item(), desk.score(), desk.gate(), desk.item(OTHER), desk.gate(OTHER))
    desk.decide(disposition)
    desk.beat()
    assert desk.item() != before[0]
    desk.decide(None)
    (message,) = desk.beat()
    assert (message["change"], message["status"], message["disposition"]) == (
        "opened",
        "open",
        None,
    )
    assert message["version"] == 3
    after = (desk.item(), desk.score(), desk.gate(), desk.item(OTHER), desk.gate(OTHER))
    assert after == before
    assert desk.case["severity"] == "high"
    desk.restart()
    desk.judge(an_event("e-3", minute=5, session="s-9"))  # joins the case again
    assert desk.case["case_id"] == message["case_id"]
    assert desk.case["events"]["count"] == 3


def test_unclear_is_a_note_and_events_still_join(desk):
    before, item = desk.case, desk.item()
    desk.decide("unclear")
    assert desk.beat() == []
    assert (desk.case["status"], desk.case["disposition"]) == ("open", "unclear")
    assert (desk.item(), desk.case["version"]) == (item, before["version"] + 1)
    desk.judge(an_event("e-3", minute=5))
    assert (desk.case["events"]["count"], desk.case["version"]) == (3, before["version"] + 1)
    assert desk.case["decision"]["reason"] == "looked at it"
    desk.decide("benign")
    assert [one["change"] for one in desk.beat()] == ["closed"]


def test_events_after_a_closed_case_open_a_new_one(desk):
    closed = desk.case["case_id"]
    desk.decide("benign")
    (done, opened) = desk.judge(an_event("e-3", minute=5, session="s-9"))
    assert (done["case_id"], done["change"]) == (closed, "closed")
    assert opened["change"] == "opened"
    assert opened["case_id"] != closed


def test_a_worker_that_starts_later_applies_a_decision_once(desk):
    desk.decide("benign")
    desk.restart()
    assert [one["change"] for one in desk.beat()] == ["closed"]
    desk.restart()
    assert desk.beat() == desk.judge() == []
    assert desk.case["version"] == 2


def test_values_that_wait_are_learned_dropped_or_wait_again(desk):
    case_id, mark, time_us = desk.case["case_id"], 77, 1_772_445_600_000_000
    row = ("e-1", GHOST, "delegated", time_us, msgspec.msgpack.encode((case_id, [mark])))
    other = ("e-0", GHOST, "delegated", time_us, msgspec.msgpack.encode(("C-other", [78])))
    desk.store.commit(Commit(held=[row, other]))

    def values() -> tuple[bool, bool]:
        (agent_state,) = desk.worker._agents.in_all_modes(GHOST)
        profile = Profile.load(agent_state.profile.dump(), GHOST, "delegated")
        return profile.knows(mark), mark in profile.held

    for disposition, expected, learned, dropped in (
        ("benign", (True, False), 1, 0),
        (None, (False, True), 0, 0),
        ("malicious", (False, False), 0, 1),
        (None, (False, True), 0, 0),
    ):
        made = decision(desk.case, disposition)
        states, held = desk.store.states(GHOST), desk.store.held(GHOST)
        effect = effect_of(desk.case, made, states, held, desk.worker.policy)
        assert (effect["events_learned"], effect["events_dropped"]) == (learned, dropped)
        desk.decide(disposition)
        desk.beat()
        desk.restart()
        assert values() == expected


def test_a_version_has_one_decision_and_the_log_keeps_all(desk):
    first = desk.decide("unclear")
    again = msgspec.structs.replace(first, disposition="malicious")
    assert not desk.store.audit.add(again)
    desk.beat()
    second = desk.decide("benign")
    assert desk.store.audit.of("case", first.object) == [first, second]
    assert [one for _, one in desk.store.audit.due(10)] == [second]
