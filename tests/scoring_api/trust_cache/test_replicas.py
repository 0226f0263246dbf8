"""A replica, ``habitus serve`` on a store that another process writes, as processes of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.simulation.sample import fleet_events
from pipeline.processing.stream_types import Message
from pipeline.publishing import open_sink
from pipeline.sources.kafka.clients.kafka_module import KafkaAdminClient
from pipeline.sources.kafka.topics import create_topics
from pipeline.store import Commit, open_store

ROOT = Path(__file__).resolve().parents[3]
BOUND_S = 3
# The replica looks at the pipeline's status once a second, and may be late by a slice of the cores.
INTERVAL_S, SLACK_S = 1.0, 2.0


class Installation:
    """One store, and commands that work on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = f"sqlite:{folder}/h.db"
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, **settings: str) -> subprocess.Popen[bytes]:
        given = {
            "STORE": self.store,
            "STALE_AFTER_S": str(BOUND_S),
            "CLOCK": "event" if "run" in command else "wall",  # events may be ahead of the machine
            **settings,
        }
        kept = {name: value for name, value in os.environ.items() if "HABITUS_" not in name}
        with (self.folder / f"{command[0]}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # our own code
                [sys.executable, "-m", "pipeline.cli", *command],
                cwd=self.folder,
                env=kept
                | {f"HABITUS_{name}": value for name, value in given.items()}
                | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.running.append(process)
        return process

    def replica(self) -> httpx.Client:
        """Start a replica; give a client of it, ready or not."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.start("serve", "--no-judge", LISTEN=address)
        return httpx.Client(base_url=f"http://{address}", timeout=10)

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.wait(10)


@pytest.fixture
def here(tmp_path):
    made = Installation(tmp_path)
    yield made
    made.end()


def until(look, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if found := look():
                return found
        time.sleep(0.05)
    raise AssertionError("waited too long")


def trust(client: httpx.Client, agent: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/agents/{agent}/trust").json()
    return found


@pytest.mark.slow
def test_a_replica_is_unready_until_every_agent_is_loaded(here, installation):
    with open_store(here.store) as store:
        for start in range(0, 40_000, 5_000):
            states = (installation.state(f"a-{n}", days=30) for n in range(start, start + 5_000))
            rows = [(state.agent_id, state.mode, b"profile", state) for state in states]
            store.commit(Commit(profiles=rows))
    with here.replica() as client:
        seen = []

        def ready() -> bool:
            seen.append(client.get("/readyz").status_code)
            if seen[-1] == 503:
                assert client.get("/livez").status_code == 200
                answer = client.get("/v1/agents/a-1/trust").status_code
                if client.get("/readyz").status_code == 503:  # so it was when it answered
                    assert answer == 503
            return seen[-1] == 200

        until(ready)
        assert seen[0] == 503
        assert "habitus_api_agents 40000.0" in client.get("/metrics").text


@pytest.mark.slow
@pytest.mark.alone
def test_s4_a_worker_that_is_killed_makes_a_replica_stale_within_the_bound(here):
    events = here.folder / "events.jsonl"
    lines = list(fleet_events(7, 6, limit=300))
    events.write_bytes(b"\n".join(lines) + b"\n")
    agent = json.loads(lines[-1])["agent"]["id"]
    settings = {"SOURCE": f"file:{events}?follow=1&feed=batch"}
    worker = here.start("run", **settings)
    with here.replica() as client:
        until(lambda: trust(client, agent).get("state") in ("learning", "active"))
        worker.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: trust(client, agent)["state"] == "stale")
        # Its last sign of life was up to a second before.
        assert BOUND_S - 1.5 <= time.monotonic() - killed <= BOUND_S + INTERVAL_S + SLACK_S
        assert client.get(f"/v1/agents/{agent}/trust").headers["cache-control"] == "no-store"
        assert client.get("/readyz").status_code == 200
        here.start("run", **settings)
        until(lambda: trust(client, agent)["state"] != "stale")


@pytest.mark.slow
def test_replica_that_is_stopped_answers_pending_requests(here):
    with here.replica() as client:
        until(lambda: client.get("/readyz").status_code == 200)
        replica = here.running[-1]
        body = json.dumps({"agents": ["a"]}).encode()
        head = (
            "POST /v1/trust/query HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection((client.base_url.host, client.base_url.port)) as begun:
            begun.sendall(head.encode() + body[:5])
            time.sleep(0.3)
            replica.send_signal(signal.SIGTERM)
            until(lambda: not listens(client.base_url.port))
            assert replica.poll() is None
            begun.sendall(body[5:])
            begun.settimeout(10)
            assert begun.recv(1000).startswith(b"HTTP/1.1 200 OK")
        assert replica.wait(10) == 0


def listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


@pytest.mark.slow
@pytest.mark.broker
def test_s4_a_worker_that_falls_behind_makes_a_replica_stale_until_it_has_caught_up(
    here, kafka_address
):
    topic = f"test-{uuid.uuid4().hex[:12]}"
    create_topics(kafka_address)
    admin = KafkaAdminClient(bootstrap_servers=kafka_address)
    options = {"num_partitions": 1, "replication_factor": 1, "configs": {}}
    admin.create_topics({topic: options}, wait_for_metadata=True)
    lines = fleet_events(7, 50)
    enough = threading.Event()

    def produce() -> None:
        """Send more than the reference can judge, until told that it is enough."""
        sink = open_sink(f"kafka://{kafka_address}")
        while not enough.wait(0.25):
            part = [next(lines) for _ in range(1_500)]
            sink.publish([Message(topic, b"fleet", "1", line) for line in part])
        sink.close()

    producer = threading.Thread(target=produce)
    try:
        # The reference judges a few thousand a second: fewer than are sent.
        source = f"kafka://{kafka_address}/{topic}?group={topic}&feed=batch"
        here.start("run", SOURCE=source, KERNEL="python")
        with here.replica() as client:
            until(lambda: client.get("/readyz").json().get("pipeline") == "running")
            assert client.get("/readyz").json()["stale"] is False
            producer.start()
            late = until(lambda: (said := client.get("/readyz").json())["stale"] and said)
            # The worker is alive and judging: it is late, not gone.
            assert late["pipeline"] == "running"
            assert late["lag_s"] > BOUND_S
            enough.set()
            until(lambda: not client.get("/readyz").json()["stale"], 300)
    finally:
        enough.set()
        if producer.ident is not None:
            producer.join(60)
        admin.delete_topics([topic])
        admin.close()
