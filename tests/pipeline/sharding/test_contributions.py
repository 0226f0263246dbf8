"""Shards apply the contributions of other shards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chaos.verifier import judged_again, stored
from models.errors import StateError
from pipeline.sharding import shard as shard_module
from tests.pipeline.sharding.shards import ONE, ZERO, a_shard, judge, records

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.processing.stream_types import RawRecord
    from pipeline.settings import Settings
    from pipeline.store.postgresql import PostgresStore

pytestmark = pytest.mark.postgresql


def test_each_shard_applies_contributions_of_the_other_and_stores_the_position(
    pipeline: Any, settings: Settings, store: PostgresStore
) -> None:
    shards = [a_shard(settings, store, name) for name in (ZERO, ONE)]
    streams = [records(pipeline, name) for name in (ZERO, ONE)]
    for start in range(0, max(map(len, streams)), 50):
        for shard, stream in zip(shards, streams, strict=True):
            judge(shard, stream[start : start + 50])
    applied = [shard.store.applied() for shard in shards]
    told = [len(store.of("").contributions({}, 1000, only=name)) for name in (ZERO, ONE)]
    assert min(told) > 1
    assert 0 < applied[0][ONE] <= told[1]
    assert 0 < applied[1][ZERO] <= told[0]
    assert store.counters()["events"] == sum(map(len, streams))


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

    applied, before = shards[1].store.applied()[ZERO], told()
    assert shards[0].store.forget_contributions(len(before)) == 0
    assert shards[0].store.forget_contributions(1) == min(applied, len(before) - 1) > 0
    assert told() == before[min(applied, len(before) - 1) :]
    assert shards[1].store.applied()[ZERO] == applied
    shards[1].store.forget_contributions(0)
    assert shards[1].store.applied()[ZERO] == applied
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
        assert told - 6 <= store.of(name).applied()[ZERO] <= told
    # Judged again, straight through, everything is the same.
    again, found = judged_again(settings, given), stored(settings.store, sorted(given))
    assert found.tables == again.tables
    assert store.of(ZERO).forget_contributions(5) >= told - 6 > 20


def test_contributions_unread_by_a_silent_shard_are_kept(
    pipeline: Any, settings: Settings, store: PostgresStore
) -> None:
    idle_beside(pipeline, settings, store, beats=0)
    assert store.of(ZERO).forget_contributions(0) == 0


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
