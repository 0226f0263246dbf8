"""Measure a trust look-up beside the same answer from a plain FastAPI route.

``python -m benchmarks.trust_lookup`` starts both under uvicorn (uvloop, httptools) on core 0, one
after the other in turns, and drives them from core 1 with ``wrk`` where there is one, else with a
small client. A closed loop at saturation: p99 is queueing, not service time.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvicorn
from fastapi import FastAPI, HTTPException

from models.answer import trust_answer
from models.ledger import Item, Ledger
from models.levels import Standing
from models.trust import TrustPolicy
from models.trust_policy import DAY_US
from models.trust_state import TrustState
from scoring_api.app import create_app
from scoring_api.reading import PipelineStatus
from scoring_api.schemas import Trust

AGENTS = 1000
CONNECTIONS = 32
ROUNDS = 3
SECONDS = 5
SERVER_CORE, CLIENT_CORE = 0, 1
GOAL = 2.0
SERVERS = ("habitus", "plain")

# One request per agent in turn; wrk hands the file's `request` to every connection.
WRK_SCRIPT = f"""
local n = 0
request = function()
  n = (n + 1) % {AGENTS}
  return wrk.format("GET", "/v1/agents/spiffe%3A%2F%2Fexample.com%2Fagent%2F" .. n .. "/trust")
end
done = function(summary, latency, requests)
  io.write(string.format("RESULT %.1f %.1f %.1f %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50), latency:percentile(99), summary.errors.status + summary.errors.read))
end
"""


class Result(NamedTuple):
    """Requests a second, and milliseconds of the 50th and 99th percentile."""

    rate: float
    p50_ms: float
    p99_ms: float


def _state(number: int) -> TrustState:
    now = time.time_ns() // 1000
    today = now // DAY_US
    ledger = Ledger(days=dict.fromkeys(range(today - 90, today), 20))
    for place in range(number % 4):
        ledger.add(
            Item(f"k{place}", f"a-{place}", now - place * DAY_US, "medium", "tool.new", "tools")
        )
    return TrustState(
        agent_id=f"spiffe://example.com/agent/{number}",
        mode="delegated",
        state="active",
        ledger=ledger,
        standing=Standing(level="trusted"),
        config_version="benchmark",
    )


class _Store:
    """A store of one version: look-ups are what is measured."""

    def __init__(self) -> None:
        self._states = [_state(number) for number in range(AGENTS)]

    def data_version(self) -> int:
        return 1

    def changes(self, after: int, limit: int) -> list[tuple[int, TrustState]]:
        return list(enumerate(self._states, 1))[after : after + limit]

    def status(self) -> PipelineStatus:
        now = time.time_ns() // 1000
        return PipelineStatus("running", heartbeat_us=now, watermark_us=now, lag_us=0)

    def anomalies(self, **_: object) -> list[dict[str, Any]]:
        return []

    def anomaly(self, _: str, /) -> None:
        return None

    def inbox(self, _: list[bytes], /) -> list[int]:
        return []


def habitus() -> Any:
    """Make our application over 1,000 agents."""
    return create_app(_Store(), lambda _: None)


def plain() -> Any:
    """Make the application to compare with: one route, one response model, answers at hand."""
    now = time.time_ns() // 1000
    policy = TrustPolicy()
    answers = {
        str(number): msgspec.to_builtins(
            trust_answer([state := _state(number)], state.agent_id, now, now, policy)
        )
        for number in range(AGENTS)
    }
    app = FastAPI()

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/agents/{agent_id:path}/trust")
    async def trust(agent_id: str) -> Trust:
        found = answers.get(agent_id.rpartition("/")[2])
        if found is None:
            raise HTTPException(404)
        return Trust(**found)

    return app


def serve(name: str, port: int) -> None:
    """Serve one of the applications; runs in a process of its own."""
    os.sched_setaffinity(0, {SERVER_CORE})
    uvicorn.run(
        {"habitus": habitus, "plain": plain}[name](),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not get ready within 30 s")


def drive_wrk(port: int, seconds: float) -> Result:
    """Drive with wrk, one thread, pinned."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "agents.lua"
        script.write_text(WRK_SCRIPT)
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
        done = subprocess.run(  # noqa: S603  # our own command line
            [*command, f"http://127.0.0.1:{port}"],
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {CLIENT_CORE}),
        )
    found = re.search(r"^RESULT ([\d.]+) ([\d.]+) ([\d.]+) (\d+)$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    rate, p50, p99, errors = map(float, found.groups())
    assert not errors, f"{errors:.0f} requests failed"
    return Result(rate, p50 / 1000, p99 / 1000)


async def _connection(port: int, first: int, end: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = first
    while time.perf_counter() < end:
        number = (number + 1) % AGENTS
        path = f"/v1/agents/spiffe%3A%2F%2Fexample.com%2Fagent%2F{number}/trust"
        started = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head[:40]
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        await reader.readexactly(int(length[1]))
        took.append(time.perf_counter() - started)
    writer.close()


def drive_python(port: int, seconds: float) -> Result:
    """Drive with asyncio: slower than the server, so a rate is a lower bound."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    took: list[float] = []

    async def all_connections() -> None:
        end = time.perf_counter() + seconds
        await asyncio.gather(*(_connection(port, 31 * n, end, took) for n in range(CONNECTIONS)))

    asyncio.run(all_connections())
    cuts = statistics.quantiles(took, n=100)
    return Result(len(took) / seconds, cuts[49] * 1000, cuts[98] * 1000)


def measure(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, Result]:
    """Measure both in turns; the median of the rounds of each."""
    drive = drive_wrk if shutil.which("wrk") else drive_python
    ports = {name: _free_port() for name in SERVERS}
    processes = [
        subprocess.Popen(  # noqa: S603  # this very module
            [sys.executable, "-m", "benchmarks.trust_lookup", "serve", name, str(port)]
        )
        for name, port in ports.items()
    ]
    try:
        for port in ports.values():
            _wait(port)
            drive(port, 1)
        runs: dict[str, list[Result]] = {name: [] for name in SERVERS}
        for _ in range(rounds):
            for name, port in ports.items():
                runs[name].append(drive(port, seconds))
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=10)
    return {
        name: Result(*(statistics.median(column) for column in zip(*found, strict=True)))
        for name, found in runs.items()
    }


def main() -> int:
    """Print both side by side and the ratio; 1 when the goal is missed."""
    results = measure()
    tool = "wrk" if shutil.which("wrk") else "asyncio client"
    print(f"trust look-up, {AGENTS} agents, {CONNECTIONS} connections, {tool}")
    print(f"{'server':<10}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}")
    for name, found in results.items():
        print(f"{name:<10}{found.rate:>12,.0f}{found.p50_ms:>10.2f}{found.p99_ms:>10.2f}")
    ours, theirs = results["habitus"], results["plain"]
    ratio = ours.rate / theirs.rate
    print(f"ratio {ratio:.2f}, expected at least {GOAL}; p99 must be no higher")
    return 0 if ratio >= GOAL and ours.p99_ms <= theirs.p99_ms else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(main())
