"""Judge the records of recordings in batches, with the same worker as in production."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from models.errors import MalformedEvent
from models.event import microseconds
from pipeline.clock import clock_us
from pipeline.formats import event_of
from pipeline.processing.stream_types import BYTES
from pipeline.sources.recordings import records_of, size_of
from pipeline.store.batch import PipelineStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pipeline.formats import Format
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord
    from pipeline.processing.worker import Worker
    from pipeline.store.batch import Commit

# The key is part of the program, so a recording is judged the same on every machine. The store of
# an installation has a random key.
REPLAY_SECRET = b"habitus replay: a recording, not an installation"[:32]
_BATCH = 8_192


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
    worker.engine.trusted_history = True
    try:
        judge_all(worker, records, progress=progress)
        worker.engine.finish_recording()
        finish(worker)
    finally:
        worker.engine.trusted_history = False


def finish(worker: Worker) -> None:
    """Write the shared state of a recording that was judged to its end."""
    worker.commit(worker.flush(whole=True), {}, _status(worker, "drained"))


def _status(worker: Worker, state: Literal["running", "drained"]) -> PipelineStatus:
    """Give the pipeline status; a recording does not change the last event of a live source."""
    said, now_us = worker.store.status(), clock_us()
    newest_us = max(said.newest_us or 0, min(worker.watermark_us, now_us)) or None
    return PipelineStatus(
        state, now_us, worker.watermark_us or None, 0,
        last_events=said.last_events, newest_us=newest_us,
    )  # fmt: skip
