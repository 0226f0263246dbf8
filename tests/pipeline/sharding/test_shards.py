"""Partitions of one stream in the hands of several workers, over one PostgreSQL store."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from msgspec.structs import replace

from chaos.verifier import judged_again, stored
from models.config import ModelConfig
from models.engine import Engine
from models.errors import StateError, Superseded
from models.event import microseconds
from pipeline.clock import clock_us
from pipeline.processing.assembly import SharedResources
from pipeline.processing.recordings.learn import learn
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.sharding import shard as shard_module
from pipeline.sharding.shard import Shard
from pipeline.store import open_shard

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Event
    from pipeline.store.postgresql import PostgresStore

pytestmark = pytest.mark.postgresql
ROOT = Path(__file__).resolve().parents[3]
ZERO, ONE = "kafka:t:0", "kafka:t:1"


@pytest.fixture
def settings(postgresql_url: str) -> Settings:
    return Settings(store=postgresql_url, sink="none", clock="event")


def a_shard(settings: Settings, store: PostgresStore, name: str) -> Shard:
    return Shard(settings, store.of(name), SharedResources.of(settings, store))


def records(pipeline: Any, name: str, limit: int = 400) -> list[RawRecord]:
    """Events of every second agent."""
    lines = pipeline.events(limit)
    names = sorted({json.loads(line)["agent"]["id"] for line in lines})
    mine = set(names[int(name[-1]) :: 2])
    own = [line for line in lines if json.loads(line)["agent"]["id"] in mine]
    return [RawRecord(line, name, at, 2_000_000_000_000_000) for at, line in enumerate(own)]


def judge(shard: Shard, given: list[RawRecord], size: int = 50) -> None:
    for start in range(0, len(given), size):
        batch = given[start : start + size]
        shard.judge(batch, str(batch[-1].offset + 1), 0)


def test_partition_added_later_is_judged_like_earlier_ones(
    settings: Settings, store: PostgresStore
) -> None:
    """What is promoted meanwhile is for the next start: a fleet is not judged in two ways."""
    resources = SharedResources.of(settings, store)
    store.configs.add(ModelConfig(gate=0.02), by="Ada", at_us=1, reason="fewer held back")
    one, again = (
        Shard(settings, store.of(ONE), given).worker
        for given in (resources, SharedResources.of(settings, store))
    )
    assert one.config.gate == ModelConfig().gate
    assert one.config_version == resources.config.version != again.config_version
    assert again.config.gate == 0.02


def test_failing_record_leaves_no_trace_in_a_shard(
    pipeline: Any, settings: Settings, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"kernel": "python"})
    given = {name: records(pipeline, name) for name in (ZERO, ONE)}
    ill, whole = given[ONE][60], Engine.judge

    def fail(self: Engine, event: Event, *args: Any, **more: Any) -> Any:
        if event.id == json.loads(ill.value)["id"]:
            raise ZeroDivisionError
        return whole(self, event, *args, **more)

    monkeypatch.setattr(Engine, "judge", fail)
    for name in (ZERO, ONE):
        shard = a_shard(settings, store, name)
        judge(shard, given[name])
        shard.end("drained")
    found = stored(settings.store, sorted(given))
    given[ONE] = [record for record in given[ONE] if record is not ill]
    again = judged_again(settings, given)
    counted = dict(found.tables.pop("counters"))
    assert counted.pop("rejected_not_judged") == 1
    assert counted == dict(again.tables.pop("counters"))
    assert [id for (id,) in found.tables.pop("waiting in the outbox")] == [1]
    again.tables.pop("waiting in the outbox")
    assert found.tables == again.tables


def test_each_shard_applies_contributions_of_the_other_and_stores_the_position(
    pipeline: Any, settings: Settings, store: PostgresStore
) -> None:
    shards = [a_shard(settings, store, name) for name in (ZERO, ONE)]
    streams = [records(pipeline, name) for name in (ZERO, ONE)]
    for start in range(0, max(map(len, streams)), 50):
        for shard, stream in zip(shards, streams, strict=True):
            judge(shard, stream[start : start + 50])
    taken = [shard.store.taken() for shard in shards]
    told = [len(store.of("").contributions({}, 1000, only=name)) for name in (ZERO, ONE)]
    assert min(told) > 1
    assert 0 < taken[0][ONE] <= told[1]
    assert 0 < taken[1][ZERO] <= told[0]
    assert store.counters()["events"] == sum(map(len, streams))


def test_the_newest_event_of_a_topic_is_that_of_all_its_partitions(
    pipeline: Any, settings: Settings, store: PostgresStore
) -> None:
    settings = settings.model_copy(update={"source": "kafka://127.0.0.1:9/t?group=g"})
    newest = {}
    for name in (ONE, ZERO):
        stream = records(pipeline, name)[:60]
        judge(a_shard(settings, store, name), stream)
        times = [datetime.fromisoformat(json.loads(one.value)["time"]) for one in stream]
        newest[name] = min(microseconds(max(times)), clock_us())
    said = store.status().last_events
    assert {name: one.kind for name, one in said.items()} == {"kafka:t": "live"}
    assert said["kafka:t"].event_us == max(newest.values())
    again = a_shard(settings, store, ONE)  # in other hands: no event, and none forgotten
    again.beat(0)
    assert store.statuses()[ONE].last_events["kafka:t"].event_us == newest[ONE]
    drained = Shard(settings, store.of(ONE), SharedResources.of(settings, store), drain=True)
    drained.beat(0)
    assert store.statuses()[ONE].last_events["kafka:t"].kind == "batch"


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


def test_contributions_applied_by_all_shards_are_deleted_except_the_newest(
    pipeline: Any, settings: Settings, store: PostgresStore
) -> None:
    shards = [a_shard(settings, store, name) for name in (ZERO, ONE)]
    streams = [records(pipeline, name, 800) for name in (ZERO, ONE)]
    for start in range(0, max(map(len, streams)) - 50, 25):
        for shard, stream in zip(shards, streams, strict=True):
            judge(shard, stream[start : start + 25], 25)

    def told() -> list[int]:
        return [seq for _, seq, _ in store.of("").contributions({}, 10_000, only=ZERO)]

    taken, before = shards[1].store.taken()[ZERO], told()
    assert shards[0].store.forget_contributions(len(before)) == 0
    assert shards[0].store.forget_contributions(1) == min(taken, len(before) - 1) > 0
    assert told() == before[min(taken, len(before) - 1) :]
    assert shards[1].store.taken()[ZERO] == taken
    shards[1].store.forget_contributions(0)
    assert shards[1].store.taken()[ZERO] == taken
    third = a_shard(settings, store, "kafka:t:2")  # has taken in nothing: nothing more may go
    assert shards[0].store.forget_contributions(0) == 0
    assert third.store.contributions({}, 10_000, only=ZERO)


def idle_beside(
    pipeline: Any, settings: Settings, store: PostgresStore, beats: int
) -> dict[str, list[RawRecord]]:
    """Let one shard judge while another has fallen silent, and a third has had nothing yet."""
    shards = {name: a_shard(settings, store, name) for name in (ZERO, ONE, "kafka:t:2")}
    given = {ZERO: records(pipeline, ZERO, 800), ONE: records(pipeline, ONE)[:60]}
    judge(shards[ONE], given[ONE][:50], 10)
    for at in range(0, len(given[ZERO]), 10):
        judge(shards[ZERO], given[ZERO][at : at + 10], 10)
        for name in (ONE, "kafka:t:2"):
            for _ in range(beats):
                shards[name].beat(0)
    if beats:
        del shards[ONE]  # and goes on in other hands
        shards[ONE] = a_shard(settings, store, ONE)
        judge(shards[ONE], given[ONE][50:], 10)
        for one in shards.values():
            one.end("drained")
    return given | {"kafka:t:2": []}


def test_shards_without_events_apply_contributions(
    pipeline: Any, settings: Settings, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_module, "KEPT_CONTRIBUTIONS", 5)
    given = idle_beside(pipeline, settings, store, beats=1)
    told = len(store.of("").contributions({}, 10_000, only=ZERO))
    for name in (ONE, "kafka:t:2"):
        assert told - 6 <= store.of(name).taken()[ZERO] <= told
    # Judged again, straight through, everything is the same.
    again, found = judged_again(settings, given), stored(settings.store, sorted(given))
    assert found.tables == again.tables
    assert store.of(ZERO).forget_contributions(5) >= told - 6 > 20


def test_contributions_unread_by_a_silent_shard_are_kept(
    pipeline: Any, settings: Settings, store: PostgresStore
) -> None:
    idle_beside(pipeline, settings, store, beats=0)
    assert store.of(ZERO).forget_contributions(0) == 0


@pytest.mark.slow
def test_three_shards_find_every_incident_of_the_sample(
    postgresql_url: str, store: PostgresStore
) -> None:
    data = ROOT / "data"
    settings = Settings(
        store=postgresql_url,
        inventory=data / "sample_inventory.csv",
        intel=data / "intel",
        corporate_networks=("203.0.113.0/28",),
        alerts_per_day=0.2,
        clock="event",
    )
    shards = [a_shard(settings, store, f"kafka:t:{number}") for number in range(3)]
    lines = gzip.decompress((data / "sample_events.jsonl.gz").read_bytes()).splitlines()
    for start in range(0, len(lines), 500):
        for number, shard in enumerate(shards):
            own = [
                RawRecord(line, shard.name, start + place, 2_000_000_000_000_000)
                for place, line in enumerate(lines[start : start + 500])
                if crc32(json.loads(line)["agent"]["id"].encode()) % 3 == number
            ]
            if own:
                shard.judge(own, str(own[-1].offset + 1), 0)
    truth = json.loads((data / "sample_truth.json").read_text())
    found = {event["id"] for one in store.anomalies(limit=1_000) for event in one["events"]}
    missed = [one for one in truth["incidents"] if not found.intersection(one["event_ids"])]
    assert len(truth["incidents"]) == 6
    assert missed == []


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


def test_every_shard_begins_with_the_learned_history(
    pipeline: Any, settings: Settings, store: PostgresStore
) -> None:
    history = pipeline.file(pipeline.events(300))
    learned = learn([str(history)], fmt="native", settings=settings)
    shard = a_shard(settings, store, ZERO)
    assert learned.events > 0
    assert shard.store.shared() == store.shared() != {}
    judge(shard, records(pipeline, ZERO)[:50])
    assert store.counters()["rejected_duplicate_id"] == 50  # they were in the history


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


def test_a_contribution_that_was_changed_outside_is_refused(
    pipeline: Any,
    settings: Settings,
    store: PostgresStore,
    from_outside: Callable[[str, str], None],
) -> None:
    judge(a_shard(settings, store, ZERO), records(pipeline, ZERO))
    other = a_shard(settings, store, ONE)
    from_outside(settings.store, r"update contributions set blob = '\x9690909090909000'")
    with pytest.raises(StateError, match="'kafka:t:0 1' of table 'contributions'"):
        judge(other, records(pipeline, ONE)[:10])
