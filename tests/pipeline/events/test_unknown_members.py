"""Members that the native format does not know are counted by name, and a typing error is shown."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import pytest

from models.kernel import native_kernel
from pipeline.commands.doctor.checks import examine
from pipeline.events.unknown_members import (
    LONGEST,
    MAX,
    OTHER,
    PREFIX,
    MemberCounters,
    names_of,
    suggestion,
    unknown_by,
)
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import RawRecord
from pipeline.publishing.rejected import rejected_by
from pipeline.store import PipelineStatus, open_store

ARRIVED_US = 1_798_761_600_000_000  # 2027-01-01


def an_event(number: int = 1, **more: Any) -> bytes:
    event = {
        "id": f"e-{number}",
        "time": f"2020-01-06T08:{number // 60 % 60:02}:{number % 60:02}Z",
        "agent": {"id": "clerk-1"},
        "tool": "mail.send",
    }
    return json.dumps(event | more).encode()


def counted(store: Any) -> dict[str, int]:
    return unknown_by(store.counters())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("resorce", "resource"),
        ("Resource", "resource"),
        ("traceId", "trace_id"),
        ("durationMs", "duration_ms"),
        ("agent.rol", "agent.role"),
        ("role", "agent.role"),
        ("source_ip", "network.source_ip"),
        ("bytesOut", "volume.bytes_out"),
        ("volume.byte_in", "volume.bytes_in"),
        ("agent.session", "session"),
        ("credential.scope", "credential.scopes"),
        ("agent.teem", None),
        ("colour", None),
        (OTHER, None),
    ],
)
def test_a_near_match_is_suggested(written: str, meant: str | None) -> None:
    assert suggestion(written) == meant


def test_a_suggestion_for_a_long_name_is_bounded_in_time() -> None:
    names = [f"{number}{'resource_' * 8}"[:LONGEST] for number in range(200)]
    started = time.process_time()
    assert {suggestion(name) for name in names} == {None}
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "name",
    ["x" * (LONGEST + 1), "", "a b", "amal@example.com", "\u202eecruoser", "a\n", "(other)", "1a"],
)
def test_a_name_that_is_long_or_not_plain_is_counted_as_other(name: str) -> None:
    assert names_of([name]) == (OTHER,)


def test_an_event_counts_each_name_once_and_at_most_a_few_names() -> None:
    assert names_of(["b", "a", "a b", "c d"]) == ("b", "a", OTHER)
    many = names_of([f"n{number}" for number in range(100_000)])
    assert len(many) <= 33
    assert many[-1] == OTHER


def test_unknown_member_is_counted_without_a_rejection() -> None:
    assert rejected_by({f"{PREFIX}rejected_x": 3, "rejected_bad_value": 1}) == {"bad_value": 1}


def test_event_counts_at_most_once_as_other() -> None:
    count: Counter[str] = Counter()
    members = MemberCounters(dict)
    names = [f"n{number}" for number in range(2 * MAX)]
    members.count([tuple(names[:MAX]), tuple(names[MAX:])], count)
    assert unknown_by(count)[OTHER] == 1


def test_names_in_a_store_are_bounded_over_all_workers() -> None:
    stored: Counter[str] = Counter()
    for worker in range(3):
        members = MemberCounters(stored.copy)
        for number in range(MAX):
            count: Counter[str] = Counter()
            members.count([(f"n{worker}x{number}", "resorce")], count)
            stored.update(count)
    found = unknown_by(stored)
    assert len(found) == MAX + 1
    assert found["resorce"] == 3 * MAX
    assert sum(found.values()) == 2 * 3 * MAX
    assert found[OTHER] == 3 * MAX - (MAX - 1)


@pytest.fixture(params=["native", "python"])
def settings(pipeline: Any, request: pytest.FixtureRequest) -> Any:
    if request.param == "native" and native_kernel("auto") is None:
        pytest.skip("the compiled kernel is not installed")
    return pipeline.settings("-", inventory=None, max_future_s=300, kernel=request.param)


def test_unknown_members_are_counted_by_name_once_a_batch(settings: Any) -> None:
    values = [
        an_event(1, resorce={"id": "r"}),
        an_event(2, resorce=None, agent={"id": "clerk-1", "teem": "secret-value"}),
        an_event(3),
        an_event(4, arguments={"resorce": 1}, attributes={"resorce": 1}),
        an_event(1, resorce={"id": "r"}),  # a repeat
        b'{"id":"e-9","resorce":1}',  # no event
    ]
    records = [RawRecord(value, "stdin", at, ARRIVED_US) for at, value in enumerate(values, 1)]
    with open_store(settings.store) as store:
        worker = build_worker(settings, store)
        out = worker.judge(records)
        assert counted(store) == {}, "only a commit counts"
        worker.commit(out, {"stdin": "6"}, PipelineStatus("running", 1, 1, 0))
        assert counted(store) == {"resorce": 2, "agent.teem": 1}
        again = worker.judge(records)
        worker.commit(again, {"stdin": "12"}, PipelineStatus("running", 1, 1, 0))
        assert counted(store) == {"resorce": 2, "agent.teem": 1}
        assert "secret-value" not in str(store.counters())


def mixed(pipeline: Any, limit: int) -> tuple[list[bytes], dict[str, int]]:
    """Give events of which every seventh has a member that is misspelt, and how many have it."""
    lines = pipeline.events(limit)
    for at in range(0, len(lines), 7):
        lines[at] = json.dumps({**json.loads(lines[at]), "resorce": {"id": "r"}}).encode()
    return lines, {"resorce": len(range(0, len(lines), 7))}


@pytest.mark.parametrize(
    "step", ["2 judged", "3 at the end of the transaction", "3 committed", "6 source told"]
)
def test_killed_worker_counts_no_member_twice(pipeline: Any, step: str) -> None:
    lines, expected = mixed(pipeline, 900)
    settings = pipeline.settings(pipeline.file(lines))
    assert pipeline.lives(settings, step, 3) >= 1
    with open_store(settings.store, read_only=True) as store:
        assert counted(store) == expected


@pytest.mark.postgresql
def test_killed_worker_counts_no_member_twice_on_postgresql(on_server: Any) -> None:
    lines, expected = mixed(on_server, 900)
    settings = on_server.settings(on_server.file(lines, "misspelt.jsonl"), "misspelt")
    assert on_server.lives(settings, "3 at the end of the transaction", 3) >= 1
    with open_store(settings.store, read_only=True) as store:
        assert counted(store) == expected


def test_events_over_http_are_counted_where_they_are_judged(pipeline: Any) -> None:
    settings = pipeline.settings(pipeline.file(pipeline.events(20)))
    with open_store(settings.store) as store:
        store.inbox([an_event(1, resorce=1), an_event(2)])
    pipeline.run(settings)
    with open_store(settings.store, read_only=True) as store:
        assert counted(store) == {"resorce": 1}


def test_doctor_shows_each_name_once_with_a_suggestion(pipeline: Any) -> None:
    lines, expected = mixed(pipeline, 100)
    settings = pipeline.settings(pipeline.file(lines), listen="127.0.0.1:0")
    before = {check.name: check for check in examine(settings, ARRIVED_US)}["members"]
    assert (before.state, before.found, before.todo) == ("ok", "no unknown member was seen", "")
    pipeline.run(settings)
    after = {check.name: check for check in examine(settings, ARRIVED_US)}["members"]
    assert after.state == "optional"
    assert after.found == f"{expected['resorce']} resorce (did you mean resource?)"
    assert after.todo == "correct the name at the sender, or move the member to attributes"
