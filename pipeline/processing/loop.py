"""The loop: take a batch, judge it, commit it, publish it.

    for batch in source:                      1. records of one batch
        commit = worker.judge(batch)          2. judged in memory: score, decide, learn
        store.commit(commit, positions)       3. state, results and position in one transaction
        sink.publish(store.outbox)            4. at least once, with deterministic ids
        store.drop_outbox                     5. published messages are removed
        source.commit(positions)              6. a hint; a start resumes from step 3

After a kill at any step, the loop resumes from the last commit. Later records are judged again,
from the same state and in the same order. Repeated messages have the same ids.
"""

from __future__ import annotations

import gc
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from pipeline.assembling.native_records import REPORTER
from pipeline.clock import clock_us
from pipeline.formats import format_named, reported_format
from pipeline.processing.lag import lags_us, worst_us
from pipeline.processing.quarantine import judged
from pipeline.processing.stream_types import RawRecord
from pipeline.publishing.publisher import Publisher
from pipeline.sources.live_sources import HTTP, Feeds
from pipeline.store.batch import PipelineStatus

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from typing import Literal

    from pipeline.formats import AnyFormat
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import Batch, Sink, Source
    from pipeline.processing.worker import Worker
    from pipeline.store.batch import Commit, ReportRow
    from pipeline.store.protocol import Store

_INBOX_CHUNK = 1_000
_HEARTBEAT_US = 1_000_000
FORGET_US = 5_000_000
"""Pause between two removals of payloads that were judged from the disk, microseconds."""


