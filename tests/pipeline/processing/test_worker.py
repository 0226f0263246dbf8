"""From records to a commit: what is refused, what counts once, what is said of an agent."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import REJECT_REASONS
from models.event import microseconds
from models.trust.response import encode, trust_answer
from pipeline.configuration.derived import trust_policy_of
from pipeline.formats import format_named
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import MAX_VALUE, RawRecord
from pipeline.store import PipelineStatus, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.processing.worker import Worker
    from pipeline.store import Store

ARRIVED_US = 1_798_761_600_000_000  # 2027-01-01
REJECTED = "agent.actions.rejected"


def an_event(number: int = 1, **more: Any) -> bytes:
    event = {
        "id": f"e-{number}",
        "time": f"2020-01-06T08:{number % 60:02}:00Z",
        "agent": {"id": "clerk-1"},
        "tool": "mail.send",
        "session": "s-1",
        "mode": "delegated",
    }
    return json.dumps(event | more).encode()


BAD = {
    "not_utf8": an_event().replace(b"mail", b"ma\xff\xfel"),
    "malformed_json": b'{"id":"e-1","time"',
    "missing_key": b'{"id":"e-1","time":"2020-01-06T08:00:00Z","agent":{"id":"clerk-1"}}',
    "wrong_type": an_event(tool=7),
    "bad_value": an_event(time="yesterday"),
    "too_long": an_event(purpose="x" * MAX_VALUE),
    "past_time": an_event(time="1999-12-31T23:59:59.999999Z"),
    "future_time": an_event(time="2220-01-06T08:00:00Z"),
    "duplicate_id": an_event(1),
}


def a_record(value: bytes, number: int, source: str = "stdin") -> RawRecord:
    return RawRecord(value, source, number, ARRIVED_US)


@pytest.fixture
def settings(pipeline) -> Any:
    return pipeline.settings("-", inventory=None, clock="wall")


@pytest.fixture
def store(settings) -> Iterator[Store]:
    with open_store(settings.store) as opened:
        yield opened


@pytest.fixture
def worker(settings, store) -> Worker:
    return build_worker(settings, store)


def lines_of(pipeline: Any, topic: str) -> list[dict[str, Any]]:
    path = pipeline.folder / "run" / f"{topic}.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def judge(worker: Worker, *values: bytes, first: int = 1) -> Any:
    records = [a_record(value, number) for number, value in enumerate(values, first)]
    out = worker.judge(records)
    worker.commit(out, {}, PipelineStatus("running", ARRIVED_US))
    return out


def test_every_reason_has_a_bad_record():
    given = set(REJECT_REASONS) - {"wrong_partition", "unattributed"}  # not of this format
    assert set(BAD) == given, "add an example to BAD"


def test_stream_continues_after_any_record_and_keeps_its_bytes(pipeline):
    lines = [an_event(1), *BAD.values(), an_event(2)]
    settings = pipeline.settings(pipeline.file(lines), inventory=None, clock="wall", batch_size=4)
    summary = pipeline.run(settings)
    assert (summary.events, summary.rejected) == (2, len(BAD))
    counters = dict(pipeline.state(settings)["counters"])
    assert {name: counters[f"rejected_{name}"] for name in BAD} == dict.fromkeys(BAD, 1)
    found = lines_of(pipeline, REJECTED)
    for line, (number, (reason, value)) in zip(found, enumerate(BAD.items(), 2), strict=True):
        assert (line["reason"], line["line"]) == (reason, number)
        assert line["source"] == f"file:{pipeline.folder / 'events.jsonl'}"
        kept = line["value"].encode() if "value" in line else base64.b64decode(line["value_base64"])
        if reason == "too_long":
            assert value.startswith(kept)
            assert line["full_length"] == len(value)
        else:
            assert kept == value


@pytest.mark.parametrize("reason", BAD)
def test_reason_of_a_refusal_repeats_no_content(worker, reason):
    judge(worker, an_event(1))
    secret = b"payee-7731"
    value = BAD[reason].replace(b"clerk-1", secret) if reason != "duplicate_id" else an_event(1)
    (message,) = judge(worker, value, first=2).outbox
    headers = dict(message.headers)
    assert headers["reason"].decode() == reason
    assert secret not in headers["detail"]
    assert headers["offset"] == b"2"


def test_run_with_only_refused_lines_succeeds(pipeline):
    settings = pipeline.settings(pipeline.file(list(pipeline.BAD)))
    summary = pipeline.run(settings)
    assert (summary.events, summary.rejected, summary.anomalies) == (0, len(pipeline.BAD), 0)
    assert not pipeline.state(settings)["profiles"]


def test_an_event_counts_once_in_a_batch_in_the_next_and_after_a_restart(settings, store):
    worker = build_worker(settings, store)
    first = judge(worker, an_event(1), an_event(1))
    again = judge(worker, an_event(1), first=3)
    restarted = judge(build_worker(settings, store), an_event(1), first=4)
    assert [out.counters.get("events", 0) for out in (first, again, restarted)] == [1, 0, 0]
    assert store.counters() == {"events": 1, "rejected_duplicate_id": 3}
    assert store.states("clerk-1")[0].events == 1


def test_the_keys_of_new_events_are_kept_by_day(worker):
    times = [f"2020-01-0{6 + number % 2}T08:00:00Z" for number in range(40)]
    values = [an_event(number, time=time) for number, time in enumerate(times)]
    out = worker.judge([a_record(value, number) for number, value in enumerate(values, 1)])
    assert [len(set(out.seen[day])) for day in (18_267, 18_268)] == [20, 20]


def test_the_same_id_from_another_agent_is_another_event(worker, store):
    judge(worker, an_event(1), an_event(1, agent={"id": "clerk-2"}))
    assert store.counters() == {"events": 2}


def test_judging_writes_nothing_until_the_commit(pipeline, worker, settings):
    before = pipeline.state(settings)
    out = worker.judge([a_record(an_event(1), 1)])
    assert out.profiles
    assert pipeline.state(settings) == before
    worker.commit(out, {"stdin": "1"}, PipelineStatus("running", ARRIVED_US))
    assert len(pipeline.state(settings)["profiles"]) == 1


def test_a_deployment_reaches_every_mode_of_the_agent_and_counts_once(worker, store):
    judge(worker, an_event(1), an_event(2, mode="autonomous"))
    announced = {"kind": "deployment", "agent": {"id": "clerk-1", "version": "2.0"}}
    out = judge(worker, an_event(3, mode="unknown", **announced), first=3)
    assert out.counters == {"events": 1}
    states = store.states("clerk-1")
    assert [(s.mode, s.version) for s in states] == [("autonomous", "2.0"), ("delegated", "2.0")]


def test_role_and_owner_come_from_the_inventory_where_the_event_has_none(pipeline):
    registered = pipeline.folder / "registered.csv"
    registered.write_text("agent_id,role,owner\nclerk-1,clerk,desk@example.com\n")
    settings = pipeline.settings(pipeline.file([an_event(1)]), inventory=registered)
    pipeline.run(settings)
    with open_store(settings.store) as store:
        (state,) = store.states("clerk-1")
    assert (state.role, state.owner, state.registered) == ("clerk", "desk@example.com", True)


def test_events_that_came_over_http_are_judged_and_leave_the_inbox(pipeline):
    settings = pipeline.settings(pipeline.file([an_event(1)]), inventory=None)
    with open_store(settings.store) as store:
        store.inbox([an_event(2), b"{", an_event(3)])
    summary = pipeline.run(settings)
    assert (summary.events, summary.rejected) == (3, 1)
    with open_store(settings.store) as store:
        store.inbox([an_event(4)])
    assert pipeline.run(settings).events == 1
    assert not pipeline.state(settings)["inbox"]
    (line,) = lines_of(pipeline, REJECTED)
    assert (line["source"], line["reason"]) == ("inbox", "malformed_json")


def test_alerts_with_one_cause_are_one_anomaly_that_grows(pipeline):
    settings = pipeline.settings(pipeline.file(pipeline.events(400)))
    pipeline.run(settings)
    with open_store(settings.store) as store:
        shadows = store.anomalies(kind="identity.shadow")
    assert {anomaly["agent_id"] for anomaly in shadows} == {pipeline.SHADOW}
    days = {anomaly["time"][:10] for anomaly in shadows}
    assert len(days) == len(shadows) >= 1
    anomaly = shadows[0]
    assert anomaly["count"] == anomaly["version"] > 1
    assert len(anomaly["events"]) == min(20, anomaly["count"])
    assert anomaly["first_time"] < anomaly["time"]
    versions = [
        line["version"]
        for line in lines_of(pipeline, "agent.anomalies")
        if line["id"] == anomaly["id"]
    ]
    assert versions == list(range(1, anomaly["version"] + 1))


def test_the_last_trust_published_is_the_answer_of_that_instant(pipeline):
    """What a compacted topic keeps says the same as the API would have said."""
    settings = pipeline.settings(pipeline.file(pipeline.events(500)))
    told: set[str] = set()
    with open_store(settings.store) as store:
        worker = build_worker(settings, store)
        policy = trust_policy_of(settings)
        for number, line in enumerate(pipeline.events(500), 1):
            at_us = microseconds(format_named("native").normalise(line).time)
            for message in judge(worker, line, first=number).outbox:
                if message.topic == "agent.trust":
                    agent = message.key.decode()
                    answer = trust_answer(store.states(agent), agent, at_us, at_us, policy)
                    assert message.value == encode(answer)
                    told.add(agent)
        assert told == {state.agent_id for _, state in store.changes(0, 100)}
