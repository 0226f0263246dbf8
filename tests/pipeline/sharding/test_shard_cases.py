"""Cases and decisions with several shards: each belongs to the worker that judges the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.trust.policy import DEFAULT_POLICY
from models.trust.response import DEFAULT_OBLIGATIONS
from pipeline.casework import suppressions
from pipeline.casework.desk import Desk
from pipeline.casework.gates import set_gate
from pipeline.casework.scope import Scope
from pipeline.clock import clock_us
from tests.pipeline.casework.desks import decision
from tests.pipeline.sharding.shards import ONE, ZERO, a_shard, judge, records

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.store.postgresql import PostgresStore

pytestmark = pytest.mark.postgresql


@pytest.fixture
def settings(settings: Settings, pipeline: Any) -> Settings:
    """Give settings whose inventory knows nobody, so that every agent has a case."""
    pipeline.inventory.write_text("agent_id,role,owner\nnobody,clerk,team@example.com\n")
    return settings.model_copy(update={"inventory": pipeline.inventory})


def test_a_decision_is_applied_by_the_shard_of_its_agent_and_by_no_other(
    settings: Settings, store: PostgresStore, pipeline: Any
) -> None:
    shards = {name: a_shard(settings, store, name) for name in (ZERO, ONE)}
    for name, shard in shards.items():
        judge(shard, records(pipeline, name, 120))
    case = next(one for one in store.cases(limit=100) if shard_of(store, one["agent_id"]) == ZERO)
    assert store.audit.add(decision(case, "benign"))
    shards[ONE].beat(0)
    assert store.case(case["case_id"]) == case
    shards[ZERO].beat(0)
    closed = store.case(case["case_id"])
    assert closed is not None
    assert (closed["status"], closed["disposition"]) == ("closed", "benign")
    for shard in shards.values():
        shard.beat(0)
        shard.close()
    assert store.case(case["case_id"]) == closed


def test_cases_of_all_shards_are_in_one_queue(
    settings: Settings, store: PostgresStore, pipeline: Any
) -> None:
    for name in (ZERO, ONE):
        shard = a_shard(settings, store, name)
        judge(shard, records(pipeline, name, 120))
        shard.close()
    cases = store.cases(limit=100)
    assert {shard_of(store, one["agent_id"]) for one in cases} == {ZERO, ONE}
    assert len({one["case_id"] for one in cases}) == len(cases)


def test_each_shard_hides_and_returns_its_own_cases_and_sets_its_own_gates(
    settings: Settings, store: PostgresStore, pipeline: Any
) -> None:
    now_us = clock_us()
    person = Desk(store, DEFAULT_POLICY, DEFAULT_OBLIGATIONS, "ops", now_us)
    made = suppressions.suppress(
        person, Scope(anomaly="identity.shadow"), "a test", now_us + 3_600_000_000
    )
    shards = {name: a_shard(settings, store, name) for name in (ZERO, ONE)}
    for name, shard in shards.items():
        judge(shard, records(pipeline, name, 120))
    hidden = store.cases(status="suppressed", limit=100)
    assert {shard_of(store, one["agent_id"]) for one in hidden} == {ZERO, ONE}
    agent = hidden[0]["agent_id"]
    confirm = set_gate(person, agent, "quarantine", "a test")["confirm"]
    set_gate(person, agent, "quarantine", "a test", confirm)
    suppressions.end(person, made.id, "a test")
    for name, shard in shards.items():
        shard.beat(0)
        still = store.cases(status="suppressed", limit=100)
        mine = {shard_of(store, one["agent_id"]) for one in still}
        assert name not in mine
        if shard_of(store, agent) == name:
            gates = {one.level_state.gate for one in store.states(agent)}
            assert gates == {"quarantined"}
        shard.close()
    assert store.cases(status="suppressed", limit=100) == []
    assert store.audit.hidden_by([made.id]) == {made.id: len(hidden)}


def shard_of(store: PostgresStore, agent_id: str) -> str:
    """Give the shard that judges an agent."""
    ((name,),) = {
        tuple(row)
        for row in store._api.rows("select shard from profiles where agent_id = ?", (agent_id,))
    }
    return str(name)
