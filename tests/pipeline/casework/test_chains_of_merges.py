"""Merges of an agent that has aliases itself: pages name the agent that judges the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.casework import identities
from pipeline.casework.alias_list import changes_of, identity_of
from tests.pipeline.casework.desks import GHOST, OTHER, WorkingDesk, an_event

if TYPE_CHECKING:
    from collections.abc import Mapping

CANON = "canon-1"


def merge_in_a_chain(desk: WorkingDesk) -> None:
    """Merge one agent with a second, and the second with a third."""
    desk.judge(an_event("e-9", CANON, 1))
    for value, agent_id in ((GHOST, OTHER), (OTHER, CANON)):
        identities.merge(desk.person, value, agent_id, "same workload")
        desk.beat()


def pairs(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(one["alias"], one["agent_id"]) for one in rows]


def joined(desk: WorkingDesk, agent_id: str) -> str | None:
    found: Mapping[str, str] | None = identity_of(desk.store, agent_id)["joined"]
    return None if found is None else found["agent_id"]


def test_last_agent_of_a_chain_lists_all_identifiers_that_are_judged_as_it(desk):
    merge_in_a_chain(desk)
    desk.judge(an_event("e-3", minute=2))
    assert sum(state.events for state in desk.store.states(CANON)) == 2
    listed = identity_of(desk.store, CANON)["aliases"]
    assert pairs(listed) == sorted([(GHOST, CANON), (OTHER, CANON)])
    assert identity_of(desk.store, OTHER)["aliases"] == []
    assert (joined(desk, GHOST), joined(desk, OTHER), joined(desk, CANON)) == (CANON, CANON, None)


def test_history_of_the_last_agent_of_a_chain_has_all_merges_and_splits(desk):
    merge_in_a_chain(desk)
    assert pairs(changes_of(desk.store, CANON)) == [(GHOST, OTHER), (OTHER, CANON)]
    assert pairs(changes_of(desk.store, GHOST)) == [(GHOST, OTHER)]
    identities.split(desk.person, GHOST, "two after all")
    desk.beat()
    assert pairs(identity_of(desk.store, CANON)["aliases"]) == [(OTHER, CANON)]
    changes = {(one["change"], one["alias"]) for one in changes_of(desk.store, CANON)}
    assert changes == {("merge", GHOST), ("split", GHOST), ("merge", OTHER)}
    assert joined(desk, GHOST) is None
