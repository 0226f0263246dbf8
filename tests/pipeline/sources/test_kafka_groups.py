"""Who of a group reads what, and from where, against a real broker."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import ConfigError, SourceUnavailable
from pipeline.sources.kafka import topic_identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.sources.kafka.source import KafkaSource

pytestmark = pytest.mark.broker


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
    kafka: Any, other: str
) -> None:
    kafka.fill(0, 100)
    store: dict[str, str] = {}
    # Each in its own thread: two members that take turns never finish a rebalance.
    first, second = (
        Worker(kafka.source(client, drain=False), store) for client in (kafka.client, other)
    )
    first.start()
    until(lambda: len(first.values) == 100)
    second.start()
    until(lambda: bool(second.got))
    kafka.fill(100, 160)
    until(lambda: len(first.values + second.values) >= 160)
    second.ending.set()
    second.join()
    kafka.fill(160, 200)
    until(lambda: len(first.values + second.values) >= 200)
    first.ending.set()
    first.join()
    assert first.got == [f"kafka:{kafka.topic}:0", f"kafka:{kafka.topic}:1", *second.got]
    assert first.left[: len(second.got)] == second.got
    assert second.values, "the second worker did its part"
    assert sorted(first.values + second.values) == list(range(200)), "all, and none twice"


def test_paused_source_returns_no_records_and_resumes_at_its_position(kafka: Any) -> None:
    kafka.fill(0, 3_000)
    source = kafka.endless()
    batches, records = source.batches(), []
    for turn in range(8):
        records += kafka.some(batches).records
        source.hold(held=True)
        for _ in range(turn % 3):  # something is fetched ahead; the longer it waits, the more
            assert not next(batches).records
        source.hold(held=False)
    while len(records) < 3_000:
        records += kafka.some(batches).records
    source.close()
    by_partition: dict[str, list[int]] = {}
    for record in records:
        by_partition.setdefault(record.source, []).append(record.offset)
    assert sorted(int(record.value) for record in records) == list(range(3_000))
    assert all(offsets == list(range(len(offsets))) for offsets in by_partition.values())


def test_a_session_timeout_that_the_broker_refuses_is_a_wrong_setting(
    kafka: Any, tmp_path: Path
) -> None:
    file = tmp_path / "client.toml"
    file.write_text("session_timeout_ms = 50\nheartbeat_interval_ms = 20\n")
    source = kafka.source(more=f"&config={file}")
    with pytest.raises(ConfigError, match=r"(?i)cannot read topic.*session.?timeout"):
        list(source.batches())
    source.close()


def test_broker_without_a_topic_id_counts_as_unavailable(
    kafka: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: object) -> str:
        raise ConfigError("cannot describe topics")

    source = kafka.source()
    monkeypatch.setattr(topic_identity, "topic_id_at", nobody)
    with pytest.raises(SourceUnavailable, match="cannot describe topics"):
        list(source.batches())
    source.close()


def test_draining_uses_positions_of_the_store_not_of_the_group(kafka: Any) -> None:
    """An emptied store is filled anew, though the group stands at the end and makes us wait."""
    kafka.fill(0, 100)
    kafka.drained()
    other = kafka.endless()
    batches = other.batches()
    kafka.some(batches)  # a member, which is slow to give partitions away
    source = kafka.source()
    going = threading.Timer(2, other.close)
    going.start()
    assert len(kafka.read(source)["records"]) == 100
    going.join()


def test_returned_partition_resumes_at_the_stored_position_not_at_the_fetched_one(
    kafka: Any,
) -> None:
    kafka.fill(0, 3_000)
    source = kafka.endless()
    batches, chance = source.batches(), random.Random(5)  # noqa: S311  # positions
    kafka.some(batches)
    key = f"kafka:{kafka.topic}:0"
    for _ in range(12):
        stored = {key: str(chance.randrange(1_000))}
        source.on_assigned = lambda _, stored=stored: stored
        source.again([key])
        offsets: list[int] = []
        while not offsets:
            offsets = [one.offset for one in kafka.some(batches).records if one.source == key]
        begin = int(stored[key])
        assert offsets == list(range(begin, begin + len(offsets)))
    source.close()
