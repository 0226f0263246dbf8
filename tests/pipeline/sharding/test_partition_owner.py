"""A partition has one worker at a time, and an agent has one partition."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from models.errors import Superseded
from pipeline.store import open_shard
from tests.pipeline.sharding.shards import ONE, ZERO, a_shard, judge, records

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.store.postgresql import PostgresStore

pytestmark = pytest.mark.postgresql


def test_moved_partition_continues_without_a_difference(
    pipeline: Any, settings: Settings, store: PostgresStore, other_postgresql_url: str
) -> None:
    stream = records(pipeline, ZERO)
    for start in range(0, len(stream), 80):  # each time to somebody else
        judge(a_shard(settings, store, ZERO), stream[start : start + 80], 80)
    with open_shard(other_postgresql_url, "", secret=store.secret) as elsewhere:
        kept = settings.model_copy(update={"store": other_postgresql_url})
        judge(a_shard(kept, elsewhere, ZERO), stream)
        agents = sorted({json.loads(one.value)["agent"]["id"] for one in stream})
        assert store.profiles(agents) == elsewhere.profiles(agents) != {}
        for name in ("all_sessions", "positions"):
            held = [getattr(one.of(ZERO), name)() for one in (store, elsewhere)]
            assert dict(held[0]) == dict(held[1]) != {}


@pytest.mark.parametrize("kernel", ["auto", "python"])
def test_record_outside_its_agents_partition_is_rejected_with_the_reason(
    pipeline: Any, settings: Settings, store: PostgresStore, kernel: str
) -> None:
    settings = settings.model_copy(update={"kernel": kernel})
    stream = records(pipeline, ZERO)
    judge(a_shard(settings, store, ZERO), stream[:50])
    known = {json.loads(one.value)["agent"]["id"] for one in stream[:50]}
    strays = [json.loads(one.value)["agent"]["id"] in known for one in stream[50:100]]
    assert any(strays)
    shard = a_shard(settings, store, ONE)
    judge(shard, stream[50:100])
    counted = store.counters()
    assert counted["rejected_wrong_partition"] == sum(strays)
    assert counted["events"] == 100 - sum(strays)
    waiting = [message for _, message in shard.store.outbox(1_000)]
    (told, *_) = [one for one in waiting if one.topic == "agent.actions.rejected"]
    detail = dict(told.headers)["detail"].decode()
    assert "is judged in kafka:t:0: an agent has one partition; key the records" in detail
    again = a_shard(settings, store, ZERO)  # where they belong they are judged
    judge(again, stream[50:100])
    assert store.counters()["events"] == 100


@pytest.mark.parametrize("kernel", ["auto", "python"])
def test_record_with_another_key_does_not_assign_a_new_agent(
    pipeline: Any, settings: Settings, store: PostgresStore, kernel: str
) -> None:
    settings = settings.model_copy(update={"kernel": kernel})
    stream = records(pipeline, ZERO)[:40]
    keyed = [replace(one, key=json.loads(one.value)["agent"]["id"].encode()) for one in stream]
    first = keyed[0].key
    stray, *later = [one for one in keyed if one.key == first]
    stray = replace(stray, source=ONE, key=b"by chance")
    judge(a_shard(settings, store, ONE), [stray])
    assert store.counters() == {"rejected_wrong_partition": 1}
    ((_, told),) = a_shard(settings, store, ONE).store.outbox(10)
    detail = dict(told.headers)["detail"].decode()
    assert detail.startswith(
        f"the key is b'by chance' in the first record of agent {first.decode()!r}: "
    )
    assert later
    judge(a_shard(settings, store, ZERO), later)
    assert store.counters()["events"] == len(later)
    # Once the agent is known it is here, whatever the key says.
    judge(a_shard(settings, store, ZERO), [replace(stray, source=ZERO, offset=1_000)])
    assert store.counters()["events"] == len(later) + 1


def test_worker_that_lost_a_partition_cannot_commit_and_the_new_one_has_all_state(
    pipeline: Any, settings: Settings, store: PostgresStore
) -> None:
    stream = records(pipeline, ZERO)
    old = a_shard(settings, store, ZERO)
    judge(old, stream[:100])
    new = a_shard(settings, store, ZERO)
    with pytest.raises(Superseded):
        judge(old, stream[100:150])
    with pytest.raises(Superseded):
        old.beat(0)
    judge(new, stream[100:])
    assert store.counters()["events"] == len(stream)


def test_records_fetched_before_a_reassignment_are_not_judged_twice(
    pipeline: Any, settings: Settings, store: PostgresStore
) -> None:
    stream = records(pipeline, ZERO)
    shard = a_shard(settings, store, ZERO)
    judge(shard, stream[:100])
    shard.judge(stream[50:150], "150", 0)
    shard.judge(stream[:20], "20", 0)
    assert shard.position == "150"
    assert store.counters() == {"events": 150, **_others(store.counters())}


def _others(counters: dict[str, int]) -> dict[str, int]:
    return {name: n for name, n in counters.items() if name.startswith("anomalies_")}


def test_moved_partition_counts_messages_that_wait_for_the_sink(
    pipeline: Any, settings: Settings, store: PostgresStore
) -> None:
    settings = settings.model_copy(update={"sink": "kafka://127.0.0.1:1"})
    old = a_shard(settings, store, ZERO)
    judge(old, records(pipeline, ZERO)[:100])
    assert old.waiting > 0
    assert a_shard(settings, store, ZERO).waiting == old.waiting
    assert a_shard(settings, store, ONE).waiting == 0
