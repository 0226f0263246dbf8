"""A worker and a replica as in production, with events over Kafka."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring.child import environment
from benchmarks.streaming.inputs import INTEL, INVENTORY, key_of
from models.errors import HabitusError
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.measuring.meter import Job

DEFAULT_CLIENT = "kafka-python"
_TICK_S = 0.02
_WAIT_S = 60


class Installation:
    """A worker and a replica over one store; both use the Kafka client `client`.

    Parameters
    ----------
    store
        URL of the store; default: a file in the job's folder.
    """

    def __init__(self, job: Job, client: str = DEFAULT_CLIENT, store: str = "") -> None:
        self.store = store or f"sqlite:{job.folder}/habitus.db"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._log = Path(job.folder) / "processes.log"
        self._environment = environment() | {
            "HABITUS_SOURCE": f"kafka://{job.broker}/{job.topic}?group={job.topic}",
            "HABITUS_SINK": f"kafka://{job.broker}",
            "HABITUS_KAFKA_CLIENT": client,
            "HABITUS_STORE": self.store,
            "HABITUS_LISTEN": f"127.0.0.1:{self.port}",
            "HABITUS_INTEL": f"{job.folder}/{INTEL}",
            "HABITUS_INVENTORY": f"{job.folder}/{INVENTORY}",
            "HABITUS_LOG_LEVEL": "warning",
        }

    @contextlib.contextmanager
    def running(self, *command: str) -> Iterator[None]:
        """Run a habitus command until the end of the block."""
        # The stream's time is synthetic, so it may be ahead of the wall time.
        clock = "event" if "run" in command else "wall"
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-m", "pipeline.cli", *command],
                env=self._environment | {"HABITUS_CLOCK": clock},
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)

    @contextlib.contextmanager
    def counting(self) -> Iterator[Callable[[], int]]:
        """Give a function that counts judged and committed events."""
        until(self._is_made, "making the store")
        with open_store(self.store, read_only=True) as store:
            yield lambda: store.counters().get("events", 0)

    def ready(self) -> bool:
        """Return whether the replica answers."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1).close()
        except OSError:
            return False
        return True

    def _is_made(self) -> bool:
        with contextlib.suppress(HabitusError, OSError), open_store(self.store, read_only=True):
            return True
        return False


class Load(threading.Thread):
    """Sends events on a separate thread, until stopped or all are sent.

    Parameters
    ----------
    lines
        The events.
    due
        Gives the number of events due, by seconds since the start.
    """

    def __init__(
        self, producer: Any, topic: str, lines: Sequence[bytes], due: Callable[[float], int]
    ) -> None:
        super().__init__()
        self.sent = 0
        self.ending = threading.Event()
        self._producer, self._topic, self._lines, self._due = producer, topic, lines, due

    @property
    def latest(self) -> bytes:
        """The last event sent."""
        return self._lines[max(0, self.sent - 1)]

    def run(self) -> None:
        """Send due events, every few milliseconds."""
        started = time.perf_counter()
        while self.sent < len(self._lines) and not self.ending.wait(_TICK_S):
            due = min(self._due(time.perf_counter() - started), len(self._lines))
            for line in self._lines[self.sent : due]:
                self._producer.send(self._topic, line, key_of(line))
            self.sent = max(due, self.sent)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Send until the end of the block."""
        self.start()
        try:
            yield
        finally:
            self.ending.set()
            self.join()


def until(look: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds; raise `TimeoutError` after a minute."""
    deadline = time.monotonic() + _WAIT_S
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} took more than {_WAIT_S} s")
        time.sleep(_TICK_S)
