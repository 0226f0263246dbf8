"""Decisions about cases as the worker applies them: evidence, baselines, cases and messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from models.trust.agent_evidence import ledger_in
from models.trust.disposition import case_key
from models.trust.opinion import opinion
from pipeline.processing.assembly import build_worker
from pipeline.processing.judging.decided_cases import effect_of
from pipeline.processing.stream_types import RawRecord
from pipeline.store import Commit, open_store
from pipeline.store.registers.decisions import Decision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.store import Store

GHOST, OTHER = "ghost-1", "ghost-2"
ARRIVED_US = 1_798_761_600_000_000
DECIDED_US = 1_798_761_700_000_000
SHADOW = {"credential": {"id": "c-9"}}


class Desk:
    """A store, its worker, and the decisions of a person."""

    def __init__(self, settings: Any, store: Store) -> None:
        self.settings, self.store = settings, store
        self.worker = build_worker(settings, store)

    def judge(self, *events: dict[str, Any]) -> list[dict[str, Any]]:
        """Judge events; give the messages of cases."""
        out = self.worker.judge(
            [
                RawRecord(json.dumps(one).encode(), "stdin", n, ARRIVED_US)
                for n, one in enumerate(events)
            ]
        )
        return self._committed(out)

    def beat(self) -> list[dict[str, Any]]:
        """Commit without events, as an idle worker does."""
        return self._committed(self.worker.flush())

    def _committed(self, out: Commit) -> list[dict[str, Any]]:
        self.store.commit(out)
        return [json.loads(one.value) for one in out.outbox if one.topic == "agent.cases"]

    def decide(self, disposition: Any, case: dict[str, Any] | None = None) -> Decision:
        newest = case or self.case
        made = Decision(
            newest["case_id"], newest["version"], newest["agent_id"], disposition, "ops",
            DECIDED_US, "looked at it",
        )  # fmt: skip
        assert self.store.decisions.add(made)
        return made

    def restart(self) -> None:
        """Continue as a worker that reads the store anew."""
        self.worker = build_worker(self.settings, self.store)

    @property
    def case(self) -> dict[str, Any]:
        (found,) = self.store.cases(sort="last", limit=1)
        return found

    def item(self, agent_id: str = GHOST) -> Any:
        (state,) = self.store.states(agent_id)
        return state.ledger.items[case_key(agent_id, "delegated", self.case["case_id"])]

    def score(self, agent_id: str = GHOST) -> dict[str, int]:
        (state,) = self.store.states(agent_id)
        found = opinion(ledger_in(state, [state], self.worker.policy), state.last_seen_us)
        return {"score": round(found.score), "lower": int(found.lower)}

    def gate(self, agent_id: str = GHOST) -> str:
        (state,) = self.store.states(agent_id)
        return state.level_state.gate


@pytest.fixture
def desk(pipeline: Any, store_url: str) -> Iterator[Desk]:
    pipeline.inventory.write_text("agent_id,role,owner\nclerk-1,clerk,team@example.com\n")
    open_store(store_url, secret=pipeline.SECRET).close()
    settings = pipeline.settings("-").model_copy(update={"store": store_url})
    with open_store(store_url) as store:
        made = Desk(settings, store)
        made.judge(an_event("e-1"), an_event("e-2", OTHER, 1))
        yield made


def an_event(name: str, agent: str = GHOST, minute: int = 0, **more: Any) -> dict[str, Any]:
    return (
        {
            "id": name,
            "time": f"2026-03-02T10:{minute:02}:00Z",
            "agent": {"id": agent},
            "tool": "mail.send",
            "mode": "delegated",
            "session": f"s-{agent}",
        }
        | SHADOW
        | more
    )


@pytest.mark.parametrize("idle", [True, False])
@pytest.mark.parametrize("disposition", ["benign", "expected_change", "malicious"])
def test_a_decision_does_what_its_preview_says_and_closes_the_case(desk, disposition, idle):
    before = desk.case
    decision = Decision(before["case_id"], 1, GHOST, disposition, "ops", DECIDED_US, "why")
    states, held = desk.store.states(GHOST), desk.store.held(GHOST)
    effect = effect_of(before, decision, states, held, desk.worker.policy)
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
        return agent_state.profile.knows(mark), mark in agent_state.profile.held

    for disposition, expected, learned, dropped in (
        ("benign", (True, False), 1, 0),
        (None, (False, True), 0, 0),
        ("malicious", (False, False), 0, 1),
        (None, (False, True), 0, 0),
    ):
        decision = Decision(case_id, 1, GHOST, disposition, "ops", DECIDED_US, "why")
        states, held = desk.store.states(GHOST), desk.store.held(GHOST)
        effect = effect_of(desk.case, decision, states, held, desk.worker.policy)
        assert (effect["events_learned"], effect["events_dropped"]) == (learned, dropped)
        desk.decide(disposition)
        desk.beat()
        desk.restart()
        assert values() == expected


def test_a_version_has_one_decision_and_the_log_keeps_all(desk):
    first = desk.decide("unclear")
    again = msgspec.structs.replace(first, disposition="malicious")
    assert not desk.store.decisions.add(again)
    desk.beat()
    second = desk.decide("benign")
    assert desk.store.decisions.of_case(first.case_id) == [first, second]
    assert [one for _, one in desk.store.decisions.due(10)] == [second]
