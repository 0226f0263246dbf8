"""What comes in over HTTP, on its way to the topic that the partitions of one store are of."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import MessageTooLarge, SinkUnavailable, Superseded
from pipeline.assembling.marks import EVENT, kind_of
from pipeline.processing.assembly import SharedResources
from pipeline.processing.stream_types import RawRecord
from pipeline.publishing.publisher import Publisher
from pipeline.settings import Settings
from pipeline.sharding.inbox import forward
from pipeline.sharding.shard import Shard

if TYPE_CHECKING:
    from pipeline.store.postgresql import PostgresStore

pytestmark = pytest.mark.postgresql
FIRST = "kafka:t:0"


@pytest.fixture
def settings(postgresql_url: str) -> Settings:
    return Settings(source="kafka://127.0.0.1:9/t?group=g", store=postgresql_url, sink="none")


def first_shard(settings: Settings, store: PostgresStore) -> Shard:
    return Shard(settings, store.of(FIRST), SharedResources.of(settings, store))


def test_events_from_http_are_written_to_the_topic_under_their_agents(
    store: PostgresStore,
) -> None:
    class Topic:
        """Takes what is written to it, or nothing."""

        def __init__(self) -> None:
            self.away = True
            self.records: list[Any] = []

        def submit(self, records: list[Any]) -> None:
            if self.away:
                raise SinkUnavailable("away")
            self.records += records

    topic: Any = Topic()
    event = b'{"id":"e-1","agent":{"id":"billing-7"}}'
    store.inbox([event, b"{}"])
    publisher = Publisher(threading.Event())
    assert forward(store, topic, publisher) == 0
    topic.away = False
    assert forward(store, topic, publisher) == 2
    assert [one[:2] for one in topic.records] == [(b"billing-7", event), (None, b"{}")]
    marked = [RawRecord(value, "t", 0, 0, headers) for _, value, headers in topic.records]
    assert [kind_of(one, store.secret) for one in marked] == [EVENT, EVENT]
    assert store.inbox_batch(0, 10) == []


def test_only_remaining_events_are_rewritten_and_too_large_ones_are_rejected(
    settings: Settings, store: PostgresStore
) -> None:
    class Topic:
        """Takes no two of these together, and one of them not at all."""

        def __init__(self) -> None:
            self.values: list[bytes] = []

        def submit(self, records: list[Any]) -> None:
            wide = [place for place, (_, value, _) in enumerate(records) if len(value) > 9]
            if len(wide) == 1 and len(records[wide[0]][1]) < 90_000:
                wide = []
            self.values += [one[1] for at, one in enumerate(records) if at not in wide]
            if wide:
                raise MessageTooLarge("too large", tuple(wide))

    topic: Any = Topic()
    values = [b"1", b"2" * 50, b"3", b"4" * 90_000, b"5" * 50, b"6", b"7" * 50]
    shard = first_shard(settings, store)
    store.inbox(values)
    assert forward(shard.store, topic, Publisher(threading.Event())) == len(values)
    assert sorted(topic.values) == [value for value in values if len(value) < 90_000]
    assert store.inbox_batch(0, 10) == []
    assert store.counters() == {"rejected_too_long": 1}
    ((_, message),) = shard.store.outbox(10)
    assert message.id == "rejected:inbox@4"
    assert len(message.value or b"") == 65_536


def test_inbox_is_served_by_the_owner_of_the_first_partition(
    settings: Settings, store: PostgresStore
) -> None:
    old = first_shard(settings, store)
    first_shard(settings, store)
    store.inbox([b"{}"])
    topic: Any = type("Topic", (), {"submit": lambda *_: None})()
    with pytest.raises(Superseded):
        forward(old.store, topic, Publisher(threading.Event()))
    assert len(store.inbox_batch(0, 10)) == 1
