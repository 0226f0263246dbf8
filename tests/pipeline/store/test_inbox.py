"""The inbox keeps the events of the API until they are judged."""

from __future__ import annotations

import threading

import pytest

from pipeline.events.duplicates import Marker
from pipeline.store import Commit, Store, open_shard, open_store


def test_the_inbox_keeps_order_until_it_is_judged(store: Store) -> None:
    assert store.inbox([b"1", b"2"]) == ["accepted", "accepted"]
    assert store.inbox([b"3"]) == ["accepted"]
    assert [(at, value) for at, value, _ in store.inbox_batch(1, 10)] == [(2, b"2"), (3, b"3")]
    assert store.inbox_batch(0, 1)[0][2] > 1_700_000_000_000_000
    store.commit(Commit(inbox_done=3))
    assert store.inbox_batch(0, 10) == []
    store.inbox([b"4"])
    assert [at for at, *_ in store.inbox_batch(0, 10)] == [4]


def an_event(tool: str, number: int = 1) -> bytes:
    return b'{"id":"e-%d","agent":{"id":"a"},"tool":"%s"}' % (number, tool.encode())


def test_inbox_compares_each_event_with_waiting_ones(store: Store) -> None:
    benign, attack = an_event("crm.read"), an_event("bank.pay")
    assert store.inbox([benign, attack, benign]) == ["accepted", "conflict", "duplicate"]
    assert store.inbox([attack, an_event("crm.read", 2)]) == ["duplicate", "accepted"]
    assert [at for at, *_ in store.inbox_batch(0, 10)] == [1, 2, 3]
    store.commit(Commit(inbox_done=3))
    assert store.inbox([attack]) == ["accepted"]


@pytest.mark.postgresql
def test_inbox_recognises_events_judged_by_any_shard(postgresql_url: str) -> None:
    benign, attack = an_event("crm.read"), an_event("bank.pay")
    with open_store(postgresql_url) as store, open_shard(postgresql_url, "kafka:t:1") as shard:
        ((key, digest),) = Marker(store.secret).of_all([benign])
        shard.claim()
        shard.commit(Commit(seen={20_000: {key: digest}}))
        assert store.inbox([benign, attack]) == ["duplicate", "conflict"]


def test_event_is_new_to_only_one_of_two_processes(store_url: str) -> None:
    values = [an_event("crm.read", number) for number in range(100)]
    receptions: list[str] = []

    def post() -> None:
        with open_store(store_url) as mine:
            for value in values:
                receptions.extend(mine.inbox([value]))

    open_store(store_url).close()
    threads = [threading.Thread(target=post) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(receptions) == ["accepted"] * 100 + ["duplicate"] * 200
