"""Workers of one group over one PostgreSQL store, as `habitus run` starts them."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.errors import ConfigError, SourceUnavailable
from pipeline.commands.doctor.checks import examine
from pipeline.processing import runner
from pipeline.processing.progress import Silent
from pipeline.processing.recordings.learn import learn
from pipeline.sharding import loop
from pipeline.sources.kafka.clients.kafka_module import TopicPartition
from pipeline.store import open_shard, open_store, writer_lock
from tests.pipeline.sharding.streams import Stream, Worker, until

if TYPE_CHECKING:
    from pipeline.commands.doctor.check import Check
    from pipeline.settings import Settings

pytestmark = [pytest.mark.broker, pytest.mark.postgresql, pytest.mark.slow]


REJECTED = "agent.actions.rejected.jsonl"


def test_two_workers_share_partitions_and_transfer_them(pipeline, stream):
    events = pipeline.events(600)
    half = len(events) // 2
    stream.send(events[:half])
    with Worker(stream.settings()):
        until(lambda: stream.counted().get("events") == half)
        with Worker(stream.settings()):
            stream.send(events[half:])
            until(lambda: stream.counted()["events"] == len(events))
        # What the second had comes back to the first.
        more = [line.replace(b'"id":"', b'"id":"again-', 1) for line in events[:100]]
        stream.send(more)
        until(lambda: stream.counted()["events"] == len(events) + 100)
    with open_store(stream.url, read_only=True) as store:
        assert store.status().state == "stopped"


def test_events_over_http_are_judged_by_the_owner_of_their_partition(pipeline, stream):
    events = pipeline.events(60)
    with open_store(stream.url) as store:
        store.inbox(events)
        with Worker(stream.settings()):
            until(lambda: stream.counted().get("events") == len(events))
        assert store.inbox_batch(0, 10) == []
    assert not runner.serve_inbox(stream.settings(), threading.Event())


def test_event_over_http_too_large_for_the_topic_is_rejected_alone(pipeline, stream):
    events = pipeline.events(300)
    large = of_size(events.pop(), 1_048_540)
    with open_store(stream.url) as store:
        store.inbox([*events[:100], large, *events[100:]])
        with Worker(stream.settings(sink=f"file:{pipeline.folder / 'out'}")):
            until(lambda: stream.counted().get("events") == len(events))
            until(lambda: store.inbox_batch(0, 1) == [])
            until(lambda: (pipeline.folder / "out" / REJECTED).exists())
    assert rejections(stream) == {"rejected_too_long": 1}
    (line,) = (pipeline.folder / "out" / REJECTED).read_bytes().splitlines()
    told = json.loads(line)
    assert told["reason"] == "too_long"
    assert told["detail"] == "record is 1048540 bytes, more than the topic takes"
    assert told["full_length"] == 1_048_540
    assert large.startswith(told["value"].encode())


def test_events_too_large_together_are_all_written(
    pipeline, kafka_address, postgresql_url, kafka_client
):
    open_store(postgresql_url).close()
    narrow = {"max.message.bytes": "20000"}
    stream = Stream(kafka_address, postgresql_url, kafka_client, **narrow)
    events = [of_size(line, 15_000) for line in pipeline.events(8)]
    with open_store(stream.url) as store:
        store.inbox(events)
        with Worker(stream.settings()):
            until(lambda: stream.counted().get("events") == len(events))
            until(lambda: store.inbox_batch(0, 1) == [])
    assert rejections(stream) == {}
    stream.close()


def of_size(line: bytes, size: int) -> bytes:
    """An event that is so large, and does not compress."""
    event = json.loads(line) | {"arguments": {"blob": ""}}
    missing = size - len(json.dumps(event))
    event["arguments"]["blob"] = b64encode(os.urandom(missing)).decode()[:missing]
    return json.dumps(event).encode()


def rejections(stream: Stream) -> dict[str, int]:
    return {name: n for name, n in stream.counted().items() if name.startswith("rejected_")}


def test_worker_pauses_reading_while_the_sink_is_unavailable(pipeline, stream, monkeypatch):
    monkeypatch.setattr(loop, "_MAX_WAITING", 5)
    events = pipeline.events(1_500)
    stream.send(events)
    with Worker(stream.settings(sink="kafka://127.0.0.1:1", batch_size=50)):
        until(lambda: stream.counted().get("events", 0) > 0)
        time.sleep(4)
        held_at = stream.counted()["events"]
        time.sleep(2)
        assert stream.counted()["events"] == held_at < len(events)
    held_at = stream.counted()["events"]
    with Worker(stream.settings(sink="kafka://127.0.0.1:1", batch_size=50)):  # what waits, waits
        until(lambda: "running" in stream.statuses().values())
        time.sleep(4)
        assert stream.counted()["events"] == held_at
    monkeypatch.undo()
    runner.run(
        stream.settings(sink=f"kafka://{stream.address}"), drain=True, stop=threading.Event()
    )
    assert stream.counted()["events"] == len(events)


def test_position_lost_to_retention_is_refused_with_advice(pipeline, stream):
    events = pipeline.events(300)
    stream.send(events)
    runner.run(stream.settings(), drain=True, stop=threading.Event())
    assert position_check(stream.settings()).state == "ok"
    stream.send(events)
    partitions = [TopicPartition(stream.topic, number) for number in range(4)]
    stream.admin.delete_records(dict.fromkeys(partitions, -1))
    with pytest.raises(ConfigError, match=r"is outside what the broker holds.*lost=skip") as said:
        runner.run(stream.settings(), drain=True, stop=threading.Event())
    skipping = f"{stream.settings().source}&lost=skip"
    told = position_check(stream.settings())
    assert told.state == "missing"
    assert "lost=skip" in told.todo
    numbers = re.compile(r"\[\d\]|\d+")
    assert numbers.sub("", str(said.value)).startswith(numbers.sub("", told.found))
    assert position_check(stream.settings(source=skipping)).state == "optional"
    runner.run(stream.settings(source=skipping), drain=True, stop=threading.Event())


def test_re_created_topic_is_not_confused_with_the_earlier_one(pipeline, stream):
    events = pipeline.events(400)
    stream.send(events[:100])
    runner.run(stream.settings(), drain=True, stop=threading.Event())
    assert position_check(stream.settings()).state == "ok"
    stream.make_anew()
    stream.send(events[100:])  # each partition is longer than its position
    with pytest.raises(ConfigError, match=r"re-created.*lost=skip"):
        runner.run(stream.settings(), drain=True, stop=threading.Event())
    told = position_check(stream.settings())
    assert (told.state, "lost=skip" in told.todo) == ("missing", True)
    skipping = f"{stream.settings().source}&lost=skip"
    runner.run(stream.settings(source=skipping), drain=True, stop=threading.Event())
    assert stream.counted()["events"] == len(events)
    assert position_check(stream.settings()).state == "ok"


def position_check(settings: Settings) -> Check:
    return next(one for one in examine(settings, 0) if one.name == "position")


def test_wrongly_claimed_partition_is_reclaimed(pipeline, stream, monkeypatch):
    monkeypatch.setattr(loop, "_LOST_US", 1_000_000)
    events = pipeline.events(200)
    half = len(events) // 2
    stream.send(events[:half])
    with Worker(stream.settings()):
        until(lambda: stream.counted().get("events") == half)
        with open_shard(stream.url, "") as store:
            for number in range(4):  # as one does whom the broker told late
                store.of(f"kafka:{stream.topic}:{number}").claim()
        stream.send(events[half:])
        until(lambda: stream.counted()["events"] == len(events))
    assert not [name for name in stream.counted() if name.startswith("rejected_")]


def test_single_writer_is_refused_while_workers_run(pipeline, stream):
    events = pipeline.events(60)
    stream.send(events)
    file = pipeline.file(events)
    alone = stream.settings(source=f"file:{file}")
    with Worker(stream.settings()):
        until(lambda: stream.counted().get("events") == len(events))
        with pytest.raises(ConfigError, match="is in use by another process; stop it first"):
            runner.run(alone, drain=True, stop=threading.Event())
        with pytest.raises(ConfigError, match="is in use by another process; stop it first"):
            learn([str(file)], fmt="native", settings=alone)
        assert not runner.serve_inbox(alone, threading.Event())
    assert stream.counted()["events"] == len(events)
    assert "" not in stream.statuses()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"format": "foo"}, "unknown format 'foo'"),
        ({"sink": "bogus:"}, "unknown sink 'bogus:'"),
        ({"parameters": Path(__file__)}, "cannot read"),
    ],
)
def test_invalid_setting_is_reported_before_partitions_are_assigned(stream, wrong, said):
    stop = threading.Event()
    stop.set()
    with pytest.raises(ConfigError, match=said):
        runner.run(stream.settings(**wrong), stop=stop)


class Total(Silent):
    """Keeps how much there is to do."""

    def start(self, total: int | None, what: str, unit: str = "") -> None:
        assert what
        assert unit == "records"
        self.total = total


@pytest.mark.parametrize("drain", [True, False])
def test_progress_counts_only_bounded_sources(pipeline, stream, drain):
    events, progress, stop = pipeline.events(60), Total(), threading.Event()
    stream.send(events)
    if not drain:
        stop.set()
    runner.run(stream.settings(), drain=drain, progress=progress, stop=stop)
    assert progress.total == (len(events) if drain else None)


def test_workers_are_refused_while_a_single_writer_runs(pipeline, stream):
    with writer_lock(stream.url) as lock:
        assert lock.acquire()
        with pytest.raises(ConfigError, match="in use by a process that judges alone"):
            runner.run(stream.settings(), drain=True, stop=threading.Event())
        # One that lost its place in a restart of the server waits for it.
        with (
            pytest.raises(SourceUnavailable, match="judges alone"),
            loop._opened(stream.settings(), drain=True, again=True),
        ):
            pass
    events = pipeline.events(20)
    stream.send(events)
    runner.run(stream.settings(), drain=True, stop=threading.Event())
    assert stream.counted()["events"] == len(events)
