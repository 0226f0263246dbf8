"""Worker processes that are killed and restarted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SLEEP_SECONDS = 9.0  # the group waits 6
ROOT = Path(__file__).resolve().parents[1]


class Workers:
    """A fixed number of `habitus run` processes, most of them static group members.

    Parameters
    ----------
    folder
        Folder for logs and client options.
    settings
        Environment of the workers.
    number
        Number of workers.
    clients
        Kafka clients of the workers, repeated if there are fewer.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str], number: int, clients: Sequence[str]
    ) -> None:
        self.kills = self.sleeps = 0
        self._wakes: list[tuple[float, subprocess.Popen[bytes]]] = []
        self._folder = folder
        self._settings = settings
        self._clients = clients
        self._running: list[subprocess.Popen[bytes] | None] = [None] * number
        self._options = [folder / f"client-{place}.toml" for place in range(number)]
        for place, path in enumerate(self._options):
            # The first worker joins as a new member each time; the others are static members.
            own = f'group_instance_id = "worker-{place}"\n' if place else ""
            path.write_text(f"{own}session_timeout_ms = 6000\nheartbeat_interval_ms = 500\n")

    def start(self, place: int, *arguments: str) -> None:
        """Start a worker if it is not running."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HABITUS_")}
        own = {
            "HABITUS_SOURCE": f"{self._settings['HABITUS_SOURCE']}&config={self._options[place]}",
            "HABITUS_KAFKA_CLIENT": self._clients[place % len(self._clients)],
            "PYTHONPATH": str(ROOT),
        }
        with (self._folder / f"worker-{place}.log").open("ab") as log:
            self._running[place] = subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", "run", *arguments],
                cwd=self._folder,
                env={**kept, **self._settings, **own},
                stdout=log,
                stderr=log,
            )

    def start_all(self, *arguments: str) -> None:
        """Start all workers that are not running."""
        for place in self.down():
            self.start(place, *arguments)

    def kill(self, place: int) -> bool:
        """Kill a worker with SIGKILL; return False if it is not running."""
        process = self._running[place]
        if process is None or process.poll() is not None:
            return False
        process.kill()
        process.wait()
        self._running[place] = None
        self.kills += 1
        return True

    def sleep(self, place: int) -> None:
        """Suspend a worker for longer than the session timeout of its group."""
        process = self._running[place]
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGSTOP)
            self._wakes.append((time.monotonic() + _SLEEP_SECONDS, process))
            self.sleeps += 1

    def wake(self) -> None:
        """Resume workers that were suspended long enough for others to take over."""
        now = time.monotonic()
        for at, process in self._wakes:
            if at <= now and process.poll() is None:
                process.send_signal(signal.SIGCONT)
        self._wakes = [one for one in self._wakes if one[0] > now]

    def down(self) -> list[int]:
        """Give the indices of workers that are not running."""
        return [
            place
            for place, process in enumerate(self._running)
            if process is None or process.poll() is not None
        ]

    def wait(self, seconds: float) -> list[int]:
        """Wait until all workers have ended; return their exit codes."""
        deadline = time.monotonic() + seconds
        codes = [
            process.wait(max(1, deadline - time.monotonic()))
            for process in self._running
            if process is not None
        ]
        self._running = [None] * len(self._running)
        return codes

    def close(self) -> None:
        """Kill all running workers."""
        kills = self.kills
        for place in range(len(self._running)):
            self.kill(place)
        self.kills = kills
