"""Measure the answers to hooks: ``python -m benchmarks.hooks``.

A real ``habitus serve`` takes the hooks of many sessions, and judges them meanwhile. Requests begin
at fixed instants, whether or not the ones before are answered, so a slow answer is seen by all that
wait behind it. Half of the hooks ask for a decision. The time counts from the instant at which a
request was due. On a busy machine it is scheduling time; the processor time of a hook is not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measuring.child import environment
from benchmarks.measuring.findings import Findings, add_save, show
from benchmarks.measuring.ports import free_port, wait_for
from lab.measurement import Goal, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
RATE, SECONDS, CONNECTIONS = 200, 30, 64
WARM_S = 3.0
MOST_MS = 50.0
OBSERVE, DECIDE = "observe only", "rules for each operation"
RULES = {OBSERVE: "", DECIDE: "*/delete=ask,restricted/*=deny"}
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Answers(NamedTuple):
    """Milliseconds of each answer, how many held a decision, and the server's processor time."""

    times: list[float]
    decided: int
    cpu_ms: float = 0.0


class Served(NamedTuple):
    """A running server."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """Give its used processor seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Print the tables; return 1 if answers take longer than the goal."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hooks")
    parser.add_argument("--rate", type=int, default=RATE, help="hooks a second")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    add_save(parser)
    chosen = parser.parse_args()
    found = {}
    for name, rules in RULES.items():
        with tempfile.TemporaryDirectory() as folder, serving(Path(folder), rules) as server:
            asyncio.run(drive(server.port, chosen.rate, WARM_S))
            before = server.cpu_s()
            answers = asyncio.run(drive(server.port, chosen.rate, chosen.seconds))
            used_ms = (server.cpu_s() - before) * 1e3 / len(answers.times)
            found[name] = answers._replace(cpu_ms=used_ms)
    findings = findings_of(found, chosen.rate)
    show(findings, "Hooks", "benchmarks.hooks", chosen.save)
    return int(findings.missed())


def findings_of(found: dict[str, Answers], rate: int) -> Findings:
    """Make the table and the goals."""
    rows = [
        [
            name,
            f"{len(one.times):,}",
            *(f"{at(one.times, share):.1f}" for share in (50, 99, 99.9)),
            f"{one.decided:,}",
            f"{one.cpu_ms:.2f}",
        ]
        for name, one in found.items()
    ]
    table = Table(
        sentence=f"Milliseconds until a hook is answered, {rate} hooks a second over "
        f"{CONNECTIONS} connections, from the instant at which each was due.",
        columns=["decisions", "hooks", "p50", "p99", "p99.9", "ask or deny", "processor ms a hook"],
        rows=rows,
    )
    goals = [
        Goal(figure=f"{name}: p99, ms", row=name, column="p99", most=MOST_MS) for name in found
    ]
    return Findings([table], goals)


def at(times: Sequence[float], share: float) -> float:
    """Give a percentile.

    >>> at([3.0, 1.0, 2.0], 50), at([3.0, 1.0, 2.0], 99)
    (2.0, 3.0)
    """
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]


@contextlib.contextmanager
def serving(folder: Path, rules: str) -> Iterator[Served]:
    """Run ``habitus serve`` over a new store."""
    port = free_port()
    settings = {
        "HABITUS_STORE": f"sqlite:{folder / 'habitus.db'}", "HABITUS_HOOK_DECISIONS": rules,
        "HABITUS_LISTEN": f"127.0.0.1:{port}", "PYTHONPATH": str(ROOT),
        "HABITUS_LOG_LEVEL": "error",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "serve"], cwd=folder,
        env=environment() | settings, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(port)
        yield Served(port, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


async def drive(port: int, rate: int, seconds: float) -> Answers:
    """Send hooks at a fixed rate; give the time of each answer."""
    count = int(rate * seconds)
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    begun = time.perf_counter()
    run = f"{os.getpid():x}{int(begun * 1e6):x}"
    tasks = []
    for number in range(count):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(_ask(free, hook(run, number), due)))
    answers = await asyncio.gather(*tasks)
    while not free.empty():
        free.get_nowait()[1].close()
    return Answers([took for took, _ in answers], sum(body != b"{}" for _, body in answers))


async def _ask(
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]], body: bytes, due: float
) -> tuple[float, bytes]:
    reader, writer = connection = await free.get()
    writer.write(
        b"POST /v1/hooks/claude-code HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head[:200]
    length = _LENGTH.search(head)
    assert length is not None
    answer = await reader.readexactly(int(length[1]))
    free.put_nowait(connection)
    return (time.perf_counter() - due) * 1e3, answer


def hook(run: str, number: int) -> bytes:
    """Give a hook of one of fifty sessions; before and after a call alternate."""
    call, after = divmod(number, 2)
    session = f"{run}-{call % 50}"
    command = ("git status", "npm test", "rm -rf build/cache", "cat README.md")[call % 4]
    payload = {
        "hook_event_name": "PostToolUse" if after else "PreToolUse", "session_id": session,
        "tool_name": "Bash", "tool_use_id": f"toolu_{run}{call:08}",
        "tool_input": {"command": f"{command} # {call}"}, "cwd": "shop",
        "transcript_path": f"~/.claude/projects/shop/{session}.jsonl",
    }  # fmt: skip
    if after:
        payload |= {"tool_response": {"stdout": "line of output\n" * 40, "stderr": ""}}
    return json.dumps(payload).encode()


if __name__ == "__main__":
    sys.exit(main())
