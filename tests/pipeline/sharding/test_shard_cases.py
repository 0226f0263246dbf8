"""Cases and decisions with several shards: each belongs to the worker that judges the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.store.registers.decisions import Decision
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
    decision = Decision(
        case["case_id"], case["version"], case["agent_id"], "benign", "ops", 0, "a test"
    )
    assert store.decisions.add(decision)
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


def shard_of(store: PostgresStore, agent_id: str) -> str:
    """Give the shard that judges an agent."""
    ((name,),) = {
        tuple(row)
        for row in store._api.rows("select shard from profiles where agent_id = ?", (agent_id,))
    }
    return str(name)
