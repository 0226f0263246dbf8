"""The loop of one of several workers: the same six steps, for each of its partitions."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, cast

from models.errors import (
    ConfigError,
    SourceUnavailable,
    StoreUnavailable,
    Superseded,
)
from pipeline.clock import clock_us
from pipeline.configuration.detectors import registered_detectors
from pipeline.formats import format_named, longest_of
from pipeline.processing.assembly import SharedResources
from pipeline.processing.stream_types import by_source
from pipeline.publishing import open_sink
from pipeline.publishing.publisher import Publisher
from pipeline.sharding.shard import Shard
from pipeline.sources import open_source
from pipeline.store import open_shard, shown_url, worker_lock

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import Batch
    from pipeline.publishing.rejected import FirstRejected
    from pipeline.settings import Settings
    from pipeline.sources.kafka.source import KafkaSource
    from pipeline.store.postgresql import PostgresStore

_log = logging.getLogger(__name__)
_HEARTBEAT_US = 1_000_000
_MAX_WAITING = 50_000  # queued messages of a shard while the sink is unavailable
_RETRY_S = 1.0
_LOST_US = 5_000_000


class ShardedLoop:
    """A worker for the partitions that the consumer group assigns to it.

    Parameters
    ----------
    resources
        Read-only resources, with the promoted configuration.
    stop
        Set to end the loop; the current batch is finished first.
    drain
        Whether the loop ends after the records present at the start.

    Attributes
    ----------
    counters, first_rejected
        Counters of all shards of this worker, and the first rejected record.
    forwarded
        Events that this worker has written to the topic.
    """

    def __init__(
        self,
        settings: Settings,
        store: PostgresStore,
        source: KafkaSource,
        resources: SharedResources,
        stop: threading.Event,
        *,
        drain: bool = False,
    ) -> None:
        self._drain = drain
        self.counters: Counter[str] = Counter()
        self.first_rejected: FirstRejected | None = None
        self._settings = settings
        self._store = store
        self._source = source
        self._stop = stop
        self._publisher = Publisher(stop)
        self._resources = resources
        self._shards: dict[str, Shard] = {}
        self._lost_us: dict[str, int] = {}
        self._beat_us = 0
        self.forwarded = 0

    def run(self, progress: Progress | None = None, *, drain: bool = False) -> None:
        """Run until the source ends or `stop` is set.

        Parameters
        ----------
        drain
            Whether the source ends after the records present at the start.
        """
        source = self._source
        source.on_assigned, source.on_revoked = self._assigned, self._revoked
        source.positions = self._store.positions
        source.resume({})
        if progress is not None:
            progress.start(source.size_hint() if drain else None, "judging", source.unit)
        done = source.progress()
        for batch in source.batches():
            self.step(batch)
            if progress is not None:
                progress.advance(source.progress() - done)
                done = source.progress()
            if self._stop.is_set():
                return
            self._beat()
            self._reclaim_lost()
            self._forward()
            source.hold(held=self._full())

    def step(self, batch: Batch) -> None:
        """Judge, commit and publish the records of each own partition."""
        done: dict[str, str] = {}
        for name, records in by_source(batch.records).items():
            shard = self._shards.get(name)
            if shard is None:  # it moved to another worker, which resumes at our last commit
                continue
            with self._owned(name):
                shard.judge(records, batch.positions[name], self._source.lag_us(name))
                done[name] = shard.position or "0"
                shard.publish(self._publisher)
        if done:
            self._source.commit(done)

    def _forward(self, *, spans: bool = False) -> None:
        """Write what came over HTTP to the topic, if this worker has the first partition."""
        for name in [name for name in self._shards if name.endswith(":0")]:
            with self._owned(name):
                self.forwarded += self._shards[name].forward(
                    self._source, self._publisher, spans=spans
                )

    def end(self, *, drained: bool) -> None:
        """Publish queued messages, and store how the loop ended.

        Raises
        ------
        SinkUnavailable
            With `drained`: the sink stayed unavailable; the next run publishes the messages.
        """
        if drained:
            self._forward(spans=True)
        for name, shard in list(self._shards.items()):
            with self._owned(name):
                if drained:
                    self._publisher.drain(partial(shard.publish, self._publisher))
                else:
                    shard.publish(self._publisher)
                shard.end("drained" if drained else "stopped")

    def close(self) -> None:
        """Release all shards and close their sinks."""
        self._revoked(list(self._shards))

    # ------------------------------------------------------------------ partitions come and go

    def _assigned(self, names: Sequence[str]) -> Mapping[str, str]:
        positions = {}
        self._revoked(names)
        for name in names:
            shard = self._shards[name] = Shard(
                self._settings, self._store.of(name), self._resources, drain=self._drain
            )
            with self._owned(name):
                shard.publish(self._publisher)
            if shard.position is not None:
                positions[name] = shard.position
        if self._full():
            self._source.hold(held=True)
        return positions

    def _revoked(self, names: Sequence[str]) -> None:
        for name in names:
            self._lost_us.pop(name, None)
            shard = self._shards.pop(name, None)
            if shard is not None:
                self.counters.update(shard.worker.counters)
                self.first_rejected = self.first_rejected or shard.worker.first_rejected
                shard.close()

    @contextmanager
    def _owned(self, name: str) -> Iterator[None]:
        """Drop a shard that another worker has claimed; the broker reports it soon."""
        try:
            yield
        except Superseded as error:
            _log.info("partition_lost", extra={"detail": str(error)})
            self._revoked([name])
            self._lost_us[name] = clock_us()

    def _reclaim_lost(self) -> None:
        """Reclaim partitions that were lost some time ago and are still assigned to this worker.

        The order of claims may differ from the order of assignments: of two workers assigned a
        partition in turn, the first may claim it last.
        """
        now = clock_us()
        late = [name for name, at in self._lost_us.items() if now - at > _LOST_US]
        for name in late:
            del self._lost_us[name]
        if late:
            self._source.again(late)

    # ------------------------------------------------------------------ results and heartbeats

    def _full(self) -> bool:
        return any(shard.waiting >= _MAX_WAITING for shard in self._shards.values())

    def _beat(self) -> None:
        if clock_us() - self._beat_us < _HEARTBEAT_US:
            return
        self._beat_us = clock_us()
        for name, shard in list(self._shards.items()):
            with self._owned(name):
                shard.beat(self._source.lag_us(name))
                shard.publish(self._publisher)


def run_sharded(
    settings: Settings, *, drain: bool, progress: Progress | None, stop: threading.Event
) -> tuple[Counter[str], FirstRejected | None]:
    """Run one of the workers on a stream until `stop` is set, or until all is done (`drain`).

    If store or broker become unavailable, the worker drops its memory, and joins the group again
    when they answer. The store holds all state.

    Raises
    ------
    ConfigError
        A setting is wrong; raised before the worker has a partition.
    """
    registered_detectors(settings)
    format_named(settings.format)
    open_sink(settings.sink, kafka_client=settings.kafka_client).close()
    counters: Counter[str] = Counter()
    first: FirstRejected | None = None
    again = False
    while True:
        try:
            with _opened(settings, drain=drain, again=bool(counters)) as (store, source, resources):
                loop = ShardedLoop(settings, store, source, resources, stop, drain=drain)
                try:
                    loop.run(progress, drain=drain)
                    loop.end(drained=drain and not stop.is_set())
                finally:
                    source.close()
                    loop.close()
                    counters += loop.counters
                    first = first or loop.first_rejected
        except (SourceUnavailable, StoreUnavailable) as error:
            _log.warning("worker_begins_anew", extra={"detail": str(error)})
        else:
            if not drain or again or not loop.forwarded or stop.is_set():
                return counters, first
            again = True  # once more, for what was written to the topic
            continue
        counters["restarts"] += 1
        if stop.wait(_RETRY_S):
            return counters, first


@contextmanager
def _opened(
    settings: Settings, *, drain: bool, again: bool
) -> Iterator[tuple[PostgresStore, KafkaSource, SharedResources]]:
    """Open store and source, and load the shared resources.

    If they were available before (`again`), a failure is not a wrong setting.

    Raises
    ------
    SourceUnavailable
        One of them cannot be reached or is in use, and was available before.
    """
    try:
        with ExitStack() as stack:
            store = stack.enter_context(open_shard(settings.store, ""))
            if not stack.enter_context(worker_lock(settings.store)).acquire():
                raise ConfigError(
                    f"store {shown_url(settings.store)} is in use by a process that judges "
                    "alone (habitus learn, serve without --no-judge, or run on another source "
                    "than Kafka); stop it first"
                )
            resources = SharedResources.of(settings, store)  # before the worker joins the group
            source = open_source(
                settings.source,
                batch_size=settings.batch_size,
                batch_ms=settings.batch_ms,
                kafka_client=settings.kafka_client,
                clock_us=clock_us,
                drain=drain,
                longest=longest_of(format_named(settings.format)),
            )
            kept = stack.pop_all()
    except ConfigError as error:
        if again:
            raise SourceUnavailable(str(error)) from error
        raise
    with kept:
        yield store, cast("KafkaSource", source), resources
