"""What is read from Kafka, against a real broker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import ConfigError
from pipeline.processing.stream_types import MAX_VALUE, Message
from pipeline.sources.kafka.clients.kafka_module import TopicPartition
from pipeline.sources.kafka.clients.member import NoAnswer
from pipeline.sources.kafka.levels import ASK_US
from pipeline.sources.kafka.position import Position
from pipeline.sources.kafka.source import KafkaSource
from pipeline.sources.kafka.topic_identity import CHECK_EVERY_US

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.broker


def test_published_messages_are_read_with_key_headers_and_offsets(kafka: Any) -> None:
    kafka.fill(0, 500)
    source = kafka.source()
    assert source.size_hint() == 500
    found = kafka.read(source)["records"]
    assert sorted(int(record.value) for record in found) == list(range(500))
    assert source.progress() == 500
    one = next(record for record in found if record.value == b"12")
    assert (one.key, one.arrived_us) == (b"agent-3", 7)
    assert dict(one.headers) == {"trace": b"t", "id": b"id-12"}
    by_partition: dict[str, list[int]] = {}
    for record in found:
        by_partition.setdefault(record.source, []).append(record.offset)
    assert by_partition.keys() == {f"kafka:{kafka.topic}:0", f"kafka:{kafka.topic}:1"}
    assert all(offsets == list(range(len(offsets))) for offsets in by_partition.values())


def test_restart_continues_from_the_store_not_from_the_group(kafka: Any) -> None:
    kafka.fill(0, 300)
    end = kafka.drained()["positions"]
    kafka.fill(300, 320)
    places = {key: Position.of(stored) for key, stored in end.items()}
    assert all(place.topic_id for place in places.values())
    behind = {key: str(Position(at - 10, topic)) for key, (at, topic) in places.items()}
    source = kafka.source()
    found = kafka.read(source, behind)["records"]
    assert len(found) == source.progress() == 2 * 10 + 20


def test_size_counts_only_unread_records(kafka: Any) -> None:
    kafka.fill(0, 300)
    source = kafka.source()
    assert (source.unit, source.size_hint()) == ("records", 300)
    stored = kafka.read(source)["positions"]
    kafka.fill(300, 320)
    source = kafka.source()
    source.resume(stored)
    assert source.size_hint() == 20
    source.close()


def test_positions_of_an_earlier_version_without_topic_are_accepted(kafka: Any) -> None:
    kafka.fill(0, 30)
    stored = {key: str(Position.of(at).offset) for key, at in kafka.drained()["positions"].items()}
    kafka.fill(30, 40)
    assert len(kafka.drained(stored)["records"]) == 10


def test_topic_is_read_from_its_start_without_stored_position(kafka: Any) -> None:
    kafka.fill(0, 50)
    for _ in range(2):
        assert len(kafka.drained()["records"]) == 50


def test_position_lost_to_retention_stops_with_a_message(kafka: Any, admin: Any) -> None:
    kafka.fill(0, 300)
    admin.delete_records({TopicPartition(kafka.topic, 0): 40, TopicPartition(kafka.topic, 1): 40})
    stored = {f"kafka:{kafka.topic}:0": "5", f"kafka:{kafka.topic}:1": "60"}
    source = kafka.source()
    source.resume(stored)
    expected = (
        rf"position 5 of {kafka.topic}\[0\] is outside what the broker holds, "
        r"40 to \d+; .*lost=skip"
    )
    with pytest.raises(ConfigError, match=expected):
        list(source.batches())
    source.close()
    found = kafka.drained(stored, more="&lost=skip")["records"]
    assert min(r.offset for r in found if r.source.endswith(":0")) == 40
    assert min(r.offset for r in found if r.source.endswith(":1")) == 60


def test_position_beyond_the_end_stops_with_a_message(kafka: Any) -> None:
    kafka.fill(0, 5)
    source = kafka.source()
    source.resume({f"kafka:{kafka.topic}:0": "9000"})
    with pytest.raises(ConfigError, match=r"position 9000 of .* outside"):
        list(source.batches())
    source.close()


def test_draining_an_empty_topic_ends(kafka: Any) -> None:
    assert kafka.drained()["records"] == []


def test_a_record_beyond_the_bound_is_cut_and_marked(kafka: Any) -> None:
    sink = kafka.sink()
    sink.publish([Message(kafka.topic, b"a", "1", b"x" * (MAX_VALUE + 1))])
    sink.close()
    (record,) = kafka.drained()["records"]
    assert (len(record.value), record.full_length) == (65_536, MAX_VALUE + 1)


def test_batches_of_a_slow_worker_shrink_to_their_time(kafka: Any) -> None:
    kafka.fill(0, 2_000)
    now = 0
    source = KafkaSource(
        f"kafka://{kafka.address}/{kafka.topic}?group=g-{kafka.topic}",
        batch_size=500,
        clock_us=lambda: now,
        drain=True,
        batch_ms=100,
        client=kafka.client,
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


@pytest.mark.parametrize("more", ["", "&lost=skip"])
def test_missing_offset_is_detected_while_reading(kafka: Any, more: str) -> None:
    kafka.fill(0, 60)
    source = kafka.endless(more)
    batches, read = source.batches(), 0
    while read < 60:
        read += len(kafka.some(batches).records)
    source._member.seek(0, 9_000)
    if more:
        offsets = [one.offset for one in kafka.some(batches).records if one.source.endswith(":0")]
        assert offsets == list(range(len(offsets)))
    else:
        with pytest.raises(ConfigError, match=r"position 9000 of .*\[0\] is outside"):
            kafka.some(batches)
    source.close()


def late(kafka: Any, batch_size: int, clock_us: Callable[[], int] = lambda: 2**52) -> KafkaSource:
    """Give a source by whose clock everything was sent long ago."""
    return KafkaSource(
        f"kafka://{kafka.address}/{kafka.topic}?group=g-{kafka.topic}",
        batch_size=batch_size,
        clock_us=clock_us,
        client=kafka.client,
    )


@pytest.mark.parametrize("more", ["", "&lost=skip"])
def test_re_created_topic_is_detected(kafka: Any, admin: Any, more: str) -> None:
    kafka.fill(0, 40)
    now, stored = [0], {}
    source = KafkaSource(
        f"kafka://{kafka.address}/{kafka.topic}?group=g-{kafka.topic}{more}",
        batch_size=100,
        clock_us=lambda: now[0],
        client=kafka.client,
    )
    source.on_assigned = lambda _: stored
    batches, read = source.batches(), []

    def on(wanted: int) -> None:
        deadline = time.monotonic() + 60
        while len(read) < wanted:
            assert time.monotonic() < deadline, len(read)
            batch = next(batches)
            read.extend(record.value for record in batch.records)
            stored.update(batch.positions)

    on(40)
    admin.delete_topics([kafka.topic])
    while kafka.topic in admin.list_topics():
        time.sleep(0.05)
    options = {"num_partitions": 2, "replication_factor": 1, "configs": {}}
    admin.create_topics({kafka.topic: options}, wait_for_metadata=True)
    kafka.fill(100, 400)  # each partition is longer than it was
    now[0] += CHECK_EVERY_US
    read.clear()
    if more:
        on(300)
        assert sorted(read) == sorted(b"%d" % n for n in range(100, 400))
    else:
        with pytest.raises(ConfigError, match="re-created"):
            on(300)
    source.close()


def test_age_of_the_newest_record_is_the_lag_until_all_are_handed_out(kafka: Any) -> None:
    kafka.fill(0, 400)
    source = late(kafka, 50)
    batches = source.batches()
    batch = kafka.some(batches)
    (key, *_) = batch.positions
    newest = [record for record in batch.records if record.source == key][-1]
    assert source.lag_us(key) == 2**52 - newest.sent_us > 0
    left = 400 - len(batch.records)
    while left:
        left -= len(kafka.some(batches).records)
    assert source.lag_us(key) == 0
    source.close()


def test_records_that_wait_in_a_paused_source_are_late(kafka: Any) -> None:
    kafka.fill(0, 60)
    now = [2**52]
    source = late(kafka, 500, lambda: now[0])
    batches, read = source.batches(), 0
    while read < 60:
        batch = kafka.some(batches)
        read += len(batch.records)
    (key, *_) = batch.positions
    source.hold(held=True)
    next(batches)
    kafka.fill(60, 120)
    for _ in range(3):
        now[0] += ASK_US
        assert not next(batches).records
    assert 0 < source.lag_us(key) <= 4 * ASK_US  # since it was last read to its end
    assert set(source.lags_us()) >= {key}
    source.hold(held=False)
    while read < 120:
        read += len(kafka.some(batches).records)
    assert set(source.lags_us().values()) == {0}
    source.close()


def test_lag_grows_if_no_broker_answers(kafka: Any) -> None:
    kafka.fill(0, 60)
    now = [2**52]
    source = late(kafka, 500, lambda: now[0])
    batches, read = source.batches(), 0
    while read < 60:
        read += len(kafka.some(batches).records)
    for _ in range(4):
        now[0] += ASK_US
        next(batches)
    assert set(source.lags_us().values()) == {0}

    def nobody(*_: object) -> dict[int, int]:
        raise NoAnswer("nobody")

    source._member.end = nobody  # type: ignore[method-assign]
    for _ in range(4):
        now[0] += ASK_US
        next(batches)
    assert min(source.lags_us().values()) >= 3 * ASK_US
    source.close()


def test_returned_partition_is_not_late_for_records_judged_by_others(
    kafka: Any,
) -> None:
    kafka.fill(0, 60)
    source = late(kafka, 500)
    batches, read = source.batches(), 0
    while read < 60:
        batch = kafka.some(batches)
        read += len(batch.records)
    (key, *_) = batch.positions
    source._member.pause(source._member.assignment())
    kafka.fill(60, 120)
    for _ in range(20):  # until the client knows of them
        next(batches)
    source.on_assigned = lambda keys: dict.fromkeys(keys, "0")
    source.again([key])
    assert source.lag_us(key) == 0
    source.close()
