"""Quarantine and release: two steps, applied by the worker, held until a person releases."""

from __future__ import annotations

import msgspec
import pytest

from models.units import MINUTE_US
from pipeline.casework.deciding import decide
from pipeline.casework.desk import Desk
from pipeline.casework.gates import VALID_US, set_gate
from pipeline.casework.refusal import Refusal
from tests.pipeline.casework.desks import GHOST, OTHER, WorkingDesk, an_event


def shut(desk: WorkingDesk, action: str = "quarantine", agent: str = GHOST) -> None:
    confirm = set_gate(desk.person, agent, action, "why")["confirm"]
    assert set_gate(desk.person, agent, action, "why", confirm)["done"]


def test_the_first_step_says_what_the_second_does_and_changes_nothing(desk):
    first = set_gate(desk.person, GHOST, "quarantine", "a key leaked")
    assert not first["done"]
    assert first["before"]["gate"] == "open"
    after = first["after"]
    assert after["gate"] == "quarantined"
    assert after["obligations"]["max_credential_ttl_s"] == 0
    assert desk.store.audit.of("gate", GHOST) == []
    desk.beat()
    assert desk.gate() == "open"
    second = set_gate(desk.person, GHOST, "quarantine", "a key leaked", first["confirm"])
    assert second["done"]
    assert second["after"] == after
    desk.beat()
    assert (desk.gate(GHOST), desk.gate(OTHER)) == ("quarantined", "open")
    (answer,) = desk.answers
    sent = {name: answer[name] for name in ("gate", "level", "score", "lower", "obligations")}
    assert sent == after
    (entry,) = desk.store.audit.of("gate", GHOST)
    assert (entry.by, entry.reason, entry.at_us) == ("ops", "a key leaked", desk.now_us)


def test_release_opens_the_gate_and_leaves_the_evidence(desk):
    evidence = desk.item()
    shut(desk)
    desk.beat()
    shut(desk, "release")
    desk.beat()
    assert (desk.gate(), desk.item()) == ("open", evidence)
    assert [one.action for one in desk.store.audit.of("gate", GHOST)] == ["quarantine", "release"]


def test_nothing_is_learned_during_a_quarantine_also_in_a_new_mode(desk):
    desk.judge(an_event("c-1", "clerk-1", credential=None))
    shut(desk, agent="clerk-1")
    desk.beat()
    for mode in ("delegated", "autonomous"):
        desk.judge(an_event(f"c-{mode}", "clerk-1", 5, credential=None, mode=mode))
    states = {one.mode: one for one in desk.store.states("clerk-1")}
    assert {one.level_state.gate for one in states.values()} == {"quarantined"}
    assert states["autonomous"].ledger.days == {}
    shut(desk, "release", "clerk-1")
    desk.judge(an_event("c-9", "clerk-1", 9, credential=None, mode="autonomous"))
    states = {one.mode: one for one in desk.store.states("clerk-1")}
    assert {one.level_state.gate for one in states.values()} == {"open"}
    assert states["autonomous"].ledger.days != {}


def test_an_undone_decision_opens_no_gate_that_a_person_shut(desk):
    desk.decide("malicious")
    desk.beat()
    shut(desk)  # the gate is shut already, by evidence: now it stays shut without it
    undo = decide(desk.person, desk.case["case_id"], desk.case["version"], None, "a drill")
    assert undo["gate"] == "quarantined"
    desk.beat()
    assert (desk.gate(GHOST), desk.gate(OTHER)) == ("quarantined", "open")


def test_a_gate_counts_as_set_before_the_commit_that_sets_it(desk):
    shut(desk)
    with pytest.raises(Refusal, match="quarantined already"):
        set_gate(desk.person, GHOST, "quarantine", "again")
    shut(desk, "release")
    desk.beat()
    assert desk.gate() == "open"


def test_a_worker_that_starts_later_sets_the_gate_once(desk):
    shut(desk)
    desk.restart()
    desk.beat()
    assert desk.gate() == "quarantined"
    assert desk.store.audit.due(10) == []


def test_a_confirmation_holds_for_one_agent_action_person_state_and_time(desk):
    confirm = set_gate(desk.person, GHOST, "quarantine", "why")["confirm"]
    other = set_gate(desk.person, OTHER, "quarantine", "why")["confirm"]
    stranger = Desk(desk.store, desk.worker.policy, desk.person.obligations, "eve", desk.now_us)
    for person, word in ((desk.person, other), (stranger, confirm), (desk.person, confirm + "0")):
        with pytest.raises(Refusal, match="confirmation is of another"):
            set_gate(person, GHOST, "quarantine", "why", word)
    desk.now_us += VALID_US + 1
    with pytest.raises(Refusal, match="is over"):
        set_gate(desk.person, GHOST, "quarantine", "why", confirm)
    desk.now_us -= MINUTE_US
    shut(desk)
    shut(desk, "release")
    with pytest.raises(Refusal, match="confirmation is of another"):
        set_gate(desk.person, GHOST, "quarantine", "why", confirm)
    assert [one.version for one in desk.store.audit.of("gate", GHOST)] == [0, 1]


def test_one_of_two_people_at_once_is_refused(desk):
    first = set_gate(desk.person, GHOST, "quarantine", "why")["confirm"]
    log = desk.store.audit
    (entry,) = [
        msgspec.structs.replace(one, action="quarantine", object=GHOST, version=0)
        for one in [desk.decide("unclear")]
    ]
    real, log.latest = log.latest, lambda *_: None  # what the second has read before the first
    try:
        assert log.add(entry)
        with pytest.raises(Refusal, match="somebody else"):
            set_gate(desk.person, GHOST, "quarantine", "why", first)
    finally:
        log.latest = real


def test_quarantine_of_an_agent_before_its_first_event_holds_from_that_event(desk):
    first = set_gate(desk.person, "newcomer", "quarantine", "why")
    assert (first["known"], first["before"]["gate"]) == (False, "open")
    assert first["after"]["gate"] == "quarantined"
    shut(desk, agent="newcomer")
    desk.beat()
    desk.restart()
    with pytest.raises(Refusal, match="quarantined already"):
        set_gate(desk.person, "newcomer", "quarantine", "again")
    desk.judge(an_event("n-1", "newcomer", credential=None))
    (state,) = desk.store.states("newcomer")
    assert (state.level_state.gate, state.ledger.days) == ("quarantined", {})
    assert set_gate(desk.person, "newcomer", "release", "fine")["known"]


def test_quarantine_that_is_lifted_before_the_first_event_shuts_nothing(desk):
    shut(desk, agent="newcomer")
    desk.beat()
    shut(desk, "release", "newcomer")
    desk.beat()
    desk.judge(an_event("n-1", "newcomer", credential=None))
    assert desk.gate("newcomer") == "open"


def test_ids_that_no_agent_has_and_releases_of_unknown_agents_are_refused(desk):
    with pytest.raises(Refusal, match="no such agent"):
        set_gate(desk.person, "nobody", "release", "why")
    for name in ("", "a" * 257):
        with pytest.raises(Refusal, match="1 to 256 characters"):
            set_gate(desk.person, name, "quarantine", "why")
    with pytest.raises(Refusal, match="open already"):
        set_gate(desk.person, GHOST, "release", "why")
