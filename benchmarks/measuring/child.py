"""Run one measurement in its own process: ``python -m benchmarks.measuring.child NAME``."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec

from benchmarks.measuring.meter import Job, Result, pin

# Imported only when run, so that each process has the memory of its libraries only.
MEASUREMENTS = {
    "decode-json": "benchmarks.streaming.decode:decode_json",
    "decode-native": "benchmarks.streaming.decode:decode_native",
    "kafka": "benchmarks.streaming.poll:poll",
    "river": "benchmarks.streaming.rivers:river_in_memory",
    "river-committed": "benchmarks.streaming.rivers:river_committed",
    "habitus": "benchmarks.streaming.habitus:habitus_from_file",
    "habitus-kafka": "benchmarks.streaming.habitus:habitus_from_kafka",
    "habitus-librdkafka": "benchmarks.streaming.habitus:habitus_from_librdkafka",
    "habitus-files": "benchmarks.streaming.habitus:habitus_to_files",
    "format-judged": "benchmarks.formats.judged:judged",
    "format-assembled": "benchmarks.formats.judged:assembled",
    "format-bare": "benchmarks.formats.judged:bare",
    "replica": "benchmarks.lookup.replica:replica",
}


def measure(name: str, job: Job) -> Result:
    """Run one measurement in a new process, and wait for it.

    Raises
    ------
    subprocess.CalledProcessError
        It failed; its output is on stderr.
    """
    done = subprocess.run(  # noqa: S603  # this module
        [sys.executable, "-m", "benchmarks.measuring.child", name],
        input=msgspec.json.encode(job),
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env=environment(),
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Result)


def environment() -> dict[str, str]:
    """Remove settings of a local installation, which would override those of the benchmark."""
    own = {k: v for k, v in os.environ.items() if not k.upper().startswith("HABITUS_")}
    return own | {"PYTHONHASHSEED": "0"}


def main() -> None:
    """Measure, and write the result to stdout."""
    pin()
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    module, _, function = MEASUREMENTS[sys.argv[1]].partition(":")
    result = getattr(importlib.import_module(module), function)(job)
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
