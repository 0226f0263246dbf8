"""The assembler of one shard, killed between any two of its steps."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import SinkUnavailable, Superseded
from pipeline.assembling.marks import ASSEMBLED, kind_of
from pipeline.enrichment import inventory
from pipeline.processing.stream_types import RawRecord
from pipeline.publishing.publisher import Publisher
from pipeline.sharding.reports import Reports
from tests.pipeline.sharding.shards import ONE, ZERO, a_shard

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.sharding.shard import Shard
    from pipeline.store.postgresql import PostgresStore

pytestmark = pytest.mark.postgresql
FIRST = ZERO
NOW = 1_800_000_000_000_000


class KilledError(Exception):
    """The process ended."""


class Topic:
    """Takes what is written to it; may be away, or end the process before or after."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes | None, bytes, Any]] = []
        self.fate = ""

    def submit(self, records: list[Any]) -> None:
        if self.fate == "away":
            raise SinkUnavailable("away")
        if self.fate == "before":
            raise KilledError
        self.records += records
        if self.fate == "after":
            raise KilledError


def hook(name: str, **more: Any) -> bytes:
    value = {
        "hook_event_name": name, "session_id": "s-1", "tool_name": "Read",
        "tool_input": {"file_path": "a.py"}, "tool_use_id": "toolu_000000000001",
    }  # fmt: skip
    return json.dumps(value | more).encode()


def forward(topic: Any, shard: Shard) -> int:
    """Do as a worker that has just started."""
    return Reports(shard.store, inventory.load(None)).forward(
        topic, Publisher(threading.Event()), 0
    )


@pytest.mark.parametrize("fate", ["before", "after", "away"])
def test_half_is_kept_and_call_is_repeated_with_its_id(
    settings: Settings, store: PostgresStore, fate: str
) -> None:
    topic, shard = Topic(), a_shard(settings, store, FIRST)
    store.report("claude-code", "laptop", [hook("PreToolUse")])
    assert forward(topic, shard) == 0
    assert store.reports(10) == []
    store.report("claude-code", "laptop", [hook("PostToolUse", tool_response="text")])
    topic.fate = fate
    if fate == "away":
        assert forward(topic, shard) == 0
    else:
        with pytest.raises(KilledError):
            forward(topic, shard)
    assert len(store.reports(10)) == 1
    topic.fate = ""
    assert forward(topic, shard) == 1
    assert store.reports(10) == []
    assert len(topic.records) == 1 + (fate == "after")
    assert len({value for _, value, _ in topic.records}) == 1
    key, value, headers = topic.records[0]
    assert key == b"claude-code/laptop"
    assert json.loads(value)["outcome"] == "ok"
    record = RawRecord(value, ONE, 0, NOW, headers)
    assert kind_of(record, store.secret) == ASSEMBLED
    assert kind_of(RawRecord(value + b" ", ONE, 0, NOW, headers), store.secret) is None


def test_repeated_call_is_judged_once_and_no_finding(
    settings: Settings, store: PostgresStore
) -> None:
    topic, shard = Topic(), a_shard(settings, store, ONE)
    store.report("claude-code", "laptop", [hook("PreToolUse"), hook("PostToolUse")])
    forward(topic, a_shard(settings, store, FIRST))
    _, value, headers = topic.records[0]
    other = value.replace(b"a.py", b"b.py")
    given = [RawRecord(value, ONE, at, NOW, headers) for at in range(2)]
    given.append(RawRecord(other, ONE, 2, NOW, headers))  # a mark of other content
    shard.judge(given, "3", 0)
    counters = store.counters()
    assert (counters["events"], counters["calls_repeated"]) == (2, 1)
    assert [one["anomaly"] for one in store.anomalies()] == ["telemetry.conflict"]


def test_worker_that_lost_the_partition_writes_nothing(
    settings: Settings, store: PostgresStore
) -> None:
    old = a_shard(settings, store, FIRST)
    a_shard(settings, store, FIRST)
    store.report("claude-code", "", [hook("PreToolUse")])
    with pytest.raises(Superseded):
        forward(Topic(), old)
    assert len(store.reports(10)) == 1


def test_call_whose_result_does_not_come_is_written_in_time(
    settings: Settings, store: PostgresStore
) -> None:
    topic, shard = Topic(), a_shard(settings, store, FIRST)
    store.report("claude-code", "", [hook("PreToolUse")])
    reports = Reports(shard.store, inventory.load(None))
    publisher = Publisher(threading.Event())
    arrived_us = store.reports(1)[0][1]
    wanted: Any = topic
    assert reports.forward(wanted, publisher, arrived_us) == 0
    assert reports.forward(wanted, publisher, arrived_us + 16 * 60_000_000) == 1
    assert store.counters() == {"assembly_calls_without_result": 1}


def revocation(jti: str, subject: str) -> bytes:
    claims = {
        "iss": "https://idp.example", "jti": jti, "iat": 1_767_600_060,
        "sub_id": {"format": "opaque", "id": subject},
        "events": {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}},
    }  # fmt: skip
    return json.dumps(claims).encode()


def test_revocation_finds_agents_that_other_workers_judge(
    settings: Settings, store: PostgresStore
) -> None:
    topic = Topic()
    for name, agent in ((FIRST, "mail-bot"), (ONE, "pay-bot")):
        event = {
            "id": "e-1", "time": "2026-01-05T08:00:00Z", "agent": {"id": agent},
            "human": {"id": "ana"}, "tool": "mail.send",
        }  # fmt: skip
        judged = RawRecord(json.dumps(event).encode(), name, 0, NOW, key=agent.encode())
        a_shard(settings, store, name).judge([judged], "1", 0)
    for number, subject in enumerate(("ana", "pay-bot", "zoe")):
        store.report("ssf", "", [revocation(f"j-{number}", subject)])
    forward(topic, a_shard(settings, store, FIRST))
    assert [key for key, _, _ in topic.records] == [b"mail-bot", b"pay-bot", b"pay-bot"]
    assert store.counters()["rejected_unattributed"] == 1
