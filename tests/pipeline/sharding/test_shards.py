"""Partitions of one stream in the hands of several workers, over one PostgreSQL store."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from chaos.verifier import judged_again, stored
from models.config import ModelConfig
from models.engine import Engine
from models.event import microseconds
from pipeline.clock import clock_us
from pipeline.processing.assembly import SharedResources
from pipeline.processing.recordings.learn import learn
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.sharding.shard import Shard
from tests.pipeline.sharding.shards import ONE, ZERO, a_shard, judge, records

if TYPE_CHECKING:
    from models.event import Event
    from pipeline.store.postgresql import PostgresStore

pytestmark = pytest.mark.postgresql
ROOT = Path(__file__).resolve().parents[3]


def test_partition_added_later_is_judged_like_earlier_ones(
    settings: Settings, store: PostgresStore
) -> None:
    """What is promoted meanwhile is for the next start: a fleet is not judged in two ways."""
    resources = SharedResources.of(settings, store)
    store.configs.add(ModelConfig(held_days=4), by="Ada", at_us=1, reason="values wait longer")
    one, again = (
        Shard(settings, store.of(ONE), given).worker
        for given in (resources, SharedResources.of(settings, store))
    )
    assert one.config.held_days == ModelConfig().held_days
    assert one.config_version == resources.config.version != again.config_version
    assert again.config.held_days == 4


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


def test_the_newest_event_of_a_topic_is_that_of_all_its_partitions(
    pipeline: Any, settings: Settings, store: PostgresStore
) -> None:
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


@pytest.mark.slow
def test_three_shards_find_every_incident_of_the_sample(
    postgresql_url: str, store: PostgresStore
) -> None:
    data = ROOT / "data"
    settings = Settings(
        source="kafka://127.0.0.1:9/t?group=g",
        store=postgresql_url,
        inventory=data / "sample_inventory.csv",
        intel=data / "intel",
        corporate_networks=("203.0.113.0/28",),
        alerts_per_day=1,
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
