"""Run the pipeline in lives that end with SIGKILL, until one of them gets to the end.

Standard input has one job a line, a JSON object: `step`, `nth`, `env`, `folder` and `log`. The step
is a key of `STEPS`, `any moment`, or `none`; each life dies at its NTH call of that step (at any
moment: a pause that NTH seeds). Settings come from `env`. The log gets how many lives died, or the
fault; the answer to a job is a line with its exit status.

A life is a forked process: it has its own store, source and sink, and nothing of them is left when
it is killed; only the imports are shared. The clock stands still, so that two runs compare.
"""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from pipeline.configuration.loading import load_settings
from pipeline.processing import loop, runner
from pipeline.processing.worker import Worker
from pipeline.publishing.folder import Folder
from pipeline.publishing.kafka.sink import KafkaSink
from pipeline.publishing.rejected_file import RejectedFile
from pipeline.sources.files import Files
from pipeline.sources.kafka.source import KafkaSource
from pipeline.store import SqliteStore, is_postgresql
from pipeline.store.postgresql import PostgresStore
from pipeline.store.postgresql.writing import PostgresWriter
from pipeline.store.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_US = 1_798_761_600_000_000  # 2027-01-01, after every made-up event
MAX_LIVES = 200

# Step of the loop: the call, and whether death comes before or after it.
STEPS: dict[str, tuple[Any, str, str]] = {
    "1 a batch came": (loop.Loop, "step", "before"),
    "2 judging": (Worker, "judge", "before"),
    "2 judged": (Worker, "judge", "after"),
    "3 in the transaction": (Writer, "_write_progress", "before"),
    "3 at the end of the transaction": (Writer, "_write_progress", "after"),
    "3 committed": (SqliteStore, "commit", "after"),
    "4 keeping what was rejected": (RejectedFile, "keep", "before"),
    "4 half a rejected line kept": (RejectedFile, "_open", "half"),
    "4 rejected kept": (RejectedFile, "keep", "after"),
    "4 publishing": (Folder, "publish", "before"),
    "4 some topics published": (Folder, "_file", "before"),
    "4 half a line published": (Folder, "_file", "half"),
    "4 published": (Folder, "publish", "after"),
    "5 forgetting what is published": (SqliteStore, "drop_outbox", "before"),
    "5 forgotten": (SqliteStore, "drop_outbox", "after"),
    "6 telling the source": (Files, "commit", "before"),
    "6 source told": (Files, "commit", "after"),
    "kafka published": (KafkaSink, "publish", "after"),
    "kafka committed": (SqliteStore, "commit", "after"),
    "kafka told": (KafkaSource, "commit", "after"),
}

ON_A_SERVER = {SqliteStore: PostgresStore, Writer: PostgresWriter}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class HalfAFile:
    """A file whose disk takes half of what is written before the process ends."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def fileno(self) -> int:
        return int(self._file.fileno())

    def write(self, data: bytes) -> None:
        self._file.write(data[: len(data) // 2])
        die()


def mortal(method: Callable[..., Any], nth: int, when: str) -> Callable[..., Any]:
    calls = 0

    @functools.wraps(method)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= nth and when == "before":
            die()
        result = method(*args, **kwargs)
        if calls >= nth and when == "after":
            die()
        return HalfAFile(result) if calls >= nth and when == "half" else result

    return wrapped


def live(step: str, nth: int) -> None:
    runner.clock_us = loop.clock_us = lambda: NOW_US
    settings = load_settings()
    if step in STEPS:
        owner, name, when = STEPS[step]
        if is_postgresql(settings.store):
            owner = ON_A_SERVER.get(owner, owner)
        setattr(owner, name, mortal(getattr(owner, name), nth, when))
    runner.run(settings, drain=True, stop=threading.Event())


def main(step: str, nth: int) -> None:
    pauses = random.Random(nth)  # noqa: S311  # pauses, no secrets
    for deaths in range(MAX_LIVES):
        life = os.fork()
        if not life:
            live(step, nth)
            os._exit(0)
        if step == "any moment":
            time.sleep(pauses.uniform(0, 0.05 + deaths / 50))
            os.kill(life, signal.SIGKILL)
        _, status = os.waitpid(life, 0)
        if status == 0:
            print(deaths)
            return
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"a life ended with status {status}")
    sys.exit(f"not done after {MAX_LIVES} lives")


def work(job: dict[str, Any]) -> None:
    """Do a job as a process that was started for it alone, and end."""
    status = 0
    try:
        log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.chdir(job["folder"])
        os.environ.clear()
        os.environ.update(job["env"])
        main(job["step"], job["nth"])
    except BaseException:  # noqa: BLE001 - the process ends here
        status = 1
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    for line in sys.stdin:
        worker = os.fork()
        if not worker:
            work(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]), flush=True)
