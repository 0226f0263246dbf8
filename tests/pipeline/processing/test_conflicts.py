"""Other content under a known id is judged as an event of its own, and is a finding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from models.kernel import native_kernel
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import RawRecord
from pipeline.store import PipelineStatus, open_store

if TYPE_CHECKING:
    from pipeline.store import Store

ARRIVED_US = 1_798_761_600_000_000  # 2027-01-01
CONFLICT = "telemetry.conflict"
KERNELS = ["python", *(["native"] if native_kernel("auto") else [])]


def an_event(number: int = 1, **more: Any) -> bytes:
    event = {
        "id": f"e-{number}",
        "time": f"2020-01-06T08:{number % 60:02}:00Z",
        "agent": {"id": "clerk-1"},
        "tool": "mail.send",
        "session": "s-1",
        "mode": "delegated",
        "arguments": {"to": "ines@example.com", "copies": 1},
    }
    return json.dumps(event | more).encode()


ATTACK = an_event(1, tool="bank.pay", arguments={"to": "mallory"})


class Desk:
    """A store and whoever judges into it, made anew at each start."""

    def __init__(self, settings: Any, store: Store) -> None:
        self.settings, self.store, self.judged = settings, store, 0
        self.start()

    def start(self, reviewer: Any = None) -> None:
        self.worker = build_worker(self.settings, self.store, reviewer=reviewer)

    def judge(self, *values: bytes) -> dict[str, int]:
        """Judge and commit one batch; give what was counted."""
        records = [
            RawRecord(value, "stdin", self.judged + place, ARRIVED_US)
            for place, value in enumerate(values, 1)
        ]
        self.judged += len(values)
        out = self.worker.judge(records)
        self.worker.commit(out, {}, PipelineStatus("running", ARRIVED_US))
        return dict(out.counters)

    def found(self) -> list[dict[str, Any]]:
        return self.store.anomalies(kind=CONFLICT)


@pytest.fixture(params=KERNELS)
def desk(request: pytest.FixtureRequest, pipeline: Any, store_url: str) -> Any:
    settings = pipeline.settings("-", inventory=None, store=store_url, kernel=request.param)
    with open_store(store_url) as store:
        yield Desk(settings, store)


ONE = {"events": 1}
REPEATED = {"rejected_duplicate_id": 1}
FOUND = {"events": 1, f"anomalies_{CONFLICT}_high": 1, "cases_opened": 1}


def test_other_content_under_a_known_id_is_judged_and_found(desk):
    assert desk.judge(an_event(1)) == ONE
    assert desk.judge(ATTACK) == FOUND
    (found,) = desk.found()
    assert (found["agent_id"], found["severity"]) == ("clerk-1", "high")
    assert (found["tool"], found["events"]) == ("bank.pay", [{"id": "e-1", "position": "stdin@2"}])
    assert found["reasons"][0]["why"].startswith(
        "The agent reported another event under the id e-1"
    )


def test_both_contents_are_known_from_then_on_after_a_restart_too(desk):
    desk.judge(an_event(1))
    desk.judge(ATTACK)
    for _ in range(2):
        assert desk.judge(an_event(1)) == REPEATED
        assert desk.judge(ATTACK) == REPEATED
        desk.start()
    assert len(desk.found()) == 1


def test_first_content_of_a_batch_counts_as_the_event(desk):
    counted = desk.judge(an_event(1), ATTACK, an_event(1), ATTACK, an_event(2))
    assert counted == FOUND | {"events": 3, "rejected_duplicate_id": 2}
    assert desk.found()[0]["tool"] == "bank.pay"
    assert desk.judge(ATTACK) == REPEATED


def test_the_same_content_in_another_spelling_is_a_repeat(desk):
    desk.judge(an_event(1))
    fields = json.loads(an_event(1))
    other = json.dumps(dict(reversed(fields.items())), indent=2).replace("ines", "\\u0069nes")
    assert desk.judge(other.encode()) == REPEATED
    assert desk.judge(json.dumps(fields | {"task": None}).encode()) == REPEATED
    assert desk.judge(other.replace('"copies": 1', '"copies": 2').encode()) == FOUND


def test_an_unknown_key_is_content_too(desk):
    desk.judge(an_event(1, note="a"))
    assert desk.judge(an_event(1, note="a"))["rejected_duplicate_id"] == 1
    assert desk.judge(an_event(1, note="b")).items() >= FOUND.items()


def test_several_conflicts_are_one_growing_anomaly(desk):
    desk.judge(*(an_event(n) for n in range(5)))
    counted = desk.judge(*(an_event(n, tool="bank.pay") for n in range(5)))
    assert counted == FOUND | {"events": 5}
    (found,) = desk.found()
    assert found["count"] == 5
    assert {one["position"] for one in found["events"]} == {f"stdin@{n}" for n in range(6, 11)}


def test_conflicting_event_is_not_learned(desk):
    desk.judge(*(an_event(n) for n in range(40)))
    held = desk.store.held("clerk-1")
    subject = desk.worker._agents["clerk-1", "delegated"]
    before = dict(subject.profile.known)
    out = desk.worker.judge([RawRecord(ATTACK, "stdin", 99, ARRIVED_US)])
    assert before
    assert (subject.profile.known, subject.profile.held) == (before, {})
    assert (out.held, desk.store.held("clerk-1")) == ([], held)


def test_announcement_with_a_known_id_is_ignored(desk):
    desk.judge(an_event(1, agent={"id": "clerk-1", "version": "1"}))
    announced = an_event(1, kind="deployment", agent={"id": "clerk-1", "version": "2"})
    assert desk.judge(announced) == FOUND
    assert desk.worker._agents["clerk-1", "delegated"].profile.announced is None


def test_another_agent_may_use_the_same_id(desk):
    desk.judge(an_event(1))
    assert desk.judge(an_event(1, agent={"id": "clerk-2"})) == ONE


def test_conflict_in_trusted_history_is_found_without_an_alert(desk):
    seen = []
    desk.start(reviewer=lambda *found: seen.append(found[2]))
    desk.worker.engine.trusted_history = True
    desk.judge(an_event(1), ATTACK)
    (result,) = seen
    assert (result.anomaly, result.alert, result.learned) == (CONFLICT, False, False)


def twice(name: str, first: str, second: str) -> bytes:
    """Write an event in which a member comes twice; whoever reads it takes the second."""
    plain = an_event(1).decode()
    return (plain[:-1] + f',"{name}":{first},"{name}":{second}}}').encode()


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (twice("tool", '"bank.pay"', '"crm.read"'), twice("tool", '"crm.read"', '"bank.pay"')),
        (twice("resource", '{"id":"vault"}', "null"), an_event(1, resource={"id": "vault"})),
        (
            twice("resource", '{"id":"vault","id":"desk"}', '{"id":"vault","id":"desk"}'),
            twice("resource", '{"id":"desk","id":"vault"}', '{"id":"desk","id":"vault"}'),
        ),
    ],
)
def test_members_that_come_twice_hide_no_other_content(desk, first, other):
    desk.judge(first)
    counted = desk.judge(other)
    assert (counted.get("events"), counted.get("rejected_duplicate_id")) == (1, None)
    assert len(desk.found()) == 1


def test_the_role_and_owner_that_an_event_in_conflict_claims_do_not_count(desk):
    desk.judge(an_event(1))
    desk.judge(an_event(1, agent={"id": "clerk-1", "role": "data-steward", "owner": "ceo"}))
    (state,) = desk.store.states("clerk-1")
    assert (state.role, state.owner) == (None, None)
    desk.judge(an_event(2, agent={"id": "clerk-1", "role": "clerk"}))
    (state,) = desk.store.states("clerk-1")
    assert state.role == "clerk"
