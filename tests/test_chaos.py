"""Workers, broker and database die at random; nothing is lost, nothing counts twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from chaos.run import Plan, run
from chaos.stream import POISON, messages

if TYPE_CHECKING:
    from pathlib import Path

    from chaos.run import Outcome
    from chaos.servers import Servers

pytestmark = [
    pytest.mark.broker,
    pytest.mark.postgresql,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]

# As while the client is being changed, one worker after the other.
CLIENTS = "kafka-python,librdkafka,kafka-python"


def is_whole(outcome: Outcome, plan: Plan) -> None:
    assert outcome.differences == []
    sent = messages("actions", plan.seed, plan.agents, plan.events)
    assert outcome.events == len({one.value for one in sent}.difference(POISON))
    assert outcome.records == outcome.events + outcome.rejected
    assert outcome.rejected > 0.08 * plan.events
    assert outcome.published > 100
    assert outcome.contributions > plan.partitions


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(
            Plan(seconds=12, kills=3, restarts=1, events=1_000, clients=CLIENTS), id="brief"
        ),
        pytest.param(
            Plan(seconds=35, kills=8, events=3_000, clients=CLIENTS),
            id="long",
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_workers_killed_for_a_minute_leave_the_state_of_uninterrupted_ones(
    tmp_path: Path, own_servers: Servers, plan: Plan
) -> None:
    outcome = run(plan, tmp_path, own_servers)
    assert outcome.kills >= plan.kills
    is_whole(outcome, plan)


def test_check_detects_a_missing_row_and_a_changed_byte(
    tmp_path: Path, own_servers: Servers
) -> None:
    plan = Plan(seconds=4, kills=0, restarts=0, workers=2, partitions=2, events=1_000)

    def meddle(url: str) -> None:
        with psycopg.connect(url) as database:
            database.execute("delete from seen where key = (select min(key) from seen)")
            database.execute("update profiles set trust_digest = '' where agent_id like '%1'")
            database.execute("update cases set rank = 7e9")
            database.execute("update counters set value = value + 1 where name = 'events'")

    outcome = run(plan, tmp_path, own_servers, before_comparing=meddle)
    tables = {said.partition(" of ")[0].partition(":")[0] for said in outcome.differences}
    assert tables == {"seen", "profiles", "cases", "counters"}
