"""One partition of a worker: load, judge, commit and release it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from models.errors import MalformedEvent
from models.replication.exchange import NAME, Exchange
from pipeline.assembling.marks import kind_of
from pipeline.clock import clock_us
from pipeline.formats import PartFormat, check_length, format_named
from pipeline.processing.assembly import build_worker
from pipeline.processing.intake import reject
from pipeline.processing.quarantine import judged
from pipeline.processing.stream_types import MAX_PAYLOAD
from pipeline.publishing import open_fenced_sink
from pipeline.publishing.rejected_file import keeping
from pipeline.sharding.inbox import forward
from pipeline.sharding.reports import Reports
from pipeline.sources import source_of
from pipeline.sources.kafka.position import Position
from pipeline.sources.live_sources import feeds_of
from pipeline.store.batch import PipelineStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from pipeline.processing.assembly import SharedResources
    from pipeline.processing.stream_types import RawRecord
    from pipeline.publishing.publisher import Publisher
    from pipeline.settings import Settings
    from pipeline.sources.kafka.source import KafkaSource
    from pipeline.store.batch import Commit
    from pipeline.store.postgresql import PostgresStore

_BEATS_TO_FORGET = 60
KEPT_CONTRIBUTIONS = 1_000
MAX_APPLIED = 256  # contributions applied before one batch; the rest wait for the next


class Shard:
    """The engine and the position of one partition.

    Making a shard claims the partition: its previous worker cannot commit any more.

    Parameters
    ----------
    store
        The store, bound to this shard.
    resources
        Resources shared by all shards of a worker.
    drain
        Whether reading ends after the records present at the start.

    Attributes
    ----------
    name
        Position key of the partition.
    position
        Resume position; None is the beginning.
    waiting
        Messages that the sink has not accepted yet.
    """

    def __init__(
        self,
        settings: Settings,
        store: PostgresStore,
        resources: SharedResources,
        *,
        drain: bool = False,
    ) -> None:
        self.name = store.shard
        self.store = store
        store.claim()
        self._registered = resources.registered
        self.position: str | None = store.positions().get(self.name)
        self._make = partial(
            build_worker, settings, store, resources=resources, recent=True, assembles=False
        )
        stored_status = store.statuses().get(self.name, PipelineStatus())
        self._source = source_of(settings.source)[0]
        self._feeds = feeds_of(settings, stored_status, drain=drain, http=False)
        self._wire = format_named(settings.format)
        self._format = settings.format
        self._assembly_memory = settings.assembly_memory
        parts = isinstance(self._wire, PartFormat)
        self._read_as = format_named("native") if parts else self._wire
        self._reports: Reports | None = None
        self._begin()
        owner = self.worker.engine.hasher.once(f"publisher\x1f{self.name}")
        sink = open_fenced_sink(
            settings.sink,
            f"habitus-{owner:016x}",
            store.still_ours,
            kafka_client=settings.kafka_client,
        )
        self.sink = keeping(settings, sink, self.name)
        self.waiting = store.waiting()
        self._beats = 0

    def _begin(self) -> None:
        """Load the stored state."""
        self.worker = self._make()
        waiting = b"" if self.worker.afresh else self.store.shared().get(NAME, b"")
        self.exchange = Exchange(self.worker.engine, waiting)
        self._applied = self.store.applied()

    def judge(self, records: Sequence[RawRecord], position: str, lag_us: int) -> None:
        """Judge records and commit them with the position after them.

        Raises
        ------
        Superseded
            Another worker has the partition; nothing was written.
        """
        begun = Position.of(self.position).offset_in(Position.of(position).topic_id)
        if records[0].offset < begun:  # records fetched before the partition was assigned again
            records = [one for one in records if one.offset >= begun]
            if not records:
                return
        payloads: list[RawRecord] = []
        if isinstance(self._wire, PartFormat):
            records, payloads = self._separate(records)
        out = judged(self._judged, self._judge_with_new_worker, records)
        self._append(out, payloads)
        self._feeds.note(self._source, out.newest_us, clock_us())
        self._commit(out, {self.name: position}, self._status("running", lag_us))
        self.position = position
        self.waiting += len(out.outbox)

    def _separate(self, records: Sequence[RawRecord]) -> tuple[list[RawRecord], list[RawRecord]]:
        """Separate the events that a worker wrote from the payloads of the topic's format."""
        events: list[RawRecord] = []
        payloads: list[RawRecord] = []
        for record in records:
            is_event = kind_of(record, self.store.secret) is not None
            (events if is_event else payloads).append(record)
        return events, payloads

    def _append(self, out: Commit, payloads: list[RawRecord]) -> None:
        """Add payloads to the reports, which one worker assembles."""
        count = Counter(out.counters)
        for record in payloads:
            try:
                check_length(record, MAX_PAYLOAD)
            except MalformedEvent as error:
                reject(out, count, record, error)
            else:
                out.reports.append((record.arrived_us, self._format, "", record.value))
        out.counters = dict(count)

    def forward(self, source: KafkaSource, publisher: Publisher, *, spans: bool = False) -> int:
        """Write what came over HTTP, and what is assembled, to the topic; return its number.

        Only the shard of the first partition does this. `spans` as for `Reports.forward`.

        Raises
        ------
        Superseded
            Another worker has the partition.
        """
        if self._reports is None:
            self._reports = Reports(self.store, self._registered, self._assembly_memory)
        done = forward(self.store, source, publisher)
        return done + self._reports.forward(source, publisher, clock_us(), spans=spans)

    def _judged(self, records: Sequence[RawRecord]) -> Commit:
        applied = self._take()
        self.worker.follow_inventory()
        out = self.worker.judge(records, self._read_as)
        out.applied = applied
        return out

    def _judge_with_new_worker(self, records: Sequence[RawRecord]) -> Commit:
        before = self.worker
        self._begin()
        self.worker.take_over_counters(before)
        return self._judged(records)

    def publish(self, publisher: Publisher) -> bool:
        """Publish the shard's messages in order; return False if the sink did not accept them.

        Raises
        ------
        Superseded
            Another worker publishes them.
        """
        if not publisher.empty(self.store, self.sink):
            return False
        self.waiting = 0
        return True

    def close(self) -> None:
        """Release the shard; judged batches are already committed."""
        self.sink.close()

    def end(self, state: Literal["drained", "stopped"]) -> None:
        """Write the shared state as one copy, and how the loop ended."""
        self._commit(self.worker.flush(whole=True), {}, self._status(state, 0))

    def beat(self, lag_us: int) -> None:
        """Store a heartbeat; regularly delete contributions that all shards have applied.

        A contribution is deleted after all shards have applied it. So a shard without events
        applies contributions here, before they are deleted.
        """
        applied = self._take(tolerated=KEPT_CONTRIBUTIONS)
        out = self.worker.flush()
        out.applied = applied
        self._commit(out, {}, self._status("running", lag_us))
        self._beats += 1
        if self._beats % _BEATS_TO_FORGET == 0:
            self.store.forget_contributions(KEPT_CONTRIBUTIONS)

    def _take(self, tolerated: int = 0) -> dict[str, int]:
        """Apply new contributions of other shards; return the last applied number of each shard."""
        applied: dict[str, int] = {}
        for shard, seq, blob in self.store.contributions(
            self._applied, MAX_APPLIED, tolerated=tolerated
        ):
            self.exchange.take(blob)
            applied[shard] = seq
        self._applied |= applied
        return applied

    def _commit(self, out: Commit, positions: dict[str, str], status: PipelineStatus) -> None:
        out.shared += self.exchange.dump()
        out.contribution = self.exchange.contribution() if positions else None
        out.expected = {self.name: self.position}
        self.worker.commit(out, positions, status)

    def _status(
        self, state: Literal["running", "drained", "stopped"], lag_us: int
    ) -> PipelineStatus:
        watermark_us = self.worker.watermark_us or None
        return PipelineStatus(
            state,
            clock_us(),
            watermark_us,
            lag_us,
            waiting=self.waiting,
            last_events=dict(self._feeds.last_events),
            newest_us=self._feeds.newest_us,
        )
