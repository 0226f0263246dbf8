"""The same events and decisions give the same bytes, whatever happens between commits."""

from __future__ import annotations

import random
from typing import Any

import pytest

from models.trust.policy import DEFAULT_POLICY
from models.trust.response import DEFAULT_OBLIGATIONS
from pipeline.casework.desk import Desk
from pipeline.casework.identities import merge, split
from pipeline.casework.refusal import Refusal
from pipeline.identity.alias import Alias
from pipeline.store import open_store
from tests.pipeline.casework.desks import DECIDED_US, WorkingDesk, an_event

AGENTS = ("a", "b", "spiffe://example.org/c")
STEPS = {"3 in the transaction": 3, "3 committed": 3, "4 publishing": 2, "4 published": 2}


def decide(desk: WorkingDesk, dice: random.Random) -> None:
    value, agent_id = dice.sample(AGENTS, 2)
    try:
        if dice.random() < 0.6:
            merge(desk.person, value, agent_id, "same workload")
        else:
            split(desk.person, value, "two workloads")
    except Refusal:
        return


def lived(pipeline: Any, name: str, seed: int, *, restarts: bool) -> dict[str, list[Any]]:
    """Live through events and decisions that a seed draws; give everything in the store."""
    dice, settings = random.Random(seed), pipeline.settings("-", name)  # noqa: S311 - a draw
    with open_store(settings.store) as store:
        desk = WorkingDesk(settings, store)
        for number in range(60):
            desk.now_us += 1
            if dice.random() < 0.3:
                decide(desk, dice)
            batch = [
                an_event(f"e-{dice.randrange(80)}", dice.choice(AGENTS), minute=number)
                for _ in range(dice.randrange(3))
            ]
            desk.judge(*batch)
            if restarts:
                desk.restart()
    found: dict[str, list[Any]] = pipeline.state(settings)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_restart_after_every_commit_changes_nothing(pipeline, seed):
    once = lived(pipeline, "once", seed, restarts=False)
    again = lived(pipeline, "again", seed, restarts=True)
    assert once["aliases"]
    for table in (
        "profiles",
        "seen",
        "cases",
        "anomalies",
        "aliases",
        "audit",
        "audit_due",
        "held",
    ):
        assert once[table] == again[table], table


@pytest.fixture(scope="module")
def uninterrupted(shared_pipeline) -> dict[str, Any]:
    settings = prepared(shared_pipeline, "uninterrupted")
    assert shared_pipeline.lives(settings) == 0
    state = shared_pipeline.state(settings)
    assert [row[:3] for row in state["aliases"] if row[2] != "proposed"] == [
        (shared_pipeline.SHADOW, shared_pipeline.STEWARD, "confirmed")
    ]
    assert dict(state["counters"])["events_of_aliases"] > 5
    return {"state": state, "published": shared_pipeline.published(settings)}


def prepared(pipeline: Any, name: str) -> Any:
    """Give a store with a merge that no worker has applied yet."""
    source = pipeline.file(pipeline.events(600))
    settings = pipeline.settings(source, name, batch_size=60)
    with open_store(settings.store) as store:
        person = Desk(store, DEFAULT_POLICY, DEFAULT_OBLIGATIONS, "ops", DECIDED_US)
        store.aliases.propose(
            [Alias(value=pipeline.SHADOW, agent_id=pipeline.STEWARD, kind="agent")]
        )
        merge(person, pipeline.SHADOW, pipeline.STEWARD, "same workload")
    return settings


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_worker_killed_between_commit_and_publication_loses_nothing(
    shared_pipeline, uninterrupted, step
):
    settings = prepared(shared_pipeline, step.replace(" ", "-"))
    assert shared_pipeline.lives(settings, step, STEPS[step]) >= 2
    state = shared_pipeline.state(settings)
    for table, rows in uninterrupted["state"].items():
        assert state[table] == rows, table
    assert shared_pipeline.published(settings) == uninterrupted["published"]
