"""Killed anywhere, nothing is lost, nothing counts twice, and the state is the same bytes (S3)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from models.errors import ConfigError
from pipeline.processing import runner
from pipeline.publishing.rejected_file import rejected_path
from pipeline.store import WriterLock, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.settings import Settings

EVENTS, CONFLICTS = 1_000, 8
STEPS = {
    "1 a batch came": 4,
    "2 judging": 4,
    "2 judged": 4,
    "3 in the transaction": 4,
    "3 at the end of the transaction": 4,
    "3 committed": 3,
    "4 keeping what was rejected": 2,
    "4 half a rejected line kept": 5,
    "4 rejected kept": 2,
    "4 publishing": 2,
    "4 some topics published": 5,
    "4 half a line published": 5,
    "4 published": 2,
    "5 forgetting what is published": 3,
    "5 forgotten": 2,
    "6 telling the source": 3,
    "6 source told": 3,
}


class Uninterrupted(NamedTuple):
    source: Path
    state: dict[str, list[Any]]
    published: dict[str, set[bytes]]
    kept: bytes


def stretched(line: bytes, begin: datetime) -> bytes:
    """Give an event twelve times as far from the first one: it takes days to know rarity."""
    try:
        event = json.loads(line)
        time = datetime.fromisoformat(event["time"])
    except (ValueError, KeyError, TypeError):
        return line
    event.pop("credential", None)  # it would be past its end
    return json.dumps(event | {"time": (begin + 12 * (time - begin)).isoformat()}).encode()


@pytest.fixture(scope="module")
def uninterrupted(shared_pipeline) -> Uninterrupted:
    begin = datetime.fromisoformat(json.loads(shared_pipeline.events(1)[0])["time"])
    lines = [stretched(line, begin) for line in shared_pipeline.mixed(EVENTS)]
    for place in range(100, 100 * (CONFLICTS + 1), 100):  # other content under a known id, twice
        other = stretched(shared_pipeline.events(EVENTS)[place // 2], begin)
        other = other.replace(b'"tool": "', b'"tool": "other.')
        lines[place:place] = [other, other]
    source = shared_pipeline.file(lines)
    settings = keeping(shared_pipeline, source, "uninterrupted")
    assert shared_pipeline.lives(settings) == 0
    return Uninterrupted(
        source,
        shared_pipeline.state(settings),
        shared_pipeline.published(settings),
        kept_of(settings),
    )


def keeping(pipeline: Any, source: Path, name: str, **more: Any) -> Settings:
    """Settings that keep rejected records in a folder of their own, whatever the store is."""
    folder = pipeline.folder / f"kept-{name}"
    return pipeline.settings(source, name, rejected=f"file:{folder}", **more)


def kept_of(settings: Settings) -> bytes:
    path = rejected_path(settings)
    assert path is not None
    return path.read_bytes()


def is_the_same(pipeline, settings, expected: Uninterrupted) -> None:
    state = pipeline.state(settings)
    for table, rows in expected.state.items():
        assert state[table] == rows, table
    assert pipeline.published(settings) == expected.published
    assert kept_of(settings) == expected.kept  # each record once, and in order


def test_uninterrupted_run_writes_every_table(uninterrupted):
    state = uninterrupted.state
    assert len(state["seen"]) == EVENTS + 2 + CONFLICTS
    assert sum("telemetry.conflict" in str(row) for row in state["anomalies"]) >= 2
    assert all(state[name] for name in ("profiles", "sessions", "shared", "anomalies"))
    assert state["cases"]
    assert state["case_agents"]
    assert not state["outbox"]
    assert uninterrupted.published.keys() == {
        "agent.anomalies", "agent.cases", "agent.trust", "agent.actions.rejected",
    }  # fmt: skip
    counters = dict(state["counters"])
    rejected = sum(n for name, n in counters.items() if name.startswith("rejected_"))
    assert rejected == len(uninterrupted.published["agent.actions.rejected"])
    assert counters["rejected_duplicate_id"] > 10
    assert len(uninterrupted.kept.splitlines()) == rejected


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_s3_worker_killed_at_any_step_ends_with_the_same_state(
    shared_pipeline, uninterrupted, step
):
    settings = keeping(shared_pipeline, uninterrupted.source, step.replace(" ", "-"))
    assert shared_pipeline.lives(settings, step, STEPS[step]) >= 2
    is_the_same(shared_pipeline, settings, uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 5])
def test_s3_worker_killed_at_any_moment_ends_with_the_same_state(
    shared_pipeline, uninterrupted, seed
):
    settings = keeping(shared_pipeline, uninterrupted.source, f"moment-{seed}", batch_size=40)
    assert shared_pipeline.lives(settings, "any moment", seed) >= 2
    is_the_same(shared_pipeline, settings, uninterrupted)


@pytest.mark.parametrize("batch_size", [7, 4096])
def test_the_size_of_a_batch_changes_nothing(shared_pipeline, uninterrupted, batch_size):
    name = f"batch-{batch_size}"
    settings = keeping(shared_pipeline, uninterrupted.source, name, batch_size=batch_size)
    shared_pipeline.lives(settings)
    is_the_same(shared_pipeline, settings, uninterrupted)


@pytest.mark.parametrize(("cache", "packed"), [(1, 0), (3, 0), (1, 2), (1, 1_000)])
def test_agents_read_from_the_store_equal_written_ones(
    shared_pipeline, uninterrupted, cache, packed
):
    name = f"cache-{cache}-{packed}"
    settings = keeping(
        shared_pipeline,
        uninterrupted.source,
        name,
        cache_agents=cache,
        packed_agents=packed,
        batch_size=50,
    )
    shared_pipeline.lives(settings)
    is_the_same(shared_pipeline, settings, uninterrupted)


@pytest.mark.slow
def test_a_cold_start_with_every_batch_changes_nothing(shared_pipeline, uninterrupted):
    settings = keeping(shared_pipeline, uninterrupted.source, "cold", batch_size=40)
    assert shared_pipeline.lives(settings, "6 source told", 1) > EVENTS // 40
    is_the_same(shared_pipeline, settings, uninterrupted)


def test_a_second_run_over_the_same_source_does_nothing(pipeline):
    settings = pipeline.settings(pipeline.file(pipeline.mixed(200)))
    first = pipeline.run(settings)
    state, published = pipeline.state(settings), pipeline.published(settings)
    again = pipeline.run(settings)
    assert (first.events, again.events, again.rejected) == (202, 0, 0)
    assert pipeline.state(settings) == state
    assert pipeline.published(settings) == published


def test_message_refused_by_the_sink_waits_for_the_next_run(pipeline, caplog):
    source = pipeline.file(pipeline.mixed(300))
    away = pipeline.settings(source, "away", sink="kafka://127.0.0.1:1")
    pipeline.run(away, drain=False)
    assert len(pipeline.state(away)["outbox"]) > 10
    with open_store(away.store, read_only=True) as store:
        assert store.status().waiting == store.waiting() > 10
    assert "sink_unavailable" in caplog.text
    back = pipeline.settings(source, "away")
    pipeline.run(back)
    straight = pipeline.settings(source, "straight")
    pipeline.run(straight)
    assert not pipeline.state(back)["outbox"]
    for topic in ("agent.anomalies", "agent.cases", "agent.trust"):
        assert pipeline.published(back)[topic] == pipeline.published(straight)[topic]


def test_store_has_one_writer_and_the_second_gets_an_error(pipeline):
    settings = pipeline.settings(pipeline.file(pipeline.events(20)))
    with WriterLock(settings.store.partition(":")[2]) as lock:
        assert lock.acquire()
        with pytest.raises(ConfigError, match="is in use by another process"):
            pipeline.run(settings)
        assert not runner.serve_inbox(settings, threading.Event())
    assert pipeline.run(settings).events > 0


@pytest.mark.slow
def test_sigterm_finishes_the_batch_in_hand_and_the_next_run_the_rest(pipeline):
    source = pipeline.file(pipeline.mixed(1_000))
    settings = pipeline.settings(f"file:{source}?follow=1", batch_size=20)
    running = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "run"],
        env=pipeline.environment(settings), cwd=pipeline.folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with open_store(settings.store, read_only=True) as store:
        deadline = time.monotonic() + 30
        while not store.positions() and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(signal.SIGTERM)
        said = running.communicate(timeout=30)
        assert running.returncode == 0, said
        assert store.status().state == "stopped"
        judged = store.counters()["events"]
    assert judged > 0
    assert not pipeline.state(settings)["outbox"]
    rest = pipeline.settings(source, batch_size=500)
    assert pipeline.run(rest).events == 1_002 - judged
    straight = pipeline.settings(source, "straight")
    pipeline.run(straight)
    assert pipeline.state(rest) == pipeline.state(straight)


@pytest.mark.postgresql
def test_both_kinds_of_store_hold_the_same_bytes(pipeline, on_server):
    source = pipeline.file(pipeline.mixed(400))
    held = []
    for kind in (pipeline, on_server):
        settings = kind.settings(source, "same", inventory=pipeline.inventory)
        kind.lives(settings)
        held.append((kind.state(settings), kind.published(settings)))
    assert held[0] == held[1]
