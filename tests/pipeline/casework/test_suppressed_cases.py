"""Suppressed cases: hidden while a suppression is in force, and in the queue from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.units import DAY_US
from pipeline.casework import suppressions
from pipeline.casework.deciding import decide
from pipeline.casework.in_force import suppressions_in
from pipeline.casework.refusal import Refusal
from pipeline.casework.scope import Scope
from pipeline.processing.judging import writes
from tests.pipeline.casework.desks import GHOST, OTHER, an_event

if TYPE_CHECKING:
    from pipeline.casework.in_force import Suppression
    from tests.pipeline.casework.desks import WorkingDesk


def by_person(desk: WorkingDesk, made: Suppression) -> None:
    suppressions.end(desk.person, made.id, "it is over")


def by_time(desk: WorkingDesk, made: Suppression) -> None:
    desk.now_us = made.until_us


ENDS = pytest.mark.parametrize("end", [by_person, by_time])


def test_a_new_case_in_scope_raises_no_message_and_is_in_no_queue(empty_desk):
    desk, made = empty_desk, empty_desk.suppress(agent=GHOST)
    assert desk.judge(an_event("e-1")) == desk.beat() == []
    assert desk.ids(None) == desk.ids("open") == []
    (hidden,) = desk.store.cases(status="suppressed")
    assert (hidden["status"], hidden["suppressed_by"]) == ("suppressed", made.id)
    assert desk.store.counters()["cases_suppressed"] == 1
    assert desk.store.audit.hidden_by([made.id]) == {made.id: 1}
    assert desk.judge(an_event("e-2", minute=9, day=1)) == []  # it grows, and stays hidden
    (hidden,) = desk.store.cases(status="suppressed")
    assert (hidden["events"]["count"], hidden["version"]) == (2, 2)
    assert desk.store.counters()["cases_suppressed"] == 1


def test_evidence_of_a_hidden_case_counts_against_trust(desk):
    (state,) = desk.store.states(GHOST)
    (item,) = [one for one in state.ledger.items.values() if one.severity == "high"]
    assert item.status == "open"
    before = desk.score()
    desk.suppress(agent="ghost-3")
    desk.judge(an_event("e-3", "ghost-3", credential={"id": "c-8"}))
    (hidden,) = desk.store.cases(status="suppressed")
    assert hidden["trust"]["after"] == desk.score("ghost-3")
    assert desk.score("ghost-3")["score"] <= before["score"]


def test_a_case_that_is_in_the_queue_stays_there(desk):
    standing = desk.case
    desk.suppress(anomaly=standing["signals"][0]["anomaly"])
    assert desk.beat() == []
    assert desk.case == standing
    (grown,) = desk.judge(an_event("e-3", minute=2, day=1))
    assert (grown["case_id"], grown["status"]) == (standing["case_id"], "open")


def test_a_case_that_leaves_the_scope_returns_to_the_queue_with_a_message(empty_desk):
    desk = empty_desk
    desk.suppress(agent=GHOST)
    assert desk.judge(an_event("e-1")) == []
    (message,) = desk.judge(an_event("e-2", OTHER, 1))
    assert (message["agent_count"], message["status"]) == (2, "open")
    assert message["suppressed_by"] is None
    assert desk.case == message
    desk.suppress(anomaly=message["signals"][0]["anomaly"])
    desk.judge(an_event("e-3", minute=2))
    assert desk.case["status"] == "open"


@ENDS
@pytest.mark.parametrize("down", [False, True])
def test_an_open_case_returns_to_the_queue_when_its_suppression_is_over(empty_desk, end, down):
    desk, made = empty_desk, empty_desk.suppress(agent=GHOST)
    desk.judge(an_event("e-1"))
    desk.now_us = made.until_us - 1
    assert desk.beat() == []
    assert desk.ids("open") == []
    end(desk, made)
    if down:
        desk.restart()
    assert desk.beat() == []  # no message for what happened before
    assert len(desk.ids("open")) == 1
    assert (desk.case["version"], desk.case["suppressed_by"]) == (1, None)
    assert desk.ids("suppressed") == []


@ENDS
def test_growth_after_the_end_is_a_message_and_another_event_is_none(empty_desk, end):
    desk, made = empty_desk, empty_desk.suppress(agent=GHOST)
    desk.judge(an_event("e-1"))
    end(desk, made)
    assert desk.judge(an_event("e-3", minute=1)) == []
    (message,) = desk.judge(an_event("e-2", minute=1, day=1))
    assert (message["change"], message["version"], message["status"]) == ("grew", 2, "open")
    assert message["events"]["count"] == 3


def test_cases_return_over_several_commits_where_there_are_many(empty_desk, monkeypatch):
    monkeypatch.setattr(writes, "MAX_RETURNED", 2)
    desk, made = empty_desk, empty_desk.suppress(mode="delegated", anomaly="identity.shadow")
    names = [f"ghost-{number}" for number in range(5)]
    desk.judge(*(an_event(f"e-{one}", one, credential={"id": one}) for one in names))
    assert len(desk.ids("suppressed")) == 5
    by_person(desk, made)
    left = []
    for _ in range(3):
        assert desk.beat() == []
        left.append(len(desk.ids("suppressed")))
    assert left == [3, 1, 0]


def test_another_suppression_in_force_hides_on(empty_desk):
    desk = empty_desk
    first, second = desk.suppress(agent=GHOST), desk.suppress(days=9, mode="delegated", agent=GHOST)
    desk.judge(an_event("e-1"))
    desk.now_us = first.until_us
    desk.beat()
    (hidden,) = desk.store.cases(status="suppressed")
    assert hidden["suppressed_by"] == second.id


def test_a_hidden_case_is_decided_without_a_message_and_hidden_again_after_an_undo(empty_desk):
    desk, made = empty_desk, empty_desk.suppress(agent=GHOST)
    desk.judge(an_event("e-1"))
    (hidden,) = desk.store.cases(status="suppressed")
    desk.decide("benign", hidden)
    assert desk.beat() == []
    assert desk.case["status"] == "closed"
    desk.decide(None)
    assert desk.beat() == []
    (again,) = desk.store.cases(status="suppressed")
    assert again["suppressed_by"] == made.id
    desk.decide("benign", again)
    desk.beat()
    by_person(desk, made)
    desk.decide(None)
    (message,) = desk.beat()
    assert (message["change"], message["status"]) == ("opened", "open")


def test_a_hidden_case_that_is_quiet_closes_without_a_message(empty_desk):
    desk = empty_desk
    desk.suppress(days=100, agent=GHOST)
    desk.judge(an_event("e-1"))
    messages = []
    for day in range(1, 18):
        messages += desk.judge(an_event(f"d-{day}", "clerk-1", day=day, credential=None))
    assert messages == []
    assert desk.case["status"] == "closed"


def test_an_expected_change_with_a_scope_is_a_suppression_and_its_undo_ends_it(empty_desk):
    desk = empty_desk
    desk.judge(an_event("e-1"))
    first = desk.case
    effect = decide(
        desk.person, first["case_id"], 1, "expected_change", "a pilot",
        scope=Scope(agent=GHOST), until_us=desk.now_us + 9 * DAY_US,
    )  # fmt: skip
    assert effect["closes"] == [first["case_id"]]
    assert effect["hides"]["cases"] == [first["case_id"]]
    assert [one["change"] for one in desk.beat()] == ["closed"]
    assert desk.judge(an_event("e-2", minute=9, session="s-9")) == []
    (hidden,) = desk.store.cases(status="suppressed")
    closed = desk.store.case(first["case_id"])
    assert closed is not None
    decide(desk.person, first["case_id"], closed["version"], None, "a mistake")
    (message,) = desk.beat()
    assert (message["case_id"], message["status"]) == (first["case_id"], "open")
    assert sorted(desk.ids("open")) == sorted([first["case_id"], hidden["case_id"]])
    ((_, one),) = suppressions_in(desk.store.audit.all_of("suppression")).items()
    assert one.end is not None
    assert one.end.reason == "a mistake"


def test_no_more_suppressions_than_the_bound_are_in_force(empty_desk, monkeypatch):
    monkeypatch.setattr(suppressions, "MAX_IN_FORCE", 2)
    empty_desk.suppress(agent="a")
    made = empty_desk.suppress(agent="b")
    with pytest.raises(Refusal, match="2 suppressions are in force"):
        empty_desk.suppress(agent="c")
    empty_desk.now_us = made.until_us
    empty_desk.suppress(agent="c")


def test_a_preview_finds_what_the_worker_hides(desk, monkeypatch):
    scope = {"mode": "delegated", "detector": desk.case["signals"][0]["detector"]}
    found = suppressions.preview(desk.person, Scope(**scope))
    assert found == {"days": 30, "count": 1, "complete": True, "cases": [desk.case["case_id"]]}
    desk.suppress(**scope)
    desk.judge(an_event("e-9", "ghost-9", 5, credential={"id": "c-1"}))
    (hidden,) = desk.ids("suppressed")
    found = suppressions.preview(desk.person, Scope(**scope))
    assert found["cases"] == [hidden, desk.case["case_id"]]
    monkeypatch.setattr(suppressions, "_PAGE", 1)
    monkeypatch.setattr(suppressions, "MAX_PAGES", 1)
    found = suppressions.preview(desk.person, Scope(**scope))
    assert found == {"days": 30, "count": 1, "complete": False, "cases": [hidden]}
