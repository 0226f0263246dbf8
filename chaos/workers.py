"""Worker processes that are killed and started again."""

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
    """A fixed number of `habitus run`, each with a place in the group that outlives it.

    Parameters
    ----------
    folder
        For logs and client options.
    settings
        Their environment.
    number
        How many.
    clients
        Which of them reads by which client, from the start again where there are fewer.
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
            # One comes as a stranger each time; the others have a place that waits for them.
            own = f'group_instance_id = "worker-{place}"\n' if place else ""
            path.write_text(f"{own}session_timeout_ms = 6000\nheartbeat_interval_ms = 500\n")

    def start(self, place: int, *arguments: str) -> None:
        """Start one that does not run."""
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
        """Start all that do not run."""
        for place in self.down():
            self.start(place, *arguments)

    def kill(self, place: int) -> bool:
        """Kill one with SIGKILL; False when it does not run."""
        process = self._running[place]
        if process is None or process.poll() is not None:
            return False
        process.kill()
        process.wait()
        self._running[place] = None
        self.kills += 1
        return True

    def sleep(self, place: int) -> None:
        """Let one sleep, longer than its group waits for it."""
        process = self._running[place]
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGSTOP)
            self._wakes.append((time.monotonic() + _SLEEP_SECONDS, process))
            self.sleeps += 1

    def wake(self) -> None:
        """Wake those that slept long enough, to find that others do their work."""
        now = time.monotonic()
        for at, process in self._wakes:
            if at <= now and process.poll() is None:
                process.send_signal(signal.SIGCONT)
        self._wakes = [one for one in self._wakes if one[0] > now]

    def down(self) -> list[int]:
        """Give the places whose worker does not run."""
        return [
            place
            for place, process in enumerate(self._running)
            if process is None or process.poll() is not None
        ]

    def wait(self, seconds: float) -> list[int]:
        """Wait until all have ended by themselves; give their exit codes."""
        deadline = time.monotonic() + seconds
        codes = [
            process.wait(max(1, deadline - time.monotonic()))
            for process in self._running
            if process is not None
        ]
        self._running = [None] * len(self._running)
        return codes

    def close(self) -> None:
        """Kill whatever still runs."""
        kills = self.kills
        for place in range(len(self._running)):
            self.kill(place)
        self.kills = kills
