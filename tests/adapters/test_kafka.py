"""Kafka, against a real broker."""

from __future__ import annotations

import random
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import ConfigError, SinkUnavailable
from pipeline.adapters import open_sink, open_source
from pipeline.adapters.kafka import TOPICS, KafkaSource, create_topics
from pipeline.adapters.kafka.client import (
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    TopicPartition,
)
from pipeline.record import MAX_VALUE, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.record import Batch

pytestmark = pytest.mark.broker


@pytest.fixture
def admin(kafka_address: str) -> Iterator[Any]:
    client = KafkaAdminClient(bootstrap_servers=kafka_address)
    yield client
    client.close()


@pytest.fixture
def topic(admin: Any) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:12]}"
    options = {"num_partitions": 2, "replication_factor": 1,
               "configs": {"max.message.bytes": "4000000"}}  # fmt: skip
    admin.create_topics({name: options}, wait_for_metadata=True)
    yield name
    admin.delete_topics([name])


def fill(address: str, topic: str, first: int, last: int) -> None:
    sink = open_sink(f"kafka://{address}")
    sink.publish(
        [
            Message(topic, b"agent-%d" % (n % 9), f"id-{n}", b"%d" % n, (("trace", b"t"),))
            for n in range(first, last)
        ]
    )
    sink.close()


def a_source(
    address: str, topic: str, kafka_client: str, *, drain: bool = True, more: str = ""
) -> KafkaSource:
    url = f"kafka://{address}/{topic}?group=group-{topic}{more}"
    source = open_source(
        url, batch_size=100, clock_us=lambda: 7, drain=drain, kafka_client=kafka_client
    )
    assert isinstance(source, KafkaSource)
    return source


