"""Measure how fresh answers are: from an action sent to Kafka to its trust seen in the API.

``python -m benchmarks.freshness`` starts a worker (`habitus run`) and a replica (`habitus serve`);
``--client librdkafka`` uses that client for reading and publishing. With ``--postgresql`` the store
is a PostgreSQL database (``HABITUS_TEST_POSTGRESQL``, or that of `make services`). Broker, worker,
replica, producer and prober share the machine.

**The highest rate** is the rate that all parts sustain together. The producer keeps a backlog of a
few batches, so the worker always has a full batch. A worker alone on the machine, on a full topic,
is faster; half of its rate may exceed what the machine sustains.

**Freshness** is measured at half of this rate. Ten times a second an event of a new agent is sent,
and the replica is polled until it knows the agent.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from benchmarks.measuring.findings import add_save, show
from benchmarks.measuring.meter import Job
from benchmarks.measuring.report import fresh
from benchmarks.streaming.databases import database_on
from benchmarks.streaming.inputs import write_inputs
from benchmarks.streaming.poll import broker, topic_of
from benchmarks.streaming.running import DEFAULT_CLIENT, Installation, Load, until
from chaos.servers import Servers
from lab.simulation.sample import fleet_events
from pipeline.sources.kafka.clients.kafka_module import KafkaProducer
from pipeline.sources.kafka.clients.registry import CLIENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

AGENTS = 300
WARM = 24_000
PROBES = 250
SHARE = 0.5

_BACKLOG = 20_000
_HIGHEST_S = 8.0
_MAX_A_S = 60_000
_EVERY_S = 0.1
_ASK_S = 0.005
_SETTLE_S = 2.0
_WAIT_S = 60.0


class Fresh(NamedTuple):
    """Highest, offered and judged events per second, and milliseconds until an answer."""

    highest: float
    offered: float
    taken: float
    p50_ms: float
    p99_ms: float
    worst_ms: float


class _Sending:
    """Sends the stream after the events that are already in the topic."""

    def __init__(self, producer: Any, topic: str, judged: Callable[[], int]) -> None:
        self._producer, self._topic, self.judged = producer, topic, judged
        self._stream = islice(fleet_events(7, AGENTS, limit=10**9), WARM, None)
        self._load: Load

    def load(self, most: int, due: Callable[[float], int]) -> Load:
        """Make the events in advance, and a thread that sends them."""
        _say(f"{most:,} events are made")
        lines = list(islice(self._stream, most))
        self._load = Load(self._producer, self._topic, lines, due)
        return self._load

    def probe(self, agent: str) -> None:
        """Send an event of a new agent, at the current time of the stream."""
        event = json.loads(self._load.latest) | {"id": agent, "session": agent}
        event["agent"] = event["agent"] | {"id": agent}
        self._producer.send(self._topic, json.dumps(event).encode(), agent.encode())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _highest_rate(sending: _Sending) -> float:
    """Give the events per second that all parts sustain together."""
    before = sending.judged()
    most = _BACKLOG + int(_MAX_A_S * (_SETTLE_S + _HIGHEST_S))
    load = sending.load(most, lambda _: sending.judged() - before + _BACKLOG)
    with load.running():
        time.sleep(_SETTLE_S)
        first, started = sending.judged(), time.perf_counter()
        while time.perf_counter() - started < _HIGHEST_S and load.is_alive():
            time.sleep(_ASK_S)
        rate = (sending.judged() - first) / (time.perf_counter() - started)
    until(lambda: sending.judged() - before >= load.sent, "catching up")
    return rate


class _Asking:
    """Polls a replica for agents."""

    def __init__(self, port: int) -> None:
        self._client = http.client.HTTPConnection("127.0.0.1", port)

    def knows(self, agent: str) -> bool:
        self._client.request("GET", f"/v1/agents/{agent}/trust")
        answer = json.loads(self._client.getresponse().read())
        return bool(answer["state"] != "unknown")

    def close(self) -> None:
        self._client.close()


def _seen_after_ms(sending: _Sending, asking: _Asking, probes: int) -> Iterator[float]:
    """Send probes on schedule; give the milliseconds until each is visible."""
    begun, seen = time.perf_counter(), 0
    sent: list[float] = []
    while seen < probes:
        now = time.perf_counter()
        if len(sent) < probes and now >= begun + len(sent) * _EVERY_S:
            sending.probe(f"probe-{len(sent)}")
            # Measured from the scheduled time, so that delays of sending count.
            sent.append(begun + len(sent) * _EVERY_S)
        elif seen < len(sent) and asking.knows(f"probe-{seen}"):
            yield (time.perf_counter() - sent[seen]) * 1000
            seen += 1
            continue
        elif seen < len(sent) and now - sent[seen] > _WAIT_S:
            raise TimeoutError(f"probe-{seen} was not seen within {_WAIT_S} s")
        time.sleep(_ASK_S)


def measure(
    address: str, probes: int = PROBES, client: str = DEFAULT_CLIENT, store: str = ""
) -> Fresh:
    """Measure with a broker at HOST:PORT, a client, and a store; default: SQLite."""
    with tempfile.TemporaryDirectory(prefix="habitus-fresh-") as folder:
        job = Job(folder=folder, agents=AGENTS, cold=0, warm=WARM, events=0, broker=address)
        write_inputs(job)
        with topic_of(job, address) as topic:
            here = Installation(msgspec.structs.replace(job, topic=topic), client, store)
            with here.running("run"), here.counting() as judged:
                until(lambda: judged() >= WARM, "warming up")
                with here.running("serve", "--no-judge"):
                    until(here.ready, "starting the replica")
                    producer: Any = KafkaProducer(bootstrap_servers=address, acks="all")
                    try:
                        return _measured(_Sending(producer, topic, judged), here, probes)
                    finally:
                        producer.close()


def _measured(sending: _Sending, here: Installation, probes: int) -> Fresh:
    highest = _highest_rate(sending)
    _say(f"{highest:,.0f} events/s are the most")
    rate, seconds = highest * SHARE, probes * _EVERY_S
    load = sending.load(
        int(rate * (_SETTLE_S + seconds + _WAIT_S / 4)), lambda passed: int(passed * rate)
    )
    asking = _Asking(here.port)
    try:
        with load.running():
            time.sleep(_SETTLE_S)
            before, sent, started = sending.judged(), load.sent, time.perf_counter()
            took = list(_seen_after_ms(sending, asking, probes))
            passed = time.perf_counter() - started
            offered, taken = load.sent - sent + probes, sending.judged() - before
    finally:
        asking.close()
    cuts = statistics.quantiles(took, n=100)
    return Fresh(highest, offered / passed, taken / passed, cuts[49], cuts[98], max(took))


def _store(address: str, *, postgresql: bool) -> AbstractContextManager[str]:
    if not postgresql:
        return nullcontext("")
    server = os.environ.get("HABITUS_TEST_POSTGRESQL")
    return database_on(Servers(address, server).postgresql)


def main() -> int:
    """Measure and print; return 1 if a goal is missed, 2 without a broker."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.freshness")
    parser.add_argument(
        "--client", choices=CLIENTS, default=DEFAULT_CLIENT, help="reads and publishes"
    )
    parser.add_argument("--postgresql", action="store_true", help="the store is PostgreSQL")
    add_save(parser)
    asked = parser.parse_args()
    address = broker()
    if not address:
        print("no Kafka broker answers, make services starts one", file=sys.stderr)
        return 2
    with _store(address, postgresql=asked.postgresql) as store:
        found = measure(address, client=asked.client, store=store)
    figures = fresh(found._asdict())
    show(figures, "Freshness", "benchmarks.freshness", asked.save)
    return 1 if figures.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
