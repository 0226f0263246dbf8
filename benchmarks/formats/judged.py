"""Measure one stream in a process of its own: judged, only assembled, or only parsed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.measuring.meter import Result, Span, peak_bytes, resident_bytes
from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import REPORTER, native_records
from pipeline.formats import format_named
from pipeline.processing.assembly import SharedResources, build_worker
from pipeline.processing.loop import Loop, collect_rarely
from pipeline.processing.stream_types import Batch, RawRecord
from pipeline.publishing import open_sink
from pipeline.settings import Settings
from pipeline.sources.live_sources import Feeds
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.measuring.meter import Job
    from models.errors import MalformedEvent

BATCH_EVENTS = 4_096


class Stream(msgspec.Struct):
    """The records of a stream, each with its reporter and its arrival."""

    format: str
    events: int
    records: list[tuple[bytes, str, int]]

    def raw(self) -> list[RawRecord]:
        """Give the records as a source does."""
        return [
            RawRecord(value, "kafka:bench:0", at, arrived_us, headers=_headers(reporter))
            for at, (value, reporter, arrived_us) in enumerate(self.records)
        ]


def _headers(reporter: str) -> tuple[tuple[str, bytes], ...]:
    return ((REPORTER, reporter.encode()),) if reporter else ()


def read_stream(path: Path) -> Stream:
    """Read a stream that `benchmarks.formats.__main__` wrote."""
    return msgspec.msgpack.decode(path.read_bytes(), type=Stream)


def judged(job: Job) -> Result:
    """From records in memory to committed state, as the loop of ``habitus run`` does it."""
    stream = read_stream(job.stream)
    values: dict[str, Any] = {
        "source": "",
        "sink": "none",
        "store": f"sqlite:{job.folder}/habitus.db",
        "format": stream.format,
        "clock": "event",
    }
    settings = Settings(**values)
    with open_store(settings.store) as store:
        store.claim()
        resources = SharedResources.of(settings, store)
        loop = Loop(
            partial(build_worker, settings, store, resources=resources), store,
            open_sink("none"), feeds=Feeds({}, {}), stop=threading.Event(),
        )  # fmt: skip
        collect_rarely()
        counters = loop.worker.counters

        def step(part: Sequence[RawRecord]) -> int:
            loop.step(Batch(part, {}))
            return counters["events"]

        result = _timed("judged", job, stream, step)
    assert not any(name.startswith("rejected") for name in counters), counters
    return result


def assembled(job: Job) -> Result:
    """From records to native ones."""
    stream = read_stream(job.stream)
    wire, assembler, done = format_named(stream.format), Assembler(7), Counter[str]()

    def step(part: Sequence[RawRecord]) -> int:
        done["events"] += len(native_records(part, wire, assembler, _refuse))
        return done["events"]

    return _timed("assembled", job, stream, step)


def bare(job: Job) -> Result:
    """Parse the bytes, and nothing else; the share of events is that of records."""
    stream = read_stream(job.stream)
    parse, done = parser_of(stream.format), Counter[str]()

    def step(part: Sequence[RawRecord]) -> int:
        for record in part:
            parse(record.value)
        done["records"] += len(part)
        return round(done["records"] * stream.events / len(stream.records))

    return _timed("bare", job, stream, step)


def parser_of(name: str) -> Callable[[bytes], Any]:
    """Give the parser of the encoding of a format, without any checks."""
    if name.startswith("otlp-proto-"):
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTraceServiceRequest,
        )

        of_logs = name.endswith("logs")
        message = ExportLogsServiceRequest if of_logs else ExportTraceServiceRequest
        parse: Callable[[bytes], Any] = message.FromString
        return parse
    return msgspec.json.decode


def _refuse(_: RawRecord, error: MalformedEvent) -> None:
    raise error


def _timed(
    name: str, job: Job, stream: Stream, step: Callable[[Sequence[RawRecord]], int]
) -> Result:
    """Do all steps, and time those after the share of warm events."""
    records = stream.raw()
    batch = min(BATCH_EVENTS, max(1, job.warm // 2))  # some batches are warm
    size = max(1, batch * len(records) // max(1, stream.events))
    warm = len(records) * job.warm // (job.warm + job.events) // size * size
    events, begun = 0, (0.0, 0.0)
    first = 0
    for start in range(0, len(records), size):
        if start == warm:
            first, begun = events, (time.perf_counter(), time.process_time())
        events = step(records[start : start + size])
    span = Span(events - first, time.perf_counter() - begun[0], time.process_time() - begun[1])
    return Result(
        name=name, warm=span, cold=None, peak_bytes=peak_bytes(), resident_bytes=resident_bytes()
    )
