"""Read a range of inputs in other processes, which may crash or hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import IO, NamedTuple

from tests.components import ROOT

CHUNK = 50_000
"""Inputs of one process."""
HANG_S = 30.0
"""Most processor seconds of one input: on a busy machine, the wall clock says nothing."""
START_S = 300.0
STILL_S = 600.0
"""Most seconds by the wall clock: an input that waits uses no processor."""
_TICK_S = 0.25
_NONE = (1 << 64) - 1


class Range(NamedTuple):
    """Inputs `first` up to `last` of a run."""

    run: int
    first: int
    last: int


class Failure(NamedTuple):
    """An input that failed, and why."""

    number: int
    target: str
    why: str


class Found(NamedTuple):
    """What a range of inputs gave."""

    failures: list[Failure]
    count: Counter[str]


def run(whole: Range, progress: IO[str] | None = None, command: tuple[str, ...] = ()) -> Found:
    """Read all inputs of a range, in one process after the other.

    Parameters
    ----------
    progress
        Gets a line for each process.
    command
        Program of the processes; another one only in tests.
    """
    found = Found([], Counter())
    first = whole.first
    while first < whole.last:
        last = min(first + CHUNK, whole.last)
        ended = _one(Range(whole.run, first, last), found, command or _CHILD)
        if progress is not None:
            done = f"{ended - whole.first:,} inputs, {len(found.failures)} failures"
            print(done, file=progress, flush=True)
        first = ended
    return found


_CHILD = (sys.executable, "-m", "tests.fuzz.child")


def _one(part: Range, found: Found, command: tuple[str, ...]) -> int:
    """Run one process; give the number of the input after its last one."""
    with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryFile("w+") as out:
        file.write(_NONE.to_bytes(8, "little"))
        file.flush()
        process = subprocess.Popen(  # noqa: S603 - this package
            [*command, *map(str, part), file.name], stdout=out, cwd=ROOT
        )
        hangs = _watch(process, Path(file.name))
        at = int.from_bytes(Path(file.name).read_bytes(), "little")
        out.seek(0)
        for line in out:
            said = json.loads(line)
            if "count" in said:
                found.count.update(_summed(found.count, said["count"]))
            else:
                found.failures.append(Failure(**said))
    if process.returncode == 0:
        return part.last
    if at == _NONE:
        raise RuntimeError(f"the process read nothing, and ended with {process.returncode}")
    why = (
        f"hang: no end within {HANG_S:.0f} processor seconds"
        if hangs
        else f"crash: {process.returncode}"
    )
    found.failures.append(Failure(at, "", why))
    found.count["inputs"] += at + 1 - part.first
    return at + 1


def _summed(all_of: Counter[str], more: dict[str, int]) -> dict[str, int]:
    """Give what is to be added: of the slowest input the larger one counts."""
    slowest = max(0, more.get("slowest_us", 0) - all_of["slowest_us"])
    return more | {"slowest_us": slowest}


def _watch(process: subprocess.Popen[bytes], file: Path) -> bool:
    """Wait for a process; end it where one input takes too long, and return whether it did."""
    seen, since, used = _NONE, time.monotonic(), 0.0
    while process.poll() is None:
        time.sleep(_TICK_S)
        at = int.from_bytes(file.read_bytes(), "little")
        if at != seen:
            seen, since, used = at, time.monotonic(), _seconds_of(process.pid)
            continue
        most = START_S if at == _NONE else HANG_S
        if _seconds_of(process.pid) - used > most or time.monotonic() - since > STILL_S:
            process.kill()
            process.wait()
            return True
    return False


def _seconds_of(pid: int) -> float:
    """Give the processor seconds of a process; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
