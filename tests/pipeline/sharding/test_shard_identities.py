"""Merges where partitions have workers of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from models.trust.policy import DEFAULT_POLICY
from models.trust.response import DEFAULT_OBLIGATIONS
from pipeline.casework.desk import Desk
from pipeline.casework.identities import merge
from pipeline.casework.refusal import Refusal
from pipeline.identity.alias import Alias
from pipeline.processing.stream_types import RawRecord
from tests.pipeline.casework.desks import DECIDED_US, an_event
from tests.pipeline.sharding.shards import ONE, ZERO, a_shard

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.sharding.shard import Shard
    from pipeline.store.postgresql import PostgresStore

pytestmark = pytest.mark.postgresql


def judge(shard: Shard, *agents: str) -> None:
    """Judge an event of each agent, with its id as key."""
    at = int(shard.position or "0")
    given = [
        RawRecord(
            json.dumps(an_event(f"{shard.name}-{at + n}", one, minute=at + n)).encode(),
            shard.name, at + n, 2_000_000_000_000_000, key=one.encode(),
        )
        for n, one in enumerate(agents)
    ]  # fmt: skip
    shard.judge(given, str(at + len(given)), 0)


def a_person(store: PostgresStore) -> Desk:
    return Desk(store, DEFAULT_POLICY, DEFAULT_OBLIGATIONS, "ops", DECIDED_US)


def events(store: PostgresStore, agent_id: str) -> int:
    return sum(state.events for state in store.states(agent_id))


def test_agents_of_two_partitions_are_not_merged(settings: Settings, store: PostgresStore) -> None:
    judge(a_shard(settings, store, ZERO), "a")
    judge(a_shard(settings, store, ONE), "b")
    with pytest.raises(Refusal, match="judged in kafka:t:1 and the agent in kafka:t:0"):
        merge(a_person(store), "b", "a", "same")
    assert store.audit.all_of("identity") == []


def test_merge_is_applied_by_the_partition_of_the_agent_and_known_to_all(
    settings: Settings, store: PostgresStore
) -> None:
    zero, one = (a_shard(settings, store, name) for name in (ZERO, ONE))
    judge(zero, "a", "b")
    judge(one, "c")
    merge(a_person(store), "b", "a", "same")
    one.beat(0)
    assert store.aliases.confirmed() == []
    zero.beat(0)
    assert [row.value for row in store.aliases.confirmed()] == ["b"]
    judge(zero, "b")
    assert (events(store, "a"), events(store, "b")) == (2, 1)
    judge(one, "b", "c")
    assert (events(store, "a"), events(store, "c")) == (2, 2)
    (rejected,) = [
        message for _, message in one.store.outbox(1_000) if message.topic.endswith("rejected")
    ]
    detail = dict(rejected.headers)["detail"].decode()
    assert "agent 'a' is judged in kafka:t:0, and 'b' is an alias of it" in detail
    assert rejected.value is not None
    assert json.loads(rejected.value)["agent"] == {"id": "b"}


def test_alias_of_an_agent_that_has_not_acted_is_applied_by_any_partition(
    settings: Settings, store: PostgresStore
) -> None:
    one = a_shard(settings, store, ONE)
    store.aliases.propose([Alias(value="b", agent_id="to-come", kind="spiffe-id")])
    merge(a_person(store), "b", "to-come", "same")
    one.beat(0)
    assert [row.agent_id for row in store.aliases.confirmed()] == ["to-come"]
    judge(one, "to-come")
    given = RawRecord(
        json.dumps(an_event("e-9", "b", minute=9)).encode(), ONE, 5, 2_000_000_000_000_000,
        key=b"to-come",
    )  # fmt: skip
    one.judge([given], "6", 0)
    assert (events(store, "to-come"), events(store, "b")) == (2, 0)
