"""Measure how fresh answers are: from an action sent to Kafka to its trust seen in the API.

``python -m benchmarks.freshness`` lets a worker (`habitus run`) catch up with a full topic, which
is its highest rate; then events come at half of that, and now and then one of an agent never seen
before, for which a replica (`habitus serve`) is asked until it knows it. Broker, worker, replica,
producer and the asking share the machine.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from benchmarks.child import environment
from benchmarks.meter import Job
from benchmarks.poll import broker, topic_of
from benchmarks.report import Report, freshness_lines
from benchmarks.stream import INTEL, INVENTORY, write_inputs
from models.errors import HabitusError
from pipeline.adapters.kafka.client import KafkaProducer
from pipeline.sample import fleet_events
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AGENTS = 300
WARM = 12_000
CATCH_UP = 12_000
PROBES = 150
SHARE = 0.5

_TICK_S = 0.02
_WAIT_S = 60
_PAUSE_S = 0.05
_LONGEST_S = 30


class Fresh(NamedTuple):
    """Events a second at most, those offered and taken in, and milliseconds until seen."""

    highest: float
    offered: float
    taken: float
    p50_ms: float
    p99_ms: float
    worst_ms: float


class Installation:
    """A worker and a replica over one store."""

    def __init__(self, job: Job) -> None:
        self.store = f"sqlite:{job.folder}/habitus.db"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._log = Path(job.folder) / "processes.log"
        self._environment = environment() | {
            "HABITUS_SOURCE": f"kafka://{job.broker}/{job.topic}?group={job.topic}",
            "HABITUS_SINK": f"kafka://{job.broker}",
            "HABITUS_STORE": self.store,
            "HABITUS_LISTEN": f"127.0.0.1:{self.port}",
            "HABITUS_INTEL": f"{job.folder}/{INTEL}",
            "HABITUS_INVENTORY": f"{job.folder}/{INVENTORY}",
            # The stream's time is made up, so it may be ahead of the machine's.
            "HABITUS_MAX_FUTURE_S": str(10**9),
            "HABITUS_LOG_LEVEL": "warning",
        }

    @contextlib.contextmanager
    def running(self, *command: str) -> Iterator[None]:
        """Run a command of habitus until the end of the block."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-m", "pipeline.cli", *command],
                env=self._environment,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)

    def judged(self) -> int:
        """Give how many events are judged and committed."""
        try:
            with open_store(self.store, read_only=True) as store:
                return store.counters().get("events", 0)
        except (HabitusError, OSError):  # the worker has not made the store yet
            return 0


class Load(threading.Thread):
    """Send events evenly, on a thread of its own, until told to end."""

    def __init__(self, producer: Any, topic: str, rate: float) -> None:
        super().__init__()
        print(f"{rate:,.0f} events/s for {_LONGEST_S} s are made", file=sys.stderr, flush=True)
        already, most = WARM + CATCH_UP, int(rate * _LONGEST_S)
        # Beforehand: to make an event takes longer than to send it.
        self._lines = list(islice(fleet_events(7, AGENTS, limit=already + most), already, None))
        self.sent = 0
        self.last = b""
        self.ending = threading.Event()
        self._producer, self._topic, self._rate = producer, topic, rate

    def run(self) -> None:
        """Send what is due, every few milliseconds."""
        started = time.perf_counter()
        while not self.ending.wait(_TICK_S):
            due = int((time.perf_counter() - started) * self._rate)
            for line in self._lines[self.sent : due]:
                self._producer.send(self._topic, line, b"fleet")
                self.last = line
            self.sent = min(due, len(self._lines))


def _until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} took more than {_WAIT_S} s")
        time.sleep(0.02)


def _highest_rate(here: Installation) -> float:
    """Give the events a second at which the worker catches up, once it is warm."""
    _until(lambda: here.judged() >= WARM, "warming up")
    first, started = here.judged(), time.perf_counter()
    _until(lambda: here.judged() >= WARM + CATCH_UP, "catching up")
    return (WARM + CATCH_UP - first) / (time.perf_counter() - started)


def _seen_after_ms(
    load: Load, producer: Any, topic: str, client: http.client.HTTPConnection, agent: str
) -> float:
    event = json.loads(load.last) | {"id": agent, "session": agent}
    event["agent"] = event["agent"] | {"id": agent}
    line = json.dumps(event).encode()
    started = time.perf_counter()
    producer.send(topic, line, b"fleet")
    while time.perf_counter() - started < _WAIT_S:
        client.request("GET", f"/v1/agents/{agent}/trust")
        if json.loads(client.getresponse().read())["state"] != "unknown":
            return (time.perf_counter() - started) * 1000
        time.sleep(0.002)
    raise TimeoutError(f"{agent} was not seen within {_WAIT_S} s")


def measure(address: str, probes: int = PROBES) -> Fresh:
    """Measure with a broker at HOST:PORT."""
    with tempfile.TemporaryDirectory(prefix="habitus-fresh-") as folder:
        job = Job(folder=folder, agents=AGENTS, cold=0, warm=WARM, events=CATCH_UP, broker=address)
        write_inputs(job)
        with topic_of(job, address) as topic:
            here = Installation(msgspec.structs.replace(job, topic=topic))
            with here.running("run"):
                highest = _highest_rate(here)
                with here.running("serve", "--no-judge"):
                    return _probe(here, address, topic, highest, probes)


def _probe(here: Installation, address: str, topic: str, highest: float, probes: int) -> Fresh:
    producer: Any = KafkaProducer(bootstrap_servers=address, acks="all")
    load = Load(producer, topic, highest * SHARE)
    client = http.client.HTTPConnection("127.0.0.1", here.port)

    def ready() -> bool:
        with contextlib.suppress(OSError):
            client.request("GET", "/readyz")
            answer = client.getresponse()
            return bool(answer.read()) and answer.status == 200
        client.close()
        return False

    try:
        _until(ready, "starting the replica")
        load.start()
        _until(lambda: load.last != b"", "the first event")
        before, started, sent = here.judged(), time.perf_counter(), load.sent
        took: list[float] = []
        for number in range(probes):
            if time.perf_counter() - started > _LONGEST_S - 1:
                break
            took.append(_seen_after_ms(load, producer, topic, client, f"probe-{number}"))
            if number % 50 == 0:
                print(f"{number} of {probes}, {took[-1]:.0f} ms", file=sys.stderr, flush=True)
            time.sleep(_PAUSE_S)
        seconds = time.perf_counter() - started
        cuts = statistics.quantiles(took, n=100)
        return Fresh(
            highest,
            (load.sent - sent) / seconds,
            (here.judged() - before) / seconds,
            cuts[49],
            cuts[98],
            max(took),
        )
    finally:
        load.ending.set()
        load.join()
        client.close()
        producer.close()


def main() -> int:
    """Measure and tell; 1 when a goal is missed, 2 without a broker."""
    address = broker()
    if not address:
        print("no Kafka broker answers, make services starts one", file=sys.stderr)
        return 2
    report = Report(agents=AGENTS, warm=WARM, events=0, freshness=measure(address)._asdict())
    lines = list(freshness_lines(report))
    print(*lines, sep="\n")
    return 1 if any("MISSED" in line for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
