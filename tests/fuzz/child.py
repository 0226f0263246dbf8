"""A process that reads inputs: ``python -m tests.fuzz.child RUN FIRST LAST FILE``.

It writes the number of the input in hand to FILE, and failures and counts to standard output, one
JSON object a line. The parent ends a process that does not get on.
"""

from __future__ import annotations

import gc
import json
import mmap
import sys
import traceback
from collections import Counter
from pathlib import Path

from tests.fuzz.checking import check
from tests.fuzz.inputs import TARGETS, Input, input_of
from tests.fuzz.limits import (
    GROWN_BYTES,
    SECONDS,
    Effect,
    Guard,
    limit_memory,
    resident_bytes,
    seconds,
)
from tests.fuzz.seeds import seeds

_WARM = 2_000
"""Inputs after which caches are full enough for growth to count."""


def main() -> None:
    """Read the inputs of a range."""
    run, first, last = map(int, sys.argv[1:4])
    for seed in seeds():  # imports and tables are loaded before the limits hold
        check(seed.target, seed.records, thorough=True)
    guard = Guard()
    limit_memory()
    with Path(sys.argv[4]).open("r+b") as file, mmap.mmap(file.fileno(), 8) as place:
        count = read(run, first, last, guard, place)
    print(json.dumps({"count": count}), flush=True)


def read(run: int, first: int, last: int, guard: Guard, place: mmap.mmap) -> Counter[str]:
    """Read inputs `first` up to `last`, and print each failure."""
    count: Counter[str] = Counter()
    begun, slowest = 0, 0.0
    for number in range(first, last):
        place[:] = number.to_bytes(8, "little")
        one = input_of(run, number)
        why, took = failure_of(one, guard, count)
        if why is None and took > SECONDS:
            took = min(took, failure_of(one, guard, Counter())[1])  # was it only the first time?
        if why is None and took > SECONDS:
            why = f"slow: {took:.2f} processor seconds, expected at most {SECONDS}"
        slowest = max(slowest, took)
        if number == first + _WARM:
            gc.collect()
            begun = resident_bytes()
        if why is not None:
            count["failures"] += 1
            print(json.dumps({"number": number, "target": one.target, "why": why}), flush=True)
    gc.collect()
    grown = resident_bytes() - begun if begun else 0
    if grown > GROWN_BYTES:
        count["failures"] += 1
        why = f"memory: {grown >> 20} MiB are kept, expected at most {GROWN_BYTES >> 20}"
        print(json.dumps({"number": last - 1, "target": "all", "why": why}), flush=True)
    count["inputs"] += last - first
    count["slowest_us"] = round(slowest * 1e6)
    return count


def failure_of(one: Input, guard: Guard, count: Counter[str]) -> tuple[str | None, float]:
    """Read one input; give why it failed, and its processor seconds."""
    assert one.target in TARGETS
    why = None
    began = seconds()
    guard.active = True
    try:
        found = check(one.target, one.records, thorough=one.thorough)
    except (Exception, Effect) as error:  # noqa: BLE001 - all of them are failures
        guard.active = False
        frame = traceback.extract_tb(error.__traceback__)[-1]
        why = f"{type(error).__name__}: {str(error)[:300]} ({frame.filename}:{frame.lineno})"
    else:
        guard.active = False
        count.update(found)
    return why, seconds() - began


if __name__ == "__main__":
    main()
