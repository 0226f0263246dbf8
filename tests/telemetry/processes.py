"""Programs that a test starts, and Habitus among them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_SECONDS = 120.0


def free_port() -> int:
    """Give a port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(found: Callable[[], Any], log: Path) -> Any:
    """Wait until something is found; the log says why it is not."""
    deadline = time.monotonic() + _SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline, log.read_text()[-3_000:]
        time.sleep(0.2)
    return value


@contextmanager
def running(command: list[str], log: Path, **more: str) -> Iterator[None]:
    """Run a program until the end of the block."""
    own = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  # programs of this test
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=own | more
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_setting(name: str) -> bool:
    return name.startswith("HABITUS_") and not name.startswith("HABITUS_TEST_")


class Api:
    """The API of a Habitus of this test."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = folder / "habitus.log"
        self.settings = {
            "HABITUS_STORE": f"sqlite:{folder / 'habitus.db'}",
            "HABITUS_RECENT_CONTENT": "true",
            "HABITUS_LISTEN": self.url.removeprefix("http://"),
            **settings,
        }

    def get(self, path: str) -> Any:
        """Get JSON; None while nobody answers, or not well."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310
                return json.load(answer)
        except (OSError, urllib.error.HTTPError):
            return None

    def events(self, number: int) -> list[dict[str, Any]]:
        """Wait for so many events; give them in order of time."""

        def listed() -> list[dict[str, Any]] | None:
            page = self.get("/v1/events?limit=100")
            return page["events"] if page and len(page["events"]) >= number else None

        found: list[dict[str, Any]] = until(listed, self.log)
        return sorted(found, key=lambda event: str(event["time"]))


@contextmanager
def habitus(folder: Path, *commands: str, **settings: str) -> Iterator[Api]:
    """Run commands of Habitus, of which the last one is `serve`, until the end of the block.

    The first one is the writer of the store: each starts when the one before has opened its lock.
    """
    api, lock = Api(folder, settings), folder / "habitus.db.lock"
    with ExitStack() as started:
        for command in commands:
            line = [sys.executable, "-m", "pipeline.cli", *command.split()]
            started.enter_context(running(line, api.log, **api.settings))
            until(lock.exists, api.log)
        until(lambda: api.get("/readyz"), api.log)
        yield api
