"""A worker that lost its store to another one, and comes back, commits nothing any more."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from models.errors import StateError, StoreUnavailable, Superseded
from pipeline.store import Commit, open_shard, open_store, worker_lock, writer_lock
from pipeline.store.postgresql import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.postgresql


def until(what: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def events(url: str) -> int:
    with open_store(url, read_only=True) as store:
        return store.counters().get("events", 0)


def test_superseded_worker_commits_nothing(on_server: Any) -> None:
    lines = on_server.mixed(600)
    source = on_server.file(lines[:200])
    first = on_server.settings(f"file:{source}?follow=1", "taken", batch_size=50)
    with a_worker(on_server, first) as zombie:
        sleeps_and_wakes_too_late(on_server, first, source, lines, zombie)


@contextlib.contextmanager
def a_worker(pipeline: Any, settings: Any) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "run"],
        env=pipeline.environment(settings), cwd=pipeline.folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as worker:  # fmt: skip
        try:
            yield worker
        finally:
            worker.kill()


def sleeps_and_wakes_too_late(
    on_server: Any, first: Any, source: Any, lines: list[bytes], zombie: subprocess.Popen[str]
) -> None:
    until(lambda: events(first.store) > 50 or zombie.poll() is not None)
    zombie.send_signal(signal.SIGSTOP)
    cut_off(first.store, zombie.pid)
    on_server.file(lines)
    second = on_server.settings(source, "taken", batch_size=50)
    on_server.run(second)
    state = on_server.state(second)
    zombie.send_signal(signal.SIGCONT)
    _, said = zombie.communicate(timeout=30)
    assert zombie.returncode == 1
    # The server ends a session that stands still within a commit; then that is what it is told.
    assert "took over" in said.splitlines()[-1] or "cannot be reached" in said.splitlines()[-1]
    assert on_server.state(second) == state
    straight = on_server.settings(source, "straight", batch_size=50)
    on_server.run(straight)
    assert state == on_server.state(straight)


def cut_off(url: str, pid: int) -> None:
    """Take the lock of a sleeping worker, as a network that divided would; it does not notice."""
    os.kill(pid, 0)
    with psycopg.connect(url, autocommit=True) as server:
        # The lock is this database's alone; the worker's other connections stay as they are.
        server.execute(
            "select pg_terminate_backend(l.pid) from pg_locks l "
            "join pg_database d on d.oid = l.database "
            "where l.locktype = 'advisory' and d.datname = current_database()"
        )

        def free() -> bool:
            with writer_lock(url) as lock:
                return lock.acquire()

        until(free)


def test_workers_of_partitions_judge_together_and_a_single_one_alone(postgresql_url: str) -> None:
    url = postgresql_url
    with worker_lock(url) as one, worker_lock(url) as other, writer_lock(url) as alone:
        assert (one.acquire(), other.acquire(), alone.acquire()) == (True, True, False)
        one.release()
        assert not alone.acquire()
        other.release()
        until(alone.acquire)
        assert not one.acquire()


def test_claim_refuses_the_previous_worker_even_without_new_positions(
    postgresql_url: str,
) -> None:
    with open_store(postgresql_url) as old, open_store(postgresql_url) as new:
        old.claim()
        old.commit(Commit(counters={"events": 1}))
        new.claim()
        with pytest.raises(Superseded, match="epoch 1, the current one is 2"):
            old.commit(Commit(shared=[("peers", b"old")], counters={"events": 1}))
        new.commit(Commit(shared=[("peers", b"new")]))
        assert new.shared() == {"peers": b"new"}
        assert new.counters() == {"events": 1}


def test_claim_of_one_shard_does_not_affect_others(postgresql_url: str) -> None:
    with (
        open_shard(postgresql_url, "kafka:t:0") as zero,
        open_shard(postgresql_url, "kafka:t:1") as one,
    ):
        zero.claim()
        one.claim()
        zero.commit(Commit(shared=[("peers", b"0")], seen={1: {7: 8}}))
        one.commit(Commit(shared=[("peers", b"1")], counters={"events": 1}))
        assert (zero.shared(), one.shared()) == ({"peers": b"0"}, {"peers": b"1"})
        assert (zero.seen([7]), one.seen([7])) == ({7: 8}, {})


def test_worker_that_stalls_within_a_commit_is_ended_by_the_server(
    postgresql_url: str,
) -> None:
    hasty = f"{postgresql_url}?options=-c%20idle_in_transaction_session_timeout%3D300ms"
    with open_store(hasty) as old, open_store(postgresql_url) as new:
        old.claim()
        with pytest.raises(StoreUnavailable):
            sleep_within_a_commit(old, new.claim)
        new.commit(Commit(counters={"events": 1}))
        with pytest.raises(Superseded):
            old.commit(Commit(counters={"events": 1}))


def sleep_within_a_commit(old: Any, meanwhile: Callable[[], None]) -> None:
    with old._work.transaction():
        old._writer._check(Commit())
        meanwhile()  # waits for the row that the sleeper holds, then has it
        old._work.run("update tallies set value = 99")


def test_worker_that_stalls_while_it_sends_a_commit_is_ended_by_the_claim(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PATIENCE_S", 0.5)
    with open_store(postgresql_url) as old, open_store(postgresql_url) as new:
        old.claim()
        with pytest.raises(StoreUnavailable):
            sleep_while_it_sends(old, new.claim)
        new.commit(Commit(counters={"events": 1}))
        assert new.counters() == {"events": 1}
        with pytest.raises(Superseded):
            old.commit(Commit(counters={"events": 1}))


def sleep_while_it_sends(old: Any, meanwhile: Callable[[], None]) -> None:
    with old._work.transaction(), old._work.pipeline():
        old._writer._check(Commit())
        old._work.run("update tallies set value = 98")  # sent, its answer not waited for
        meanwhile()
        old._work.run("update tallies set value = 99")


def test_a_server_that_comes_back_is_used_again(postgresql_url: str) -> None:
    with open_store(postgresql_url) as store:
        store.claim()
        store.commit(Commit(counters={"events": 1}))
        with psycopg.connect(postgresql_url, autocommit=True) as server:
            server.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
        with pytest.raises(StoreUnavailable):
            store.commit(Commit(counters={"events": 1}))
        store.commit(Commit(counters={"events": 1}))
        with pytest.raises(StateError):
            store.counters()
        assert store.counters() == {"events": 2}