class Loop:
    """A worker with source and sink.

    Parameters
    ----------
    make
        Makes the worker from the store.
    source, name
        The source, and its name in `feeds`; None for a loop that judges only the inbox of the API.
    feeds
        Last event of each source.
    stop
        Set to end the loop; the current batch is finished first.
    """

    def __init__(
        self,
        make: Callable[[], Worker],
        store: Store,
        sink: Sink,
        source: Source | None = None,
        *,
        name: str = "",
        feeds: Feeds,
        stop: threading.Event,
    ) -> None:
        self._make = make
        self.worker = make()
        self.store = store
        self.sink = sink
        self.source = source
        self._name, self._feeds = name, feeds
        self._stop = stop
        self._publisher = Publisher(stop)
        self._at: dict[str, str] = {}
        self._beat_us = 0
        self._lags: dict[str, int] = {}
        self._to_forget, self._forgot_us = True, 0

    def run(self, progress: Progress | None = None, *, drain: bool = False) -> None:
        """Run until the source ends or `stop` is set.

        Parameters
        ----------
        drain
            Whether the source ends after the records present at the start.
        """
        collect_rarely()
        if self.source is None:
            self._inbox_only()
            return
        if hasattr(self.source, "on_assigned") and hasattr(self.source, "positions"):
            # A partition may come from another worker, with a newer position.
            self.source.on_assigned = lambda _: self._resumed()
            self.source.positions = self.store.positions
        self.source.resume(self._resumed())
        if progress is not None:
            size = self.source.size_hint() if drain or self.source.ends else None
            progress.start(size, "judging", self.source.unit)
        self._publish()
        done = self.source.progress()
        for batch in self.source.batches():
            if batch.records or batch.positions:
                self.step(batch)
            else:
                self._update_lags(())
            self.inbox()
            self.reports()
            self._beat()
            if progress is not None:
                progress.advance(self.source.progress() - done)
                done = self.source.progress()
            if self._stop.is_set():
                break
        if progress is not None:  # records read by an earlier run are not in any batch
            progress.advance(self.source.progress() - done)
        self.inbox()
        self.reports()

    def step(self, batch: Batch) -> None:
        """Judge, commit and publish one batch."""
        out = self._judged(batch.records)
        out.expected = {source: self._at.get(source) for source in batch.positions}
        self._feeds.note(self._name, out.newest_us, clock_us())
        self._update_lags(batch.records)
        self.worker.commit(out, batch.positions, self._status("running"))
        self._at.update(batch.positions)
        self._publish()
        if self.source is not None:
            self.source.commit(batch.positions)

    def _judged(self, records: Sequence[RawRecord], wire: AnyFormat | None = None) -> Commit:
        def with_new(some: Sequence[RawRecord]) -> Commit:
            before, self.worker = self.worker, self._make()
            self.worker.take_over_counters(before)
            return self.worker.judge(some, wire)

        self.worker.follow_inventory()
        return judged(lambda some: self.worker.judge(some, wire), with_new, records)

    def _update_lags(self, records: Sequence[RawRecord]) -> None:
        """Update the lag of each source; Kafka gives the lag of partitions outside the batch."""
        known: Callable[[], dict[str, int]] = getattr(self.source, "lags_us", dict)
        self._lags = dict.fromkeys(self._lags, 0) | known() | lags_us(records, clock_us())

    def _resumed(self) -> dict[str, str]:
        """Give the stored positions, and note them: the next commit compares with them."""
        self._at = self.store.positions()
        return dict(self._at)

    def inbox(self) -> int:
        """Judge the events received over HTTP; return their number."""
        total = 0
        while rows := self.store.inbox_batch(0, _INBOX_CHUNK):
            records = [RawRecord(value, "inbox", at, arrived) for at, value, arrived in rows]
            out = self._judged(records, format_named("native"))
            out.inbox_done = rows[-1][0]
            self._to_forget = True
            self._feeds.note(HTTP, out.newest_us, clock_us())
            self.worker.commit(out, {}, self._status("running"))
            self._publish()
            total += len(rows)
        return total

    def reports(self) -> int:
        """Assemble and judge the payloads of other formats received over HTTP; return their number.

        Calls whose other half does not come are judged here too.
        """
        total = 0
        while rows := self.store.reports(_INBOX_CHUNK):
            name, group = next(groupby(rows, key=itemgetter(2)))
            rows = list(group)
            out = self._judged([record_of(row) for row in rows], reported_format(name))
            out.reports_done = rows[-1][0]
            self._to_forget = True
            self._feeds.note(HTTP, out.newest_us, clock_us())
            self.worker.commit(out, {}, self._status("running"))
            self._publish()
            total += len(rows)
        if self.worker.has_due(clock_us()):
            self.worker.commit(self._judged([]), {}, self._status("running"))
            self._publish()
        return total

    def settle(self) -> None:
        """Judge the calls that wait for spans above them: nothing more is read."""
        out = self.worker.settle()
        if out is not None:
            self.worker.commit(out, {}, self._status("running"))
            self._publish()

    def end(self, state: Literal["drained", "stopped"]) -> None:
        """Publish queued messages as far as possible, then store how the loop ended."""
        self._publish()
        self.worker.commit(self.worker.flush(whole=True), {}, self._status(state))
        self.store.forget()

    def publish_all(self) -> None:
        """Empty the outbox; retry while the sink is unavailable.

        Raises
        ------
        SinkUnavailable
            The sink stayed unavailable; the next run publishes the messages.
        """
        self._publisher.drain(self._publish)

    def _publish(self) -> bool:
        return self._publisher.empty(self.store, self.sink)

    def _inbox_only(self) -> None:
        while not self._stop.wait(0.05):
            self.inbox()
            self.reports()
            self._beat()

    def _beat(self) -> None:
        """Store a heartbeat, at most once a second; forget payloads that were judged."""
        now_us = clock_us()
        if now_us - self._beat_us >= _HEARTBEAT_US:
            self.worker.commit(self.worker.flush(), {}, self._status("running"))
        if self._to_forget and now_us - self._forgot_us >= FORGET_US:
            self._to_forget, self._forgot_us = not self.store.forget(), now_us

    def _status(self, state: Literal["running", "drained", "stopped"]) -> PipelineStatus:
        self._beat_us = clock_us()
        return PipelineStatus(
            state,
            self._beat_us,
            self.worker.watermark_us or None,
            worst_us(self._lags),
            dict(self._lags),
            self.store.waiting(),
            dict(self._feeds.last_events),
            self._feeds.newest_us,
        )


def record_of(row: ReportRow) -> RawRecord:
    """Give a payload that came over HTTP as a record, with the name of its credential."""
    at, arrived_us, _, reporter, value = row
    headers = ((REPORTER, reporter.encode()),) if reporter else ()
    return RawRecord(value, "reports", at, arrived_us, headers=headers)


def collect_rarely() -> None:
    """Freeze current objects for the garbage collector, and let it run less often.

    Agents in memory are a large heap without cycles. Traversing it took a tenth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
