"""Measure what `habitus tap` adds to a call: ``python -m benchmarks.tap``.

Over stdio, the same calls go to a server directly and through the tap. Over HTTP they go to it
directly, through a bare proxy of the same libraries, and through the tap. One call waits for the
one before. The connections alternate in short rounds of one run, so other work on the machine
reaches all of them. The tap records to a file.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from benchmarks.measuring.child import environment
from benchmarks.measuring.findings import Findings, add_save, show
from lab.measurement import Goal, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[2]
ROUNDS, CALLS, WARM = 40, 50, 100
SIZES = {"a short call": 40, "a call of 64 KiB": 1 << 16}
MOST_MS = 2.0
STDIO, STDIO_TAP = "stdio", "stdio, habitus tap"
HTTP, PROXY, HTTP_TAP = "HTTP", "HTTP, bare proxy", "HTTP, habitus tap"
_BESIDE = {STDIO_TAP: STDIO, PROXY: HTTP, HTTP_TAP: PROXY}


class Figures(NamedTuple):
    """Times of a call in milliseconds."""

    p50: float
    p99: float


def main() -> int:
    """Print the tables; return 1 if the tap adds more than the goals allow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tap")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--calls", type=int, default=CALLS, help="calls of a round")
    add_save(parser)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, connections(Path(folder)) as found:
        measured = {
            name: measure(found, message_of(size), chosen.rounds, chosen.calls)
            for name, size in SIZES.items()
        }
    findings = findings_of(measured)
    show(findings, "habitus tap", "benchmarks.tap", chosen.save)
    return int(findings.missed())


def message_of(size: int) -> bytes:
    """Give a call whose argument has this many characters."""
    params = {"name": "echo", "arguments": {"text": "x" * size}}
    return msgspec.json.encode(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    )


def measure(
    found: dict[str, Callable[[bytes], None]], message: bytes, rounds: int, calls: int
) -> dict[str, Figures]:
    """Time calls over each connection, in alternating rounds."""
    taken: dict[str, list[float]] = {name: [] for name in found}
    for call in found.values():
        for _ in range(WARM):
            call(message)
    for _ in range(rounds):
        for name, call in found.items():
            for _ in range(calls):
                began = time.perf_counter()
                call(message)
                taken[name].append((time.perf_counter() - began) * 1e3)
    return {name: figures(times) for name, times in taken.items()}


def figures(times: Sequence[float]) -> Figures:
    """Give the percentiles of times.

    >>> figures([1.0, 2.0, 3.0])
    Figures(p50=2.0, p99=3.0)
    """
    ordered = sorted(times)
    return Figures(
        ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    )


def findings_of(measured: dict[str, dict[str, Figures]]) -> Findings:
    """Make the tables and the goals."""
    tables, goals = [], []
    for size, found in measured.items():
        rows = [
            _row(f"{name}, {size}", one, found.get(_BESIDE.get(name, "")))
            for name, one in found.items()
        ]
        tables.append(
            Table(
                sentence=f"Milliseconds of {size}; added: beside the same connection without a "
                "tap, over HTTP beside the bare proxy.",
                columns=["connection", "p50", "p99", "p50 added", "p99 added"],
                rows=rows,
            )
        )
        goals += [
            Goal(
                figure=f"{name}, {size}: p50 added, ms",
                row=f"{name}, {size}",
                column="p50 added",
                most=MOST_MS,
            )
            for name in (STDIO_TAP, HTTP_TAP)
        ]
    return Findings(tables, goals)


def _row(name: str, one: Figures, beside: Figures | None) -> list[str]:
    added = (
        ["", ""] if beside is None else [f"{a - b:.2f}" for a, b in zip(one, beside, strict=True)]
    )
    return [name, f"{one.p50:.2f}", f"{one.p99:.2f}", *added]


# ---------------------------------------------------------------------- connections


@contextlib.contextmanager
def connections(folder: Path) -> Iterator[dict[str, Callable[[bytes], None]]]:
    """Start all servers, proxies and taps; give a function that calls over each connection."""
    server = [sys.executable, "-m", "benchmarks.tap.servers"]
    tap = [sys.executable, "-m", "pipeline.cli", "tap", "--out", str(folder / "out.jsonl")]
    port, proxy, listen = (_free_port() for _ in range(3))
    upstream = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        for command, taken in (
            ([*server, "http", str(port)], port),
            ([*server, "proxy", str(proxy), upstream], proxy),
            ([*tap, "--listen", f"127.0.0.1:{listen}", "--upstream", upstream], listen),
        ):
            stack.callback(_end, _started(command))
            _wait(taken)
        found: dict[str, Callable[[bytes], None]] = {}
        for name, command in ((STDIO, []), (STDIO_TAP, [*tap, "--"])):
            process = _started([*command, *server, "stdio"])
            stack.callback(_end, process)
            found[name] = _over_stdio(process)
        for name, at in ((HTTP, port), (PROXY, proxy), (HTTP_TAP, listen)):
            connection = http.client.HTTPConnection("127.0.0.1", at, timeout=30)
            stack.callback(connection.close)
            found[name] = _over_http(connection)
        yield found


def _over_stdio(process: subprocess.Popen[bytes]) -> Callable[[bytes], None]:
    assert process.stdin is not None
    assert process.stdout is not None
    to, back = process.stdin.fileno(), process.stdout.fileno()

    def call(message: bytes) -> None:
        line = message + b"\n"
        while line:
            line = line[os.write(to, line) :]
        while not os.read(back, 1 << 17).endswith(b"\n"):
            pass

    return call


def _over_http(connection: http.client.HTTPConnection) -> Callable[[bytes], None]:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

    def call(message: bytes) -> None:
        connection.request("POST", "/mcp", message, headers)
        connection.getresponse().read()

    return call


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # our own modules
        command, cwd=ROOT, env=environment() | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise RuntimeError("a server did not start within 30 s")


if __name__ == "__main__":
    sys.exit(main())
