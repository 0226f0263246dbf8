"""Broker and database on this machine, killed and restarted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
_HOME = ROOT / ".services"


class Servers:
    """Addresses and restarts of the servers; foreign servers are not restarted.

    Parameters
    ----------
    kafka, postgresql
        Addresses of foreign servers.
    home
        Folder of the servers that `deploy/services/services.py` started.

    Attributes
    ----------
    kafka, postgresql
        HOST:PORT of the broker, URL of the database server.
    """

    def __init__(
        self, kafka: str | None = None, postgresql: str | None = None, home: Path = _HOME
    ) -> None:
        self._home = home
        self._own_kafka = kafka is None
        self._own_postgresql = postgresql is None
        self.kafka = kafka or str(self._written("kafka")["bootstrap"])
        self.postgresql = postgresql or str(self._written("postgresql")["url"])

    def restart_kafka(self) -> None:
        """Kill the broker and start it again."""
        if self._own_kafka:
            self._restart("kafka", signal.SIGKILL, self.kafka)

    def restart_postgresql(self) -> None:
        """Crash the database server (it recovers from its log), and start it again."""
        if self._own_postgresql:
            self._restart("postgresql", signal.SIGQUIT, self.postgresql)

    @contextmanager
    def hanging_kafka(self) -> Iterator[None]:
        """Suspend the broker: it accepts connections and never answers.

        Raises
        ------
        RuntimeError
            The broker is a foreign one.
        """
        if not self._own_kafka:
            raise RuntimeError(f"the broker at {self.kafka} is a foreign one")
        pid = int(str(self._written("kafka")["pid"]))
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def _written(self, name: str) -> dict[str, object]:
        try:
            found: dict[str, object] = json.loads((self._home / f"{name}.json").read_text())
        except FileNotFoundError:
            sys.exit(f"no {name}; make services says why")
        return found

    def _restart(self, name: str, how: signal.Signals, address: str) -> None:
        """Stop a server and start it again at the same address."""
        pid = int(str(self._written(name)["pid"]))
        os.kill(pid, how)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and _lives(pid):
            time.sleep(0.05)
        program = [sys.executable, str(ROOT / "deploy" / "services" / "services.py"), "up", name]
        port = urlsplit(address if "://" in address else f"//{address}").port
        environment = {
            **os.environ,
            f"HABITUS_TEST_{name.upper()}_PORT": str(port),
            "HABITUS_TEST_SERVICES": str(self._home),
        }
        output = subprocess.run(
            program, env=environment, capture_output=True, text=True, check=True
        ).stdout
        if "ABSENT" in output:
            raise RuntimeError(output.strip())


def _lives(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
