"""Judge a recording offline: the same code as in production, with a separate store."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import msgspec
from msgspec import Struct

from models.errors import ConfigError, HabitusError, MalformedEvent
from models.event import microseconds
from pipeline.clock import clock_us
from pipeline.files.installed_files import installed_files, store_file
from pipeline.files.named_output import create
from pipeline.files.overwrite_check import refuse_to_overwrite
from pipeline.formats import event_of, format_named
from pipeline.processing.assembly import SharedResources, build_worker
from pipeline.processing.review import Review
from pipeline.processing.stream_types import BYTES
from pipeline.publishing.outputs import replay_line
from pipeline.publishing.rejected import TOPIC, all_rejected, rejected_line
from pipeline.sources.recordings import counted, records_of, size_of
from pipeline.store import open_store, shown_url, writer_lock
from pipeline.store.batch import PipelineStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.result import Result
    from pipeline.formats import Format
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord
    from pipeline.processing.worker import Worker
    from pipeline.settings import Settings
    from pipeline.store.batch import Commit
    from pipeline.store.protocol import Store

# The key is part of the program, so a recording is judged the same on every machine. The store of
# an installation has a random key.
REPLAY_SECRET = b"habitus replay: a recording, not an installation"[:32]
_BATCH = 8_192
_REJECTED = ".rejected.jsonl"


class Learned(Struct, frozen=True):
    """Result of learning a history, with the events in it that would have raised an alert."""

    events: int
    rejected: int
    rejected_by: dict[str, int]
    seconds: float
    store: str
    config_version: str
    review: Review


class ReplaySummary(Struct, frozen=True):
    """Summary of a replay: counts, output files and configuration."""

    events: int
    rejected: int
    alerts: int
    seconds: float
    out: str
    rejected_out: str | None
    config_version: str


def in_order(
    files: Sequence[str],
    wire: Format,
    *,
    now_us: int,
    skip: Iterable[Path] = (),
    progress: Progress | None = None,
) -> list[RawRecord]:
    """Give all records sorted by event time.

    Parameters
    ----------
    skip
        As for `records_of`.
    progress
        Shows how much is read.
    """
    timed: list[tuple[int, int, RawRecord]] = []
    at_us = 0
    if progress is not None:
        progress.start(size_of(files, skip), "reading", BYTES)
    records = records_of(files, now_us=now_us, skip=skip, progress=progress)
    for number, record in enumerate(records):
        with suppress(MalformedEvent):
            at_us = microseconds(event_of(record, wire).time)
        timed.append((at_us, number, record))
    if progress is not None:
        progress.stop()
    timed.sort(key=lambda item: item[:2])
    return [record for _, _, record in timed]


def judge_all(
    worker: Worker,
    records: Iterable[RawRecord],
    *,
    on_commit: Callable[[Commit], None] | None = None,
    progress: Progress | None = None,
) -> None:
    """Judge records in batches and commit each."""
    batch: list[RawRecord] = []
    for record in records:
        batch.append(record)
        if len(batch) >= _BATCH:
            _judge(worker, batch, on_commit, progress)
            batch = []
    if batch:
        _judge(worker, batch, on_commit, progress)


def _judge(
    worker: Worker,
    batch: list[RawRecord],
    on_commit: Callable[[Commit], None] | None,
    progress: Progress | None,
) -> None:
    out = worker.judge(batch)
    if on_commit is not None:
        on_commit(out)
    worker.commit(out, {}, _status(worker, "running"), to_publish=False)
    if progress is not None:
        progress.advance(len(batch))


def learn_history(
    worker: Worker, records: Iterable[RawRecord], *, progress: Progress | None = None
) -> None:
    """Learn a trusted history without alerts; it is scored first, so that it calibrates.

    Parameters
    ----------
    records
        In order of event time (`in_order`).
    """
    worker.engine.vouched = True
    try:
        judge_all(worker, records, progress=progress)
        worker.engine.finish_recording()
        _finish(worker)
    finally:
        worker.engine.vouched = False


def _finish(worker: Worker) -> None:
    worker.commit(worker.flush(whole=True), {}, _status(worker, "drained"))


def _status(worker: Worker, state: Literal["running", "drained"]) -> PipelineStatus:
    """Give the pipeline status; a recording does not change the last event of a live source."""
    said, now_us = worker.store.status(), clock_us()
    newest_us = max(said.newest_us or 0, min(worker.watermark_us, now_us)) or None
    return PipelineStatus(
        state, now_us, worker.watermark_us or None, 0,
        last_events=said.last_events, newest_us=newest_us,
    )  # fmt: skip


def replay(
    files: Sequence[str],
    *,
    fmt: str,
    out: str,
    history: Sequence[str] = (),
    store: str | None = None,
    settings: Settings,
    progress: Progress | None = None,
    force: bool = True,
) -> ReplaySummary:
    """Judge recordings and write one line per event, in input order.

    Parameters
    ----------
    out
        A path or ``-``; rejected lines go to ``OUT.rejected.jsonl`` beside it. Folders and patterns
        among the recordings do not include these files, or results of an earlier replay.
    force
        Whether existing output files are replaced.
    store
        URL of a store to keep; None for a temporary one.
    """
    started = perf_counter()
    format_named(fmt)
    own = outputs(out)
    given = [*files, *history, settings.inventory]
    refuse_to_overwrite(
        [("--out", str(path)) for path in own],
        given,
        installed=installed_files(settings),
        force=force,
    )
    kept_in = None if store is None else store_file(_url(store))
    refuse_to_overwrite([("--store", kept_in)], given, installed={}, force=True)
    with ExitStack() as stack:
        kept = stack.enter_context(_store(stack, store))
        lines = _Lines(stack, out)
        worker = build_worker(
            settings, kept, fmt=fmt, publish=False, explain_all=True, observer=lines.observe
        )
        lines.policy = worker.policy
        now_us = clock_us()
        if history:
            lines.muted = True
            past = in_order(history, worker.wire, now_us=now_us, skip=own, progress=progress)
            if progress is not None:
                progress.start(len(past), "learning")
            learn_history(worker, past, progress=progress)
            lines.muted = False
            worker.counters.clear()
            worker.first_rejected = None
        if progress is not None:
            progress.start(size_of(files, own), "judging", BYTES)
        records = records_of(files, now_us=now_us, skip=own, progress=progress)
        judge_all(worker, records, on_commit=lines.rejected)
        _finish(worker)
        if progress is not None:
            progress.stop()
        events, reasons = counted(worker.counters, files)
        if not events:
            raise HabitusError(
                f"nothing could be read: {all_rejected(reasons, worker.first_rejected)}"
            )
        seconds = perf_counter() - started
        return ReplaySummary(
            lines.events, lines.refused, lines.alerts, seconds, out, lines.rejected_out,
            worker.config_version,
        )  # fmt: skip


def learn(
    files: Sequence[str],
    *,
    fmt: str,
    settings: Settings,
    review: str | None = None,
    progress: Progress | None = None,
    force: bool = True,
) -> Learned:
    """Learn a history into the configured store, so that an installation starts with baselines.

    Parameters
    ----------
    review
        Output file for events that would have raised an alert, one line each; None: no file.
    force
        Whether an existing file is replaced.
    """
    started = perf_counter()
    refuse_to_overwrite(
        [("--review", review)],
        [*files, settings.inventory],
        installed=installed_files(settings),
        force=force,
    )
    lock = writer_lock(settings.store)
    if not lock.acquire():
        raise ConfigError(
            f"store {shown_url(settings.store)} is in use by another process; stop it first"
        )
    with lock, open_store(settings.store) as store:
        store.claim()
        resources = SharedResources.of(settings, store)
        with Review(resources.policy, review) as found:
            worker = build_worker(
                settings, store, fmt=fmt, publish=False, reviewer=found.observe, resources=resources
            )
            past = in_order(files, worker.wire, now_us=clock_us(), progress=progress)
            if progress is not None:
                progress.start(len(past), "learning")
            learn_history(worker, past, progress=progress)
            if progress is not None:
                progress.stop()
            events, reasons = counted(worker.counters, files)
            rejected = sum(reasons.values())
            if not events:
                raise HabitusError(
                    f"nothing was learned as {fmt}: {all_rejected(reasons, worker.first_rejected)}"
                )
            found.finish()
        seconds = perf_counter() - started
        return Learned(
            events, rejected, reasons, seconds, settings.store, worker.config_version, found
        )


def outputs(out: str) -> list[Path]:
    """Give the files that a replay writes; none for standard output."""
    names = () if out == "-" else (out, _rejected_path(out))
    return [Path(name) for name in names if name is not None]


def _rejected_path(out: str) -> str | None:
    """Give the file of rejected lines; None for standard output, a pipe or a device."""
    path = Path(out)
    is_file = out != "-" and (path.is_file() or not path.exists())
    return f"{out}{_REJECTED}" if is_file else None


def _url(store: str) -> str:
    return store if ":" in store else f"sqlite:{store}"


def _store(stack: ExitStack, store: str | None) -> Store:
    if store is not None:
        return open_store(_url(store), secret=REPLAY_SECRET)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="habitus-"))
    return open_store(f"sqlite:{folder}/replay.db", secret=REPLAY_SECRET)


class _Lines:
    """Writes judgements and rejected lines."""

    def __init__(self, stack: ExitStack, out: str) -> None:
        self.muted = False
        self.events = self.alerts = self.refused = 0
        self.policy: Any = None
        self.rejected_out = _rejected_path(out)
        self._stack = stack
        self._out: BinaryIO = sys.stdout.buffer
        self._rejected: BinaryIO | None = None
        if out != "-":
            self._out = stack.enter_context(create(out))
        if self.rejected_out is not None:
            Path(self.rejected_out).unlink(missing_ok=True)  # left by an earlier replay
        stack.callback(self._out.flush)

    def observe(
        self, record: RawRecord, event: Event, assessment: Result, agent_state: AgentState
    ) -> None:
        """Write one judgement."""
        del record, event
        if self.muted:
            return
        self.events += 1
        self.alerts += assessment.alert
        line = replay_line(assessment, agent_state, self.policy)
        self._out.write(msgspec.json.encode(line) + b"\n")

    def rejected(self, out: Commit) -> None:
        """Write the rejected records of a batch."""
        for message in out.outbox:
            if message.topic != TOPIC:
                continue
            self.refused += 1
            if self.rejected_out is not None:
                if self._rejected is None:
                    self._rejected = self._stack.enter_context(create(self.rejected_out))
                self._rejected.write(rejected_line(message) + b"\n")
