"""Measure trust look-ups against a plain FastAPI route and a minimal server.

``python -m benchmarks.trust_lookup`` starts ours like ``habitus serve``, and the others on uvicorn
(uvloop, httptools), all on core 0. The client on core 1 drives them alternately, with ``wrk`` if
installed, else with a small Python client. It is a closed loop at saturation, so p99 is queueing
time; on a busy machine it is scheduling time. The minimal server and the loop turns in processor
time are the references. Then requests for a thousand agents are measured.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from benchmarks.lookup.results import Measured, Result
from benchmarks.lookup.servers import AGENTS, KEYS_VARIABLE, SERVERS, agent_name
from benchmarks.measuring.findings import add_save, show
from benchmarks.measuring.report import Report, look_ups
from pipeline.credentials.entries import make_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CONNECTIONS = 32
ROUNDS = 3
SECONDS = 5
BATCHES = 200
CLIENT_CORE = 1

# One request per agent, made before the measurement; wrk distributes them to the connections.
_WRK_SCRIPT = f"""
local asked, n = {{}}, 0
init = function()
  wrk.headers["X-API-Key"] = os.getenv("BENCHMARK_KEY")
  for i = 0, {AGENTS - 1} do
    local agent = "spiffe%3A%2F%2Fexample.com%2Fagent%2F" .. i
    asked[i] = wrk.format("GET", "/v1/agents/" .. agent .. "/trust")
  end
end
request = function()
  n = (n + 1) % {AGENTS}
  return asked[n]
