"""Servers, decision points and taps of the tests, each on a port of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent
WAIT_S = 40


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HABITUS_")}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {"PYTHONPATH": os.pathsep.join(paths), "XDG_STATE_HOME": str(folder / "state")}
    return kept | own | more


def tap(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pipeline.cli", "tap", *arguments]


def raw_server(*arguments: str) -> list[str]:
    return ["--", sys.executable, str(HERE / "raw_server.py"), *arguments]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run a tap with a given input."""

    def run(*arguments: str, given: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603  # our own code
            tap(*arguments),
            input=given,
            capture_output=True,
            env=environment(tmp_path, **more),
            timeout=WAIT_S,
            check=False,
        )

    return run


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def spooled(folder: Path) -> list[dict[str, Any]]:
    files = sorted((folder / "state" / "habitus" / "tap").glob("*.jsonl"))
    return [record for file in files for record in records(file)]


class Answering:
    """A server that answers each request, and remembers what it was asked."""

    def __init__(self, answer: Callable[[dict[str, Any]], tuple[int, Any]]) -> None:
        self.answer = answer
        self.bodies: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        answering = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(size))
                answering.bodies.append(body)
                answering.headers.append(dict(self.headers))
                answering.paths.append(self.path)
                status, found = answering.answer(body)
                data = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def answering() -> Iterator[Callable[..., Answering]]:
    """Start servers whose answers are a function of the body."""
    started: list[Answering] = []

    def start(answer: Callable[[dict[str, Any]], tuple[int, Any]]) -> Answering:
        one = Answering(answer)
        threading.Thread(target=one.server.serve_forever, args=(0.01,), daemon=True).start()
        started.append(one)
        return one

    yield start
    for one in started:
        one.server.shutdown()
        one.server.server_close()


@contextmanager
def listening_tap(folder: Path, *arguments: str, **more: str) -> Iterator[str]:
    """Run a tap for HTTP; give its base URL."""
    process = subprocess.Popen(  # noqa: S603  # our own code
        tap("--listen", "127.0.0.1:0", *arguments),
        stderr=subprocess.PIPE,
        env=environment(folder, **more),
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline().decode()
        assert "listening on" in line, line + process.stderr.read().decode()
        yield line.split()[-1]
    finally:
        process.terminate()
        said = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait(WAIT_S) == 0, said
        (folder / "stderr").write_text(said)


def decoded(path: Path, folder: Path) -> list[dict[str, Any]]:
    """Give the native events of a recording, as ``habitus decode`` prints them."""
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-m", "pipeline.cli", "decode", str(path), "--format", "mcp"],
        capture_output=True,
        env=environment(folder),
        timeout=WAIT_S,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
