"""Forks, children of multiprocessing, and the end of a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.recorder.conftest import lines_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Run = Callable[[str], list[dict[str, Any]]]

ROOT = Path(__file__).resolve().parents[3]
BEGIN = """
import multiprocessing, os, sys, threading, time
from habitus import Recorder
recorder = Recorder("bot", to=f"file:{sys.argv[1]}")
@recorder.tool
def work(name):
    return name
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a script; give its events."""

    def run(script: str) -> list[dict[str, Any]]:
        path = tmp_path / "events.jsonl"
        done = subprocess.run(  # noqa: S603  # our own code
            [sys.executable, "-c", BEGIN + script, str(path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        assert done.stderr == b""
        return lines_of(path)

    return run


def names(events: list[dict[str, Any]]) -> list[str]:
    return sorted(event["arguments"]["name"] for event in events)


def test_end_of_the_process_delivers_what_waits(run: Run) -> None:
    assert names(run("for n in range(50): work(str(n))")) == sorted(map(str, range(50)))


def test_exit_inside_a_tool_is_an_error(run: Run) -> None:
    (event,) = run("""
@recorder.tool
def leave(name):
    sys.exit(0)
leave("x")
""")
    assert (event["tool"], event["outcome"]) == ("leave", "error")


def test_child_of_a_fork_records_its_own_calls_only(run: Run) -> None:
    events = run("""
with recorder.session("for both", human="sam") as session:
    work("before")
    child = os.fork()
    work("child" if child == 0 else "parent")
if child == 0:
    assert recorder.flush(30)
    os._exit(0)
os.waitpid(child, 0)
""")
    assert names(events) == ["before", "child", "parent"]
    assert len({event["id"] for event in events}) == 3
    assert {event["purpose"] for event in events} == {"for both"}


def test_call_open_at_a_fork_ends_once(run: Run) -> None:
    events = run("""
@recorder.tool
def forking(name):
    return os.fork()
if forking("x") == 0:
    work("child")
    sys.exit(0)
os.wait()
""")
    assert sorted(event["tool"] for event in events) == ["forking", "work"]


def test_fork_during_other_threads_calls_hangs_no_child(run: Run) -> None:
    events = run("""
stop = threading.Event()
def busy():
    while not stop.is_set():
        work("busy")
        time.sleep(0.0005)
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads: thread.start()
children = []
for n in range(4):
    child = os.fork()
    if child == 0:
        work(f"child-{n}")
        os._exit(0 if recorder.flush(60) else 1)
    children.append(child)
codes = [os.waitpid(child, 0)[1] for child in children]
stop.set()
for thread in threads: thread.join()
assert codes == [0] * 4, codes
""")
    assert [name for name in names(events) if name != "busy"] == [f"child-{n}" for n in range(4)]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_of_multiprocessing_delivers_at_its_end(
    run: Run, method: str, tmp_path: Path
) -> None:
    module = tmp_path / "job.py"
    module.write_text(BEGIN + "def job(name):\n    work(name)\n")
    events = run(f"""
sys.path.insert(0, {str(tmp_path)!r})
import job
context = multiprocessing.get_context({method!r})
children = [context.Process(target=job.job, args=(name,)) for name in ("a", "b")]
for child in children: child.start()
for child in children: child.join()
assert [child.exitcode for child in children] == [0, 0]
""")
    assert names(events) == ["a", "b"]
