"""The loop of one of several workers: the same six steps, for each partition that is its own."""

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
from pipeline.formats import format_named
from pipeline.processing.assembly import Surroundings
from pipeline.processing.stream_types import by_source
from pipeline.publishing import open_sink
from pipeline.publishing.publisher import Publisher
from pipeline.sharding.inbox import forward
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
_MOST_WAITING = 50_000  # messages of a shard that wait for a sink that is away
_RETRY_S = 1.0
_LOST_US = 5_000_000


class ShardedLoop:
    """A worker over the partitions that its group assigns to it.

    Parameters
    ----------
    around
        What is beside the stream, and promoted.
    stop
        Set when it is to end; the batch in hand is finished first.
    drain
        Whether it ends with what is there at the start.

    Attributes
    ----------
    counters, first_rejected
        What was counted by shards this worker has had, and the first record that one rejected.
    """

    def __init__(
        self,
        settings: Settings,
        store: PostgresStore,
        source: KafkaSource,
        around: Surroundings,
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
        self._around = around
        self._shards: dict[str, Shard] = {}
        self._lost_us: dict[str, int] = {}
        self._beat_us = 0

    def run(self, progress: Progress | None = None, *, drain: bool = False) -> None:
        """Go on until the source ends or it is to stop.

        Parameters
        ----------
        drain
            Whether the source ends once everything there at the start was handed out.
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
            self._look_for_lost()
            self._forward()
            source.hold(held=self._full())

    def step(self, batch: Batch) -> None:
        """Judge, commit and publish what belongs to each of the own partitions."""
        done: dict[str, str] = {}
        for name, records in by_source(batch.records).items():
            shard = self._shards.get(name)
            if shard is None:  # it went to another worker, which begins where we stood
                continue
            with self._in_hand(name):
                shard.judge(records, batch.positions[name], self._source.lag_us(name))
                done[name] = shard.position or "0"
                shard.publish(self._publisher)
        if done:
            self._source.commit(done)

    def _forward(self) -> None:
        """Write what came in over HTTP to the topic, with the first partition in hand."""
        for name in [name for name in self._shards if name.endswith(":0")]:
            with self._in_hand(name):
                forward(self._shards[name].store, self._source, self._publisher)

    def end(self, *, drained: bool) -> None:
        """Publish what waits, and say how it ended.

        Raises
        ------
        SinkUnavailable
            With `drained`: the sink stayed away; the next run publishes it.
        """
        for name, shard in list(self._shards.items()):
            with self._in_hand(name):
                if drained:
                    self._publisher.drain(partial(shard.publish, self._publisher))
                else:
                    shard.publish(self._publisher)
                shard.end("drained" if drained else "stopped")

    def close(self) -> None:
        """Let go of everything."""
        self._revoked(list(self._shards))

    # ------------------------------------------------------------------ partitions come and go

    def _assigned(self, names: Sequence[str]) -> Mapping[str, str]:
        positions = {}
        self._revoked(names)
        for name in names:
            shard = self._shards[name] = Shard(
                self._settings, self._store.of(name), self._around, drain=self._drain
            )
            with self._in_hand(name):
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
    def _in_hand(self, name: str) -> Iterator[None]:
        """Let go of a shard that another worker turns out to have; the broker tells us soon."""
        try:
            yield
        except Superseded as error:
            _log.info("partition_lost", extra={"detail": str(error)})
            self._revoked([name])
            self._lost_us[name] = clock_us()

    def _look_for_lost(self) -> None:
        """Take back what was lost a while ago and is still assigned to us.

        The broker's word came later than another worker's claim, or the other way round: of two
        that were assigned a partition one after the other, the first may have claimed it last.
        """
        now = clock_us()
        late = [name for name, at in self._lost_us.items() if now - at > _LOST_US]
        for name in late:
            del self._lost_us[name]
        if late:
            self._source.again(late)

    # ------------------------------------------------------------------ results and signs of life

    def _full(self) -> bool:
        return any(shard.waiting >= _MOST_WAITING for shard in self._shards.values())

    def _beat(self) -> None:
        if clock_us() - self._beat_us < _HEARTBEAT_US:
            return
        self._beat_us = clock_us()
        for name, shard in list(self._shards.items()):
            with self._in_hand(name):
                shard.beat(self._source.lag_us(name))
                shard.publish(self._publisher)


def run_sharded(
    settings: Settings, *, drain: bool, progress: Progress | None, stop: threading.Event
) -> tuple[Counter[str], FirstRejected | None]:
    """Be one of the workers on a stream until told to stop, or until all of it is done (`drain`).

    Where store or broker go away, everything in memory is thrown away, and the worker joins the
    group again once they answer: what counts is in the store.

    Raises
    ------
    ConfigError
        A setting is wrong; it is said before there is a partition.
    """
    registered_detectors(settings)
    format_named(settings.format)
    open_sink(settings.sink, kafka_client=settings.kafka_client).close()
    counters: Counter[str] = Counter()
    first: FirstRejected | None = None
    while True:
        try:
            with _opened(settings, drain=drain, again=bool(counters)) as (store, source, around):
                loop = ShardedLoop(settings, store, source, around, stop, drain=drain)
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
            return counters, first
        counters["restarts"] += 1
        if stop.wait(_RETRY_S):
            return counters, first


@contextmanager
def _opened(
    settings: Settings, *, drain: bool, again: bool
) -> Iterator[tuple[PostgresStore, KafkaSource, Surroundings]]:
    """Open store and source, and load what is beside them.

    Where they were there before, their absence is no fault of settings.

    Raises
    ------
    SourceUnavailable
        One of them cannot be reached or is taken, where it could before.
    """
    try:
        with ExitStack() as stack:
            store = stack.enter_context(open_shard(settings.store, ""))
            if not stack.enter_context(worker_lock(settings.store)).acquire():
                raise ConfigError(
                    f"store {shown_url(settings.store)} is written to by a process that judges "
                    "alone (habitus learn, serve without --no-judge, or run on another source "
                    "than Kafka); stop it first"
                )
            around = Surroundings.of(settings, store)  # before there is a member of the group
            source = open_source(
                settings.source,
                batch_size=settings.batch_size,
                batch_ms=settings.batch_ms,
                kafka_client=settings.kafka_client,
                clock_us=clock_us,
                drain=drain,
            )
            kept = stack.pop_all()
    except ConfigError as error:
        if again:
            raise SourceUnavailable(str(error)) from error
        raise
    with kept:
        yield store, cast("KafkaSource", source), around
