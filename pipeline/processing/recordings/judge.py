"""Judge the records of recordings in batches, with the same worker as in production."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from models.errors import MalformedEvent
from models.event import microseconds
from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import native_records
from pipeline.clock import clock_us
from pipeline.formats import FORMATS, PartFormat, event_format, event_of
from pipeline.processing.stream_types import BYTES
from pipeline.sources.recordings import records_of, size_of
from pipeline.store.batch import PipelineStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from pipeline.formats import AnyFormat
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
    wire: AnyFormat,
    *,
    now_us: int,
    skip: Iterable[Path] = (),
    progress: Progress | None = None,
) -> list[RawRecord]:
    """Give all records sorted by event time; those of a format of parts as native ones.

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
    records = records_of(files, now_us=now_us, skip=skip, progress=progress, wire=wire)
    events: Iterable[RawRecord] = records
    if isinstance(wire, PartFormat):
        events, wire = assembled(records, wire), event_format("native")
    for number, record in enumerate(events):
        with suppress(MalformedEvent):
            at_us = microseconds(event_of(record, wire).time)
        timed.append((at_us, number, record))
    if progress is not None:
        progress.stop()
    timed.sort(key=lambda item: item[:2])
    return [record for _, _, record in timed]


def assembled(records: Iterable[RawRecord], wire: PartFormat) -> Iterator[RawRecord]:
    """Give the native records of a recording; one that cannot be read stays as it is."""
    refused: list[RawRecord] = []
    assembler = Assembler(0)
    for record in records:
        yield from native_records([record], wire, assembler, lambda one, _: refused.append(one))
        yield from refused
        refused.clear()
    yield from native_records([], wire, assembler, lambda _, __: None, whole=True)


def judge_all(
    worker: Worker,
    records: Iterable[RawRecord],
    *,
    wire: AnyFormat | None = None,
    on_commit: Callable[[Commit], None] | None = None,
    progress: Progress | None = None,
) -> None:
    """Judge records in batches and commit each.

    Parameters
    ----------
    wire
        Their format; None for that of the worker.
    """
    batch: list[RawRecord] = []
    wire = wire or worker.wire
    for record in records:
        batch.append(record)
        if len(batch) >= _BATCH:
            _judge(worker, batch, wire, on_commit, progress)
            batch = []
    if batch or isinstance(wire, PartFormat):
        _judge(worker, batch, wire, on_commit, progress, whole=True)


def _judge(
    worker: Worker,
    batch: list[RawRecord],
    wire: AnyFormat,
    on_commit: Callable[[Commit], None] | None,
    progress: Progress | None,
    *,
    whole: bool = False,
) -> None:
    out = worker.judge(batch, wire, whole=whole)
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
        is_native = isinstance(worker.wire, PartFormat)  # `in_order` has assembled its events
        wire = FORMATS["native"] if is_native else worker.wire
        judge_all(worker, records, wire=wire, progress=progress)
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
