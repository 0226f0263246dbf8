"""Merging, splitting and refusing: what holds from the commit on, and what stays shut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.casework import identities
from pipeline.casework.alias_list import changes_of, identity_of, listed
from pipeline.casework.deciding import decide
from pipeline.casework.gates import set_gate
from pipeline.casework.refusal import Refusal
from pipeline.identity.alias import Alias
from pipeline.identity.resolving import renamed
from pipeline.store import Commit
from tests.pipeline.casework.desks import GHOST, OTHER, WorkingDesk, an_event

if TYPE_CHECKING:
    from models.trust.state import TrustState

CANON = "canon-1"


def merge(desk: WorkingDesk, value: str = GHOST, agent_id: str = OTHER, **more: Any) -> Any:
    return identities.merge(desk.person, value, agent_id, "same workload", **more)


def split(desk: WorkingDesk, value: str = GHOST, **more: Any) -> Any:
    return identities.split(desk.person, value, "two after all", **more)


def events(desk: WorkingDesk, agent_id: str) -> int:
    return sum(state.events for state in desk.store.states(agent_id))


def shut(desk: WorkingDesk, agent_id: str, action: Any = "quarantine") -> None:
    confirm = set_gate(desk.person, agent_id, action, "why")["confirm"]
    assert set_gate(desk.person, agent_id, action, "why", confirm)["done"]
    desk.beat()


def state_of(desk: WorkingDesk, agent_id: str) -> TrustState:
    (state,) = desk.store.states(agent_id)
    return state


def proposed(desk: WorkingDesk, value: str) -> list[dict[str, Any]]:
    rows, _ = listed(desk.store, state="proposed")
    return [one for one in rows if one["alias"] == value]


def test_events_follow_a_merge_from_its_commit_on(desk):
    before = state_of(desk, GHOST)
    answer = merge(desk)
    assert (answer["done"], answer["version"], answer["gate"]) == (True, 1, "open")
    desk.judge(an_event("e-3", minute=2))  # in the batch whose commit applies the merge
    assert (events(desk, GHOST), events(desk, OTHER)) == (2, 1)
    desk.judge(an_event("e-4", minute=3), an_event("e-5", OTHER, 4))
    assert (events(desk, GHOST), events(desk, OTHER)) == (2, 3)
    assert state_of(desk, GHOST).first_seen_us == before.first_seen_us


def test_events_follow_a_split_from_its_commit_on(desk):
    merge(desk)
    desk.beat()
    desk.judge(an_event("e-3", minute=2))
    split(desk)
    desk.beat()
    desk.restart()
    desk.judge(an_event("e-4", minute=3))
    assert (events(desk, GHOST), events(desk, OTHER)) == (2, 2)
    found = [(one["change"], one["alias"], one["agent_id"], one["version"])
             for one in changes_of(desk.store, OTHER)]  # fmt: skip
    assert found == [("merge", GHOST, OTHER, 1), ("split", GHOST, OTHER, 2)]
    assert found == [(one["change"], one["alias"], one["agent_id"], one["version"])
                     for one in changes_of(desk.store, GHOST)]  # fmt: skip


def test_merge_changes_nothing_of_the_past(desk):
    queries = (
        "select * from cases order by id", "select * from anomalies order by id",
        "select * from held order by number", "select * from profiles order by agent_id, mode",
    )  # fmt: skip
    before = [desk.store._api.rows(query) for query in queries]
    assert before[0]
    merge(desk)
    desk.beat()
    assert [desk.store._api.rows(query) for query in queries] == before


def test_repeat_of_an_event_is_found_across_merge_and_split(desk):
    merge(desk)
    desk.beat()
    desk.judge(an_event("e-1"), an_event("e-3", minute=2))
    assert (events(desk, GHOST), events(desk, OTHER)) == (1, 2)
    split(desk)
    desk.beat()
    desk.judge(an_event("e-1"), an_event("e-3", minute=2))
    assert (events(desk, GHOST), events(desk, OTHER)) == (1, 2)
    assert desk.store.counters()["rejected_duplicate_id"] == 3


def test_two_identifiers_may_number_their_events_alike(desk):
    merge(desk)
    desk.beat()
    desk.judge(an_event("n-1", minute=2), an_event("n-1", OTHER, 3))
    assert events(desk, OTHER) == 3
    assert "telemetry.conflict" not in [one["anomaly"] for one in desk.store.anomalies()]


def test_quarantined_identifier_stays_quarantined_when_merged(desk):
    shut(desk, GHOST)
    assert merge(desk)["gate"] == "quarantined"
    desk.beat()
    assert desk.gate(OTHER) == "quarantined"
    (entry,) = desk.store.audit.of("gate", OTHER)
    assert GHOST in entry.reason
    shut(desk, GHOST, "release")  # the gate of an alias is that of its agent
    assert desk.gate(OTHER) == "open"


def test_identifier_quarantined_after_the_request_shuts_the_agent_too(desk):
    merge(desk)
    confirm = set_gate(desk.person, GHOST, "quarantine", "why")["confirm"]
    assert set_gate(desk.person, GHOST, "quarantine", "why", confirm)["done"]
    desk.beat()
    assert (desk.gate(GHOST), desk.gate(OTHER)) == ("quarantined", "open")
    shut(desk, GHOST)
    assert desk.gate(OTHER) == "quarantined"


def test_identifier_quarantined_before_the_commit_shuts_the_agent_too(desk):
    confirm = set_gate(desk.person, GHOST, "quarantine", "why")["confirm"]
    assert merge(desk, preview=True)["gate"] == "open"
    assert set_gate(desk.person, GHOST, "quarantine", "why", confirm)["done"]
    assert merge(desk)["gate"] == "quarantined"
    desk.beat()
    assert desk.gate(OTHER) == "quarantined"


def test_agent_that_begins_as_a_quarantined_identifier_begins_quarantined(desk):
    shut(desk, GHOST)
    desk.store.aliases.propose([Alias(value=GHOST, agent_id=CANON, kind="spiffe-id")])
    merge(desk, agent_id=CANON)
    desk.beat()
    desk.judge(an_event("e-3", minute=2))
    assert desk.gate(CANON) == "quarantined"
    shut(desk, GHOST, "release")
    desk.judge(an_event("e-4", minute=3, mode="autonomous"))
    gates = {state.mode: state.level_state.gate for state in desk.store.states(CANON)}
    assert gates == {"delegated": "open", "autonomous": "open"}


def test_split_leaves_both_quarantined(desk):
    merge(desk)
    desk.beat()
    shut(desk, OTHER)
    assert split(desk)["gate"] == "quarantined"
    desk.beat()
    assert (desk.gate(GHOST), desk.gate(OTHER)) == ("quarantined", "quarantined")


def test_split_that_could_not_keep_a_quarantine_is_refused(desk):
    desk.store.aliases.propose([Alias(value=CANON, agent_id=GHOST, kind="oauth-client")])
    merge(desk, CANON, GHOST)
    desk.beat()
    shut(desk, GHOST)
    with pytest.raises(Refusal, match="release the agent first"):
        split(desk, CANON)
    shut(desk, GHOST, "release")
    assert split(desk, CANON)["done"]


def test_confirmed_case_of_an_identifier_shuts_the_gate_of_its_agent(desk):
    merge(desk, GHOST, OTHER)
    desk.beat()
    case = desk.case | {"severity": "high"}
    desk.store._work.run("delete from case_agents where agent_id = ?", (OTHER,))
    desk.store.commit(Commit(cases=[case]))
    decide(desk.person, case["case_id"], case["version"], "malicious", "stolen")
    desk.beat()
    assert desk.gate(OTHER) == "quarantined"


def test_unconfirmed_proposal_changes_nothing(desk):
    assert desk.store.aliases.propose(
        [Alias(value=GHOST, agent_id=OTHER, kind="spiffe-id", source="an import")] * 2
    ) == 1  # fmt: skip
    desk.judge(an_event("e-3", minute=2))
    assert (events(desk, GHOST), events(desk, OTHER)) == (2, 1)
    (row,) = proposed(desk, GHOST)
    assert (row["source"], row["since"], row["version"]) == ("an import", None, 0)


def test_confirmed_proposal_keeps_its_kind_and_source(desk):
    desk.store.aliases.propose(
        [Alias(value=GHOST, agent_id=OTHER, kind="spiffe-id", source="an import")]
    )
    assert merge(desk)["kind"] == "spiffe-id"
    desk.beat()
    (row,) = identity_of(desk.store, OTHER)["aliases"]
    assert (row["source"], row["kind"], row["state"]) == ("an import", "spiffe-id", "confirmed")
    assert identity_of(desk.store, GHOST)["joined"] == row


def test_refused_proposal_does_not_come_again(desk):
    again = [Alias(value=GHOST, agent_id=OTHER, kind="spiffe-id", source="an import")]
    desk.store.aliases.propose(again)
    identities.refuse(desk.person, GHOST, OTHER, "another workload")
    desk.beat()
    assert desk.store.aliases.propose(again) == 0
    assert proposed(desk, GHOST) == []
    with pytest.raises(Refusal, match="no open proposal"):
        identities.refuse(desk.person, GHOST, OTHER, "again")
    assert merge(desk)["done"]  # a person may change his mind
    desk.beat()
    desk.judge(an_event("e-3", minute=2))
    assert events(desk, OTHER) == 2


def test_agent_with_aliases_may_become_an_alias(desk):
    desk.judge(an_event("e-3", CANON, 2))
    merge(desk, GHOST, OTHER)
    desk.beat()
    merge(desk, OTHER, CANON)
    desk.beat()
    desk.judge(an_event("e-4", minute=3))
    assert (events(desk, GHOST), events(desk, OTHER), events(desk, CANON)) == (1, 1, 2)


def test_circle_is_refused(desk):
    merge(desk)
    merge_back = desk.person
    with pytest.raises(Refusal, match="waits for the worker"):
        identities.merge(merge_back, OTHER, GHOST, "the other way")
    desk.beat()
    with pytest.raises(Refusal, match="is itself merged"):
        merge(desk, OTHER, GHOST)


@pytest.mark.parametrize(
    ("value", "agent_id", "why"),
    [
        (GHOST, GHOST, "own id"),
        (GHOST, "", "1 to 256 characters"),
        (GHOST, "a\0b", "1 to 256 characters"),
        ("x" * 257, OTHER, "1 to 256 characters"),
        (GHOST, "nobody", "no such agent"),
    ],
)
def test_wrong_merge_is_refused_and_saves_nothing(desk, value, agent_id, why):
    with pytest.raises(Refusal, match=why):
        merge(desk, value, agent_id)
    assert desk.store.audit.all_of("identity") == []


def test_merged_identifier_is_split_before_it_is_merged_with_another(desk):
    desk.judge(an_event("e-3", CANON, 2))
    merge(desk)
    desk.beat()
    with pytest.raises(Refusal, match="split it first"):
        merge(desk, GHOST, CANON)
    split(desk)
    desk.beat()
    with pytest.raises(Refusal, match="merged with no agent"):
        split(desk)
    merge(desk, GHOST, CANON)
    desk.beat()
    desk.judge(an_event("e-4", minute=3))
    assert (events(desk, OTHER), events(desk, CANON)) == (1, 2)
    assert [one["version"] for one in changes_of(desk.store, GHOST)] == [1, 2, 3]


def test_preview_saves_nothing(desk):
    assert not merge(desk, preview=True)["done"]
    desk.beat()
    assert desk.store.audit.all_of("identity") == []
    assert desk.store.aliases.confirmed() == []


def test_delegation_names_the_agent_of_an_alias(desk):
    merge(desk)
    desk.beat()
    worker = desk.worker
    worker._resolver.refresh()
    made = renamed(
        b'{"id":"1","agent":{"id":"x"},"delegation":["x","ghost-1"],"attributes":{"alias":"lie"}}',
        worker._resolver.agents,
    )
    assert b'"delegation":["x","ghost-2"]' in made
    assert b'"attributes":{"delegation_as_reported":["x","ghost-1"]}' in made


def test_changed_row_of_an_alias_is_refused(desk):
    merge(desk)
    desk.beat()
    desk.store._work.run("update aliases set agent_id = ?", ("ghost-3",))
    with pytest.raises(Exception, match="does not match its digest"):
        desk.store.aliases.confirmed()
