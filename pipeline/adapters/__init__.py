"""Where events come from and where results go, by the scheme of a URL.

A new source or sink is one file here and one line in `SOURCES` or `SINKS`.
"""

from __future__ import annotations

from pathlib import Path  # a struct reads its annotations
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from models.errors import ConfigError
from pipeline.adapters.files import Files
from pipeline.adapters.folder import Folder, Nowhere
from pipeline.adapters.stdin import Stdin
from pipeline.feeds import check_feed, file_query
from pipeline.quoted import masked, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.record import Sink, Source

__all__ = [
    "SINKS",
    "SOURCES",
    "Options",
    "folder_of",
    "open_fenced_sink",
    "open_sink",
    "open_source",
    "topic_file",
]


class Options(Struct, frozen=True, kw_only=True):
    """What every source is told.

    Attributes
    ----------
    batch_size
        Records in a batch at most.
    clock_us
        The time now, microseconds since 1970.
    drain
        End once everything that was there at the start has been handed out.
    batch_ms
        How long a batch should take at most, milliseconds, where the source can tell; 0: no bound.
    kafka_client
        Who reads from Kafka and publishes there, one of `pipeline.adapters.kafka.clients.CLIENTS`.
    skip
        Resolved paths of our own outputs, which a folder or a pattern of files does not include.
    """

    batch_size: int
    clock_us: Callable[[], int]
    drain: bool = False
    batch_ms: int = 0
    kafka_client: str = "kafka-python"
    skip: frozenset[Path] = frozenset()


def open_source(
    url: str,
    *,
    batch_size: int = 1000,
    clock_us: Callable[[], int],
    drain: bool = False,
    batch_ms: int = 0,
    kafka_client: str = "kafka-python",
    skip: Iterable[Path] = (),
) -> Source:
    """Open a source.

    Parameters
    ----------
    url
        ``kafka://HOST:PORT/TOPIC?group=NAME``, ``file:PATH`` (a file, folder or pattern, with
        ``?follow=1`` followed as it grows) or ``-`` (standard input). ``feed=live`` and
        ``feed=batch`` say whether events should keep coming (`pipeline.feeds.source_of`).
    batch_size, clock_us, drain, batch_ms, kafka_client, skip
        As in `Options`.

    Raises
    ------
    ConfigError
        The URL is not one of these, or nothing is there to read.

    Examples
    --------
    >>> open_source("fle:events.jsonl", clock_us=lambda: 0)
    Traceback (most recent call last):
    models.errors.ConfigError: unknown source 'fle:events.jsonl', expected one of: -, file:PATH, \
kafka://HOST:PORT/TOPIC?group=NAME
    """
    scheme = "-" if url.partition("?")[0] == "-" else url.partition(":")[0]
    if scheme not in SOURCES or (scheme != "-" and ":" not in url):
        raise ConfigError(
            f"unknown source {quoted(masked(url))}, expected one of: -, file:PATH, "
            "kafka://HOST:PORT/TOPIC?group=NAME"
        )
    if batch_size < 1:
        raise ConfigError(f"batch size must be at least 1, got {batch_size}")
    options = Options(
        batch_size=batch_size,
        clock_us=clock_us,
        drain=drain,
        batch_ms=batch_ms,
        kafka_client=kafka_client,
        skip=frozenset(path.resolve() for path in skip),
    )
    return SOURCES[scheme](url, options)


def open_sink(url: str, *, kafka_client: str = "kafka-python") -> Sink:
    """Open a sink: ``kafka://HOST:PORT``, ``file:FOLDER`` or ``none``.

    Parameters
    ----------
    kafka_client
        As in `Options`.

    Raises
    ------
    ConfigError
        The URL is not one of these, or the client does not go with it.
    """
    scheme, colon, _ = url.partition(":")
    if scheme not in SINKS or (scheme == "none") == bool(colon):
        raise ConfigError(
            f"unknown sink {quoted(masked(url))}, expected one of: none, file:FOLDER, kafka://HOST:PORT"
        )
    return SINKS[scheme](url, kafka_client)


def open_fenced_sink(
    url: str, owner: str, still_ours: Callable[[], None], *, kafka_client: str = "kafka-python"
) -> Sink:
    """Open a sink for a shard that workers take over from each other.

    Parameters
    ----------
    owner, still_ours
        As of `pipeline.adapters.kafka.fenced.FencedSink`; only Kafka can refuse those that were
        overtaken.
    kafka_client
        As in `Options`.
    """
    if not url.startswith("kafka:"):
        return open_sink(url)
    from pipeline.adapters.kafka.address import parse
    from pipeline.adapters.kafka.fenced import FencedSink

    return FencedSink(parse(url, topic=False), kafka_client, owner, still_ours)


def topic_file(url: str, topic: str) -> Path:
    """Name the file of a topic in a sink that is a folder.

    >>> str(topic_file("file:out", "agent.trust"))
    'out/agent.trust.jsonl'
    """
    return folder_of(url) / f"{topic}.jsonl"


def folder_of(url: str) -> Path:
    """Give the folder that a ``file:`` URL names; raises `ConfigError` for none."""
    return Path(_path(url))


def _path(url: str) -> str:
    path = url.partition(":")[2]
    if path.startswith("//"):
        if urlsplit(url).netloc not in ("", "localhost"):
            raise ConfigError(f"files of another host cannot be read: {quoted(masked(url))}")
        path = "/" + path[2:].partition("/")[2]
    if not path:
        raise ConfigError(f"no path in {quoted(url)}, expected file:PATH")
    return path


def _files(url: str, options: Options) -> Source:
    plain, query = file_query(url)
    return Files(
        _path(plain),
        batch_size=options.batch_size,
        clock_us=options.clock_us,
        follow=query.get("follow") == "1",
        drain=options.drain,
        skip=options.skip,
    )


def _stdin(url: str, options: Options) -> Source:
    query = url.partition("?")[2]
    if query and not query.startswith("feed="):
        raise ConfigError(f"unknown parameter in {quoted(url)}, expected -?feed=live")
    check_feed(query.removeprefix("feed=") or None)
    return Stdin(batch_size=options.batch_size, clock_us=options.clock_us)


# The Kafka client takes 0.2 s to import, which no command on files should pay.
def _kafka_source(url: str, options: Options) -> Source:
    from pipeline.adapters.kafka import KafkaSource

    return KafkaSource(
        url,
        batch_size=options.batch_size,
        clock_us=options.clock_us,
        drain=options.drain,
        batch_ms=options.batch_ms,
        client=options.kafka_client,
    )


def _kafka_sink(url: str, client: str) -> Sink:
    from pipeline.adapters.kafka import KafkaSink
    from pipeline.adapters.kafka.address import parse

    return KafkaSink(parse(url, topic=False), client)


SOURCES: dict[str, Callable[[str, Options], Source]] = {
    "-": _stdin,
    "file": _files,
    "kafka": _kafka_source,
}

SINKS: dict[str, Callable[[str, str], Sink]] = {
    "file": lambda url, client: Folder(_path(url)),  # noqa: ARG005  # the shape of a factory
    "kafka": _kafka_sink,
    "none": lambda url, client: Nowhere(),  # noqa: ARG005  # the shape of a factory
}
