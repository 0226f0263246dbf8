"""A worker that is asked to stop while its broker takes connections and answers nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from chaos.topics import Topics
from pipeline.processing.stream_types import Message
from pipeline.publishing.outputs import ANOMALIES
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chaos.servers import Servers
    from pipeline.settings import Settings

pytestmark = [
    pytest.mark.broker,
    pytest.mark.postgresql,
    pytest.mark.slow,
    pytest.mark.timeout(400),
]
EVENTS = 3_000
# Deployments allow sixty.
MAX_SECONDS = 55


@pytest.fixture
def topics(own_servers: Servers) -> Iterator[Topics]:
    made = Topics(own_servers.kafka, f"hang-{uuid.uuid4().hex[:10]}", 4)
    yield made
    made.close()


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def counted(settings: Settings) -> int:
    with open_store(settings.store, read_only=True) as store:
        return store.counters().get("events", 0)


def started(pipeline: Any, settings: Settings, *arguments: str) -> subprocess.Popen[bytes]:
    with (pipeline.folder / "worker.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-m", "pipeline.cli", "run", *arguments],
            env=pipeline.environment(settings),
            cwd=pipeline.folder,
            stdout=log,
            stderr=log,
        )


@pytest.fixture
def settings(on_server: Any, own_servers: Servers, topics: Topics, kafka_client: str) -> Settings:
    settings: Settings = on_server.settings(
        f"kafka://{own_servers.kafka}/{topics.actions}?group={topics.actions}",
        sink=f"kafka://{own_servers.kafka}",
        batch_size=50,
        kafka_client=kafka_client,
    )
    return settings


def sent(pipeline: Any, topics: Topics) -> int:
    """Send events of so many agents that no partition stays empty; give how many."""
    messages = []
    for number, line in enumerate(pipeline.events(EVENTS)):
        event = json.loads(line)
        agent = event["agent"]["id"] = f"{topics.actions}-{number % 32}"
        messages.append(Message(topics.actions, agent.encode(), "", json.dumps(event).encode()))
    topics.send(messages)
    return len(messages)


def test_worker_of_a_hanging_broker_ends_in_time_and_its_successor_continues(
    on_server: Any, own_servers: Servers, topics: Topics, settings: Settings
) -> None:
    events = sent(on_server, topics)
    worker = started(on_server, settings)
    try:
        until(lambda: counted(settings) > 500)
        with own_servers.hanging_kafka():
            worker.terminate()
            begun = time.monotonic()
            assert worker.wait(150) == 0
            took = time.monotonic() - begun
    finally:
        worker.kill()
        worker.wait()
    assert counted(settings) < events
    assert started(on_server, settings, "--drain").wait(120) == 0
    with open_store(settings.store) as store:
        assert store.counters()["events"] == events
        assert not [name for name in store.counters() if name.startswith("rejected_")]
        assert store.outbox(1) == []
        found = {anomaly["id"] for anomaly in store.anomalies(limit=10_000)}
    # A commit that came to the broker unanswered counts: then the same ids come again.
    out, _ = topics.published(set())
    assert {json.loads(one.value)["id"] for one in out if one.topic == ANOMALIES} == found != set()
    assert took < MAX_SECONDS
