"""Ports of servers that a benchmark starts on this machine."""

from __future__ import annotations

import socket
import time
import urllib.request


def free_port() -> int:
    """Give a port that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, path: str = "/readyz", seconds: float = 60.0) -> None:
    """Wait until a server answers that it is ready.

    Raises
    ------
    RuntimeError
        It did not within the time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not get ready within {seconds:.0f} s")
