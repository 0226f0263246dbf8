"""Run the loop over the source of the settings, or over the inbox of the API alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.clock import clock_us
from pipeline.formats import format_named, longest_of, whole_files
from pipeline.processing.assembly import SharedResources, build_worker
from pipeline.processing.loop import Loop, collect_rarely
from pipeline.processing.run_summary import RunSummary, summary_of
from pipeline.publishing import open_sink
from pipeline.publishing.rejected_file import keeping, own_files
from pipeline.sources import open_source, source_of
from pipeline.sources.live_sources import feeds_of
from pipeline.store import is_postgresql, open_store, shown_url, writer_lock

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from pipeline.processing.progress import Progress
    from pipeline.processing.worker import Worker
    from pipeline.settings import Settings
    from pipeline.store.protocol import Store

_UNSET = (
    "no source is set: set HABITUS_SOURCE to a Kafka topic "
    "(kafka://HOST:9092/agent.actions?group=habitus) or a file or folder "
    "(file:/var/log/agents?follow=1), or start habitus serve and send events to POST /v1/actions; "
    "habitus demo shows a made-up fleet"
)


def run(
    settings: Settings,
    *,
    drain: bool = False,
    progress: Progress | None = None,
    stop: threading.Event,
) -> RunSummary:
    """Consume, judge and publish until `stop` is set, or until all records are done (`drain`).

    Raises
    ------
    ConfigError
        No source is set, another process writes to the store, or a setting is wrong.
    SinkUnavailable
        With `drain`: the sink did not accept all messages.
    """
    if not settings.source:
        raise ConfigError(_UNSET)
    if _shared(settings):
        from pipeline.sharding.loop import run_sharded  # may be one of several workers

        collect_rarely()
        return summary_of(*run_sharded(settings, drain=drain, progress=progress, stop=stop))
    store = open_store(settings.store)
    lock = writer_lock(settings.store)
    if not lock.acquire():
        store.close()
        raise ConfigError(
            f"store {shown_url(settings.store)} is in use by another process; stop it first"
        )
    with lock, store:
        store.claim()
        sink = keeping(settings, open_sink(settings.sink, kafka_client=settings.kafka_client))
        source = open_source(
            settings.source,
            batch_size=settings.batch_size,
            batch_ms=settings.batch_ms,
            kafka_client=settings.kafka_client,
            clock_us=clock_us,
            drain=drain,
            skip=own_files(settings),
            longest=longest_of(format_named(settings.format)),
            whole_files=whole_files(format_named(settings.format)),
        )
        try:
            loop = Loop(
                _maker(settings, store), store, sink, source,
                name=source_of(settings.source)[0],
                feeds=feeds_of(settings, store.status(), drain=drain),
                stop=stop,
            )  # fmt: skip
            loop.run(progress, drain=drain)
            if drain:
                loop.settle()
                loop.publish_all()
            loop.end("drained" if drain and not stop.is_set() else "stopped")
        finally:
            if progress is not None:
                progress.stop()
            source.close()
            sink.close()
    return summary_of(loop.worker.counters, loop.worker.first_rejected)


def serve_inbox(settings: Settings, stop: threading.Event) -> bool:
    """Judge the events of `POST /v1/actions`, unless another process writes to the store.

    Returns
    -------
    bool
        False if another process is the writer, which then judges the inbox.
    """
    if _shared(settings):  # the worker of an agent's partition judges the agent
        return False
    lock = writer_lock(settings.store)
    if not lock.acquire():
        return False
    with lock, open_store(settings.store) as store:
        store.claim()
        sink = keeping(settings, open_sink(settings.sink, kafka_client=settings.kafka_client))
        try:
            feeds = feeds_of(settings, store.status(), reads=False)
            loop = Loop(_maker(settings, store), store, sink, feeds=feeds, stop=stop)
            loop.run()
            loop.end("stopped")
        finally:
            sink.close()
    return True


def _maker(settings: Settings, store: Store) -> Callable[[], Worker]:
    """Return a function that makes a worker with resources loaded once."""
    resources = SharedResources.of(settings, store)
    return partial(build_worker, settings, store, resources=resources, recent=True)


def _shared(settings: Settings) -> bool:
    """Return whether several workers may share the stream."""
    return is_postgresql(settings.store) and settings.source.startswith("kafka:")