def drained(source: KafkaSource, positions: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read to the end as the runner does: commit after each batch."""
    source.resume(positions or {})
    stored, records = dict(positions or {}), []
    for batch in source.batches():
        records += batch.records
        stored.update(batch.positions)
        source.commit(batch.positions)
    source.close()
    return {"records": records, "positions": stored}


def test_what_is_published_is_read_with_key_headers_and_offsets(
    kafka_address: str, topic: str, kafka_client: str
) -> None:
    fill(kafka_address, topic, 0, 500)
    source = a_source(kafka_address, topic, kafka_client)
    assert source.size_hint() == 500
    found = drained(source)["records"]
    assert sorted(int(record.value) for record in found) == list(range(500))
    assert source.progress() == 500
    one = next(record for record in found if record.value == b"12")
    assert (one.key, one.arrived_us) == (b"agent-3", 7)
    assert dict(one.headers) == {"trace": b"t", "id": b"id-12"}
    by_partition: dict[str, list[int]] = {}
    for record in found:
        by_partition.setdefault(record.source, []).append(record.offset)
    assert by_partition.keys() == {f"kafka:{topic}:0", f"kafka:{topic}:1"}
    assert all(offsets == list(range(len(offsets))) for offsets in by_partition.values())


def test_a_new_start_goes_on_where_the_store_is_not_where_the_group_is(
    kafka_address: str, topic: str, kafka_client: str
) -> None:
    fill(kafka_address, topic, 0, 300)
    end = drained(a_source(kafka_address, topic, kafka_client))["positions"]
    fill(kafka_address, topic, 300, 320)
    behind = {key: str(int(offset) - 10) for key, offset in end.items()}
    found = drained(a_source(kafka_address, topic, kafka_client), behind)["records"]
    assert len(found) == 2 * 10 + 20


def test_without_stored_position_everything_is_read_again(
    kafka_address: str, topic: str, kafka_client: str
) -> None:
    fill(kafka_address, topic, 0, 50)
    for _ in range(2):
        assert len(drained(a_source(kafka_address, topic, kafka_client))["records"]) == 50


def test_a_position_that_retention_overtook_stops_with_a_sentence(
    kafka_address: str, topic: str, kafka_client: str, admin: Any
) -> None:
    fill(kafka_address, topic, 0, 300)
    admin.delete_records({TopicPartition(topic, 0): 40, TopicPartition(topic, 1): 40})
    stored = {f"kafka:{topic}:0": "5", f"kafka:{topic}:1": "60"}
    source = a_source(kafka_address, topic, kafka_client)
    source.resume(stored)
    expected = (
        rf"position 5 of {topic}\[0\] is outside what the broker holds, 40 to \d+; .*lost=skip"
    )
    with pytest.raises(ConfigError, match=expected):
        list(source.batches())
    source.close()
    found = drained(a_source(kafka_address, topic, kafka_client, more="&lost=skip"), stored)[
        "records"
    ]
    assert min(r.offset for r in found if r.source.endswith(":0")) == 40
    assert min(r.offset for r in found if r.source.endswith(":1")) == 60


def test_a_position_beyond_the_end_stops_too(
    kafka_address: str, topic: str, kafka_client: str
) -> None:
    fill(kafka_address, topic, 0, 5)
    source = a_source(kafka_address, topic, kafka_client)
    source.resume({f"kafka:{topic}:0": "9000"})
    with pytest.raises(ConfigError, match=r"position 9000 of .* outside"):
        list(source.batches())
    source.close()


class Worker(threading.Thread):
    """A runner in small: takes positions from a store that all share, commits to it."""

    def __init__(self, source: KafkaSource, store: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.source = source
        self.store = store
        self.got: list[str] = []
        self.left: list[str] = []
        self.values: list[int] = []
        self.ending = threading.Event()
        source.on_assigned = self.assigned
        source.on_revoked = self.left.extend

    def assigned(self, keys: list[str]) -> dict[str, str]:
        self.got.extend(keys)
        return {key: self.store[key] for key in keys if key in self.store}

    def run(self) -> None:
        for batch in self.source.batches():
            self.values.extend(int(record.value) for record in batch.records)
            self.store.update(batch.positions)
            self.source.commit(batch.positions)
            if self.ending.is_set():
                break
        self.source.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("other", ["kafka-python", "librdkafka"])
def test_workers_share_partitions_and_ask_the_store_when_they_get_one(
    kafka_address: str, topic: str, kafka_client: str, other: str
) -> None:
    fill(kafka_address, topic, 0, 100)
    store: dict[str, str] = {}
    # Each in its own thread: two members that take turns never finish a rebalance.
    first, second = (
        Worker(a_source(kafka_address, topic, client, drain=False), store)
        for client in (kafka_client, other)
    )
    first.start()
    until(lambda: len(first.values) == 100)
    second.start()
    until(lambda: bool(second.got))
    fill(kafka_address, topic, 100, 160)
    until(lambda: len(first.values + second.values) >= 160)
    second.ending.set()
    second.join()
    fill(kafka_address, topic, 160, 200)
    until(lambda: len(first.values + second.values) >= 200)
    first.ending.set()
    first.join()
    assert first.got == [f"kafka:{topic}:0", f"kafka:{topic}:1", *second.got]
    assert first.left[: len(second.got)] == second.got
    assert second.values, "the second worker did its part"
    assert sorted(first.values + second.values) == list(range(200)), "all, and none twice"


def test_draining_an_empty_topic_ends(kafka_address: str, topic: str, kafka_client: str) -> None:
    assert drained(a_source(kafka_address, topic, kafka_client))["records"] == []


def test_a_record_beyond_the_bound_is_cut_and_marked(
    kafka_address: str, topic: str, kafka_client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.adapters.kafka.sink.LARGEST_MESSAGE", 4_000_000)
    sink = open_sink(f"kafka://{kafka_address}")
    sink.publish([Message(topic, b"a", "1", b"x" * (MAX_VALUE + 1))])
    sink.close()
    (record,) = drained(a_source(kafka_address, topic, kafka_client))["records"]
    assert (len(record.value), record.full_length) == (65_536, MAX_VALUE + 1)


def test_a_tombstone_is_published_and_read_as_nothing(
    kafka_address: str, topic: str, kafka_client: str
) -> None:
    sink = open_sink(f"kafka://{kafka_address}")
    sink.publish([Message(topic, b"a", "1", None), Message(topic, b"", "2", b"no key")])
    sink.close()
    plain = KafkaConsumer(bootstrap_servers=kafka_address)
    partitions = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    plain.assign(partitions)
    plain.seek_to_beginning(*partitions)
    raw: list[Any] = []
    while len(raw) < 2:
        raw += [one for some in plain.poll(500).values() for one in some]
    plain.close()
    assert {(one.key, one.value) for one in raw} == {(b"a", None), (None, b"no key")}
    values = {
        record.value for record in drained(a_source(kafka_address, topic, kafka_client))["records"]
    }
    assert values == {b"", b"no key"}


def test_topics_of_the_contract_are_created_once(kafka_address: str, admin: Any) -> None:
    create_topics(kafka_address)
    assert create_topics(f"kafka://{kafka_address}") == dict.fromkeys(TOPICS, False)
    assert set(TOPICS) <= set(admin.list_topics())


def test_a_topic_that_is_not_there_is_named(kafka_address: str, kafka_client: str) -> None:
    with pytest.raises(ConfigError, match=r"topic 'absent-topic' does not exist"):
        open_source(
            f"kafka://{kafka_address}/absent-topic", clock_us=lambda: 0, kafka_client=kafka_client
        )


def test_no_broker_is_said_with_its_address_at_once(kafka_client: str) -> None:
    said = r"no Kafka broker answers at 127\.0\.0\.1:9"
    with pytest.raises(ConfigError, match=said):
        open_source("kafka://127.0.0.1:9/t", clock_us=lambda: 0, kafka_client=kafka_client)
    with pytest.raises(SinkUnavailable, match=said):
        open_sink("kafka://127.0.0.1:9").publish([Message("t", b"", "1", b"x")])
    with pytest.raises(ConfigError, match=said):
        create_topics("127.0.0.1:9")


def test_a_sink_that_failed_works_again(
    kafka_address: str, topic: str, kafka_client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.adapters.kafka.sink._ANSWER_MS", 1000)
    sink = open_sink(f"kafka://{kafka_address}")
    with pytest.raises(SinkUnavailable, match=r"cannot publish to topic 'absent-topic' at"):
        sink.publish([Message("absent-topic", b"a", "1", b"x")])
    sink.publish([Message(topic, b"a", "2", b"y")])
    sink.close()
    assert [
        record.value for record in drained(a_source(kafka_address, topic, kafka_client))["records"]
    ] == [b"y"]


def test_batches_of_a_slow_worker_get_smaller_and_keep_to_their_time(
    kafka_address: str, topic: str, kafka_client: str
) -> None:
    fill(kafka_address, topic, 0, 2_000)
    now = 0
    source = KafkaSource(
        f"kafka://{kafka_address}/{topic}?group=g-{topic}",
        batch_size=500,
        clock_us=lambda: now,
        drain=True,
        batch_ms=100,
        client=kafka_client,
    )
    source.resume({})
    sizes = []
    for batch in source.batches():
        sizes.append(len(batch.records))
        now += 1_000 * len(batch.records)  # a millisecond each
        source.commit(batch.positions)
    source.close()
    full = [size for size in sizes if size]
    assert sum(full) == 2_000
    assert full[0] > 100
    assert max(full[1:]) <= 100


def endless(address: str, topic: str, client: str, more: str = "") -> KafkaSource:
    """A source in the middle of its work: it has its partitions, and has fetched ahead."""
    source = a_source(address, topic, client, drain=False, more=more)
    source.resume({})
    return source


def some(batches: Iterator[Batch]) -> Batch:
    """Give the next batch that has records."""
    deadline = time.monotonic() + 30
    while not (batch := next(batches)).records:
        assert time.monotonic() < deadline
    return batch


def test_a_source_that_is_held_hands_nothing_out_and_then_goes_on_where_it_was(
    kafka_address: str, topic: str, kafka_client: str
) -> None:
    fill(kafka_address, topic, 0, 3_000)
    source = endless(kafka_address, topic, kafka_client)
    batches, records = source.batches(), []
    for turn in range(8):
        records += some(batches).records
        source.hold(held=True)
        for _ in range(turn % 3):  # something is fetched ahead; the longer it waits, the more
            assert not next(batches).records
        source.hold(held=False)
    while len(records) < 3_000:
        records += some(batches).records
    source.close()
    by_partition: dict[str, list[int]] = {}
    for record in records:
        by_partition.setdefault(record.source, []).append(record.offset)
    assert sorted(int(record.value) for record in records) == list(range(3_000))
    assert all(offsets == list(range(len(offsets))) for offsets in by_partition.values())


def test_taken_back_a_partition_goes_on_at_the_stored_position_not_at_what_was_fetched(
    kafka_address: str, topic: str, kafka_client: str
) -> None:
    fill(kafka_address, topic, 0, 3_000)
    source = endless(kafka_address, topic, kafka_client)
    batches, chance = source.batches(), random.Random(5)  # noqa: S311  # positions
    some(batches)
    key = f"kafka:{topic}:0"
    for _ in range(12):
        stored = {key: str(chance.randrange(1_000))}
        source.on_assigned = lambda _, stored=stored: stored
        source.again([key])
        offsets: list[int] = []
        while not offsets:
            offsets = [one.offset for one in some(batches).records if one.source == key]
        begin = int(stored[key])
        assert offsets == list(range(begin, begin + len(offsets)))
    source.close()


def test_what_a_transaction_did_not_commit_is_not_read_and_its_end_is_passed(
    kafka_address: str, topic: str, kafka_client: str
) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka_address, transactional_id=topic)
    producer.init_transactions()
    for number in range(8):
        producer.begin_transaction()
        producer.send(topic, b"%d" % number, b"a", partition=number % 2)
        if number % 2 == 0:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.begin_transaction()
    producer.send(topic, b"open", b"a", partition=0).get(10)
    found = drained(a_source(kafka_address, topic, kafka_client))["records"]
    assert [one.value for one in found] == [b"0", b"2", b"4", b"6"]
    producer.abort_transaction()
    producer.close()
    assert len(drained(a_source(kafka_address, topic, kafka_client))["records"]) == 4


@pytest.mark.parametrize("more", ["", "&lost=skip"])
def test_an_offset_that_the_broker_does_not_hold_is_met_while_reading(
    kafka_address: str, topic: str, kafka_client: str, more: str
) -> None:
    fill(kafka_address, topic, 0, 60)
    source = endless(kafka_address, topic, kafka_client, more)
    batches, read = source.batches(), 0
    while read < 60:
        read += len(some(batches).records)
    source._member.seek(0, 9_000)
    if more:
        offsets = [one.offset for one in some(batches).records if one.source.endswith(":0")]
        assert offsets == list(range(len(offsets)))
    else:
        with pytest.raises(ConfigError, match=r"position 9000 of .*\[0\] is outside"):
            some(batches)
    source.close()


def test_the_age_of_the_newest_record_is_told_until_all_are_handed_out(
    kafka_address: str, topic: str, kafka_client: str
) -> None:
    fill(kafka_address, topic, 0, 400)
    source = KafkaSource(
        f"kafka://{kafka_address}/{topic}?group=g-{topic}",
        batch_size=50,
        clock_us=lambda: 2**52,
        client=kafka_client,
    )
    batches = source.batches()
    batch = some(batches)
    (key, *_) = batch.positions
    assert source.lag_us(key) == 2**52 - batch.records[-1].sent_us > 0
    left = 400 - len(batch.records)
    while left:
        left -= len(some(batches).records)
    assert source.lag_us(key) == 0
    source.close()