end
done = function(summary, latency, requests)
  io.write(string.format("RESULT %.1f %.1f %.1f %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50), latency:percentile(99), summary.errors.status + summary.errors.read))
end
"""


class Server(NamedTuple):
    """A measured server."""

    process: subprocess.Popen[bytes]
    port: int

    @contextlib.contextmanager
    def alone(self, servers: Iterable[Server]) -> Iterator[None]:
        """Stop the other servers meanwhile, so that their background work does not count."""
        others = [one for one in servers if one is not self]
        for one in others:
            one.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for one in others:
                one.process.send_signal(signal.SIGCONT)

    def toggle_turns(self) -> None:
        """Start or stop recording the turns of its loop."""
        self.process.send_signal(signal.SIGUSR1)

    def turn_p99_ms(self) -> float:
        """Stop recording, and return the p99 turn."""
        self.toggle_turns()
        assert self.process.stdout is not None
        return float(self.process.stdout.readline())

    def cpu_s(self) -> float:
        """Give its used processor seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not get ready within 120 s")


class Start(NamedTuple):
    """Start parameters of a server: arguments of `benchmarks.lookup.servers`, and the checkout."""

    name: str
    by: str = ""
    python: str = sys.executable
    folder: Path | None = None


@contextlib.contextmanager
def serving(starts: Mapping[str, Start]) -> Iterator[tuple[dict[str, Server], str]]:
    """Start all servers on separate ports; give them, and the API key of one of them."""
    key, entry = make_key("benchmark", ["trust:read"])
    servers = {}
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys.json"
        keys.write_bytes(msgspec.json.encode([entry]))
        try:
            for name, start in starts.items():
                port = _free_port()
                command = [start.python, "-m", "benchmarks.lookup.servers", start.name, str(port)]
                command += [start.by] if start.by else []
                process = subprocess.Popen(  # noqa: S603  # our own module
                    command,
                    cwd=start.folder,
                    env=os.environ | {KEYS_VARIABLE: str(keys)},
                    stdout=subprocess.PIPE,
                )
                servers[name] = Server(process, port)
            for server in servers.values():
                _wait(server.port)
            yield servers, key
        finally:
            for server in servers.values():
                server.process.terminate()
            for server in servers.values():
                server.process.communicate(timeout=10)


def _drive_wrk(port: int, seconds: int, key: str) -> tuple[float, float, float]:
    """Drive with wrk, one thread, pinned."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "agents.lua"
        script.write_text(_WRK_SCRIPT)
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
        done = subprocess.run(  # noqa: S603  # our own command line
            [*command, f"http://127.0.0.1:{port}"],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | ({"BENCHMARK_KEY": key} if key else {}),
            preexec_fn=lambda: os.sched_setaffinity(0, {CLIENT_CORE}),
        )
    found = re.search(r"^RESULT ([\d.]+) ([\d.]+) ([\d.]+) (\d+)$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    rate, p50, p99, errors = map(float, found.groups())
    assert not errors, f"{errors:.0f} requests failed"
    return rate * seconds, p50 / 1000, p99 / 1000


async def _connection(port: int, first: int, end: float, key: str, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = first
    shown = f"X-API-Key: {key}\r\n" if key else ""
    while time.perf_counter() < end:
        number = (number + 1) % AGENTS
        path = f"/v1/agents/spiffe%3A%2F%2Fexample.com%2Fagent%2F{number}/trust"
        started = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{shown}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head[:40]
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        await reader.readexactly(int(length[1]))
        took.append(time.perf_counter() - started)
    writer.close()


def _drive_python(port: int, seconds: int, key: str) -> tuple[float, float, float]:
    """Drive with asyncio; it is slower than the server, so the rate is a lower bound."""
    took: list[float] = []

    async def all_connections() -> None:
        end = time.perf_counter() + seconds
        starts = range(0, 31 * CONNECTIONS, 31)
        await asyncio.gather(*(_connection(port, first, end, key, took) for first in starts))

    with _pinned():
        asyncio.run(all_connections())
    cuts = statistics.quantiles(took, n=100)
    return len(took), cuts[49] * 1000, cuts[98] * 1000


@contextlib.contextmanager
def _pinned() -> Iterator[None]:
    """Run on the client's core alone meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CLIENT_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def drive(server: Server, seconds: int, key: str) -> Result:
    """Drive one server, with an API key if it needs one."""
    by = _drive_wrk if shutil.which("wrk") else _drive_python
    before = server.cpu_s()
    answered, p50, p99 = by(server.port, seconds, key)
    return Result(answered / seconds, answered / (server.cpu_s() - before), p50, p99, p99)


def turn_p99_ms(server: Server, seconds: int, key: str) -> float:
    """Drive the server again and record the turns of its loop.

    The recording itself costs processor time.
    """
    server.toggle_turns()
    drive(server, seconds, key)
    return server.turn_p99_ms()


def ask_for_many(port: int, times: int) -> list[float]:
    """Request all agents at once, repeatedly; give the milliseconds of each request."""
    body = json.dumps({"agents": [agent_name(number) for number in range(AGENTS)]})
    connection = http.client.HTTPConnection("127.0.0.1", port)
    took = []
    for _ in range(times):
        started = time.perf_counter()
        connection.request("POST", "/v1/trust/query", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        read = answer.read()
        took.append((time.perf_counter() - started) * 1000)
        assert answer.status == 200, read[:200]
    connection.close()
    assert len(json.loads(read)["answers"]) == AGENTS
    return took


def measure(rounds: int = ROUNDS, seconds: int = SECONDS) -> Measured:
    """Measure all servers alternately; give the median of the rounds."""
    runs: dict[str, list[Result]] = {name: [] for name in SERVERS}
    with serving({name: Start(name) for name in SERVERS}) as (servers, key):
        first = ask_for_many(servers["habitus"].port, 1)[0]
        keys = dict.fromkeys(SERVERS, "") | {"with a key": key}
        for name, server in servers.items():
            drive(server, 1, keys[name])
        for _ in range(rounds):
            for name, server in servers.items():
                with server.alone(servers.values()):
                    runs[name].append(drive(server, seconds, keys[name]))
        cuts = statistics.quantiles(ask_for_many(servers["habitus"].port, BATCHES), n=100)
        turns = {name: turn_p99_ms(one, seconds, keys[name]) for name, one in servers.items()}
    lookups = {name: summed_up(found, turns[name]) for name, found in runs.items()}
    return Measured(lookups, first, cuts[49], cuts[98])


def summed_up(rounds: list[Result], turn_ms: float) -> Result:
    """Give the medians of the rounds, the smallest p99, and the turns of the loop."""
    median = Result(*(statistics.median(column) for column in zip(*rounds, strict=True)))
    return median._replace(quiet_p99_ms=min(one.p99_ms for one in rounds), turn_p99_ms=turn_ms)


def main() -> int:
    """Print all results and goals; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust_lookup")
    add_save(parser)
    asked = parser.parse_args()
    report = Report(agents=AGENTS, warm=0, events=0)
    report.take_trust(measure())
    tool = "wrk" if shutil.which("wrk") else "asyncio client"
    print(f"{AGENTS} agents, {CONNECTIONS} connections, {tool}, closed loop at saturation")
    found = look_ups(report)
    show(found, "Trust look-up", "benchmarks.trust_lookup", asked.save)
    return 1 if found.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
