"""What is told of all partitions of one PostgreSQL store: one word, and what `doctor` finds."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from models.errors import StateError
from pipeline.commands.doctor.checks import examine
from pipeline.settings import Settings
from pipeline.store import Commit, PipelineStatus, open_store
from tests.pipeline.casework.desks import decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.store.postgresql import PostgresStore

pytestmark = pytest.mark.postgresql
ZERO, ONE = "kafka:t:0", "kafka:t:1"


@pytest.fixture
def settings(postgresql_url: str) -> Settings:
    return Settings(store=postgresql_url, sink="none")


def test_all_shards_have_one_status(store: PostgresStore) -> None:
    for name, lag_us in ((ZERO, 5), (ONE, 900)):
        shard = store.of(name)
        shard.claim()
        shard.commit(Commit(status=PipelineStatus("running", 1_000 + lag_us, lag_us, lag_us)))
    lags = {ZERO: 5, ONE: 900 - (1_900 - 1_005)}  # as of the oldest sign of life
    assert store.status() == PipelineStatus("running", 1_005, 900, 900, lags)
    assert list(store.statuses()) == [ZERO, ONE]
    last = store.of("kafka:left behind:0")
    last.claim()
    last.commit(Commit(status=PipelineStatus("stopped", 1, 1, 1)))
    assert store.status().heartbeat_us == 1_005


def says(store: PostgresStore, name: str, state: str, beat_us: int) -> None:
    shard = store.of(name)
    shard.claim()
    shard.commit(Commit(status=PipelineStatus(state, beat_us, 1, 0)))  # type: ignore[arg-type]


def test_shard_of_a_killed_worker_on_another_source_does_not_count(store: PostgresStore) -> None:
    killed_us, minute_us = 1_000_000, 60_000_000
    says(store, "", "running", killed_us)  # as `serve` judges what comes in over HTTP
    says(store, "kafka:old:0", "running", killed_us)
    assert store.status().heartbeat_us == killed_us
    says(store, ZERO, "running", killed_us + minute_us)
    assert store.status().heartbeat_us == killed_us  # perhaps it is only slow
    says(store, ZERO, "running", killed_us + minute_us + 1)
    assert store.status().heartbeat_us == killed_us + minute_us + 1
    says(store, ZERO, "stopped", killed_us + 2 * minute_us)
    says(store, "", "stopped", killed_us)
    says(store, "kafka:old:0", "stopped", killed_us)
    assert store.status().heartbeat_us == killed_us + 2 * minute_us


def test_a_partition_whose_worker_was_killed_counts_as_long_as_its_topic_is_read(
    store: PostgresStore,
) -> None:
    says(store, ZERO, "running", 1_000_000)
    says(store, ONE, "running", 3_600_000_000)
    said = store.status()
    assert (said.state, said.heartbeat_us) == ("running", 1_000_000)


def test_doctor_reports_the_number_of_claimed_partitions(
    store: PostgresStore, settings: Settings, other_postgresql_url: str
) -> None:
    def found(url: str) -> str:
        checks = examine(settings.model_copy(update={"store": url}), 0)
        return next(check.found for check in checks if check.name == "store")

    for name, state in ((ZERO, "running"), (ONE, "stopped")):
        shard = store.of(name)
        shard.claim()
        shard.commit(Commit(status=PipelineStatus(state, 1, 1, 7_000_000)))  # type: ignore[arg-type]
    said = found(settings.store)
    assert said.endswith("pipeline running, 7 s behind, 1 of 2 partitions in hand")
    assert found(other_postgresql_url).endswith("will get its tables at the first start")


def test_doctor_reports_missing_heartbeats(store: PostgresStore, settings: Settings) -> None:
    for name in (ZERO, ONE):
        shard = store.of(name)
        shard.claim()
        shard.commit(Commit(status=PipelineStatus("running", 1_000_000, 1, 0)))
    check = next(one for one in examine(settings, 301_000_000) if one.name == "store")
    assert check.found.endswith("no heartbeat for 300 s, 0 of 2 partitions in hand")
    assert (check.state, check.todo) == ("optional", "start habitus run")


def test_doctor_reports_a_foreign_database_like_a_start(
    settings: Settings, other_postgresql_url: str, from_outside: Callable[[str, str], None]
) -> None:
    from_outside(other_postgresql_url, "create table invoices (number int)")
    theirs = settings.model_copy(update={"store": other_postgresql_url})
    check = next(one for one in examine(theirs, 0) if one.name == "store")
    assert check.state == "missing"
    assert "is not a store of this program, and holds 1 other tables" in check.found


A_CASE = {"case_id": "C-1", "version": 1, "agent_id": "a"}


def test_the_rights_that_are_documented_are_enough_for_the_api(
    settings: Settings, store: PostgresStore, from_outside: Callable[[str, str], None]
) -> None:
    api = f"api_{uuid.uuid4().hex[:10]}"
    from_outside(settings.store, f"create role {api} login")
    from_outside(settings.store, f"grant select on all tables in schema public to {api}")
    from_outside(settings.store, f"grant insert on inbox, reports, audit, audit_due to {api}")
    parts = urlsplit(settings.store)
    theirs = parts._replace(netloc=f"{api}@{parts.netloc.rpartition('@')[2]}").geturl()
    try:
        with open_store(theirs) as opened:
            with pytest.raises(StateError, match="permission denied for sequence inbox_id_seq"):
                opened.data_version()
            from_outside(settings.store, f"grant select on sequence inbox_id_seq to {api}")
            before = opened.data_version()
            assert opened.inbox([b"{}"]) == ["accepted"]
            assert opened.data_version() != before
            assert opened.status() == store.status()
            assert opened.changes(0, 10) == opened.anomalies() == []
            assert opened.audit.add(decision(A_CASE, "benign"))
            ((number, _),) = store.audit.page()
            assert opened.audit.is_due(number)
    finally:
        from_outside(settings.store, f"drop owned by {api}")
        from_outside(settings.store, f"drop role {api}")
