"""Sources of events, by URL scheme; a new source is one file here and one entry in `SOURCES`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # a struct reads its annotations
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from models.errors import ConfigError
from pipeline.sources.feed import check_feed
from pipeline.sources.file_url import file_query, path_of
from pipeline.sources.files import Files
from pipeline.sources.stdin import Stdin
from pipeline.text.quoted import masked, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.processing.stream_types import Source
    from pipeline.store.batch import FeedKind

__all__ = ["SOURCES", "Options", "SourceKind", "open_source", "source_of"]


class Options(Struct, frozen=True, kw_only=True):
    """Options of every source.

    Attributes
    ----------
    batch_size
        Largest number of records in a batch.
    clock_us
        Returns the current time in microseconds since 1970.
    drain
        End after the records that were present at the start.
    batch_ms
        Target time of a batch in milliseconds, for sources that measure it; 0: no bound.
    kafka_client
        Kafka client, one of `CLIENTS` in `pipeline.sources.kafka.clients.registry`.
    skip
        Resolved paths of our own outputs; a folder or a pattern does not include them.
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
        ``kafka://HOST:PORT/TOPIC?group=NAME``, ``file:PATH`` or ``-`` (standard input). PATH is a
        file, folder or pattern; ``?follow=1`` reads on as it grows. ``feed=live`` and
        ``feed=batch`` declare whether events should keep coming
        (`source_of`).
    batch_size, clock_us, drain, batch_ms, kafka_client, skip
        As in `Options`.

    Raises
    ------
    ConfigError
        The URL has another form, or there is nothing to read.

    Examples
    --------
    >>> open_source("fle:events.jsonl", clock_us=lambda: 0)
    Traceback (most recent call last):
    models.errors.ConfigError: unknown source 'fle:events.jsonl', expected one of: -, file:PATH, \
kafka://HOST:PORT/TOPIC?group=NAME
    """
    kind = _kind_of(url)
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
    return kind.open(url, options)


def source_of(url: str, *, drain: bool = False) -> tuple[str, FeedKind]:
    """Give the name of a source, and whether it is live or a batch.

    Parameters
    ----------
    url
        As for `open_source`.
    drain
        Whether reading ends with the records present now; then the source is a batch.

    Examples
    --------
    >>> source_of("kafka://127.0.0.1:9092/agent.actions?group=habitus")
    ('kafka:agent.actions', 'live')
    >>> source_of("file:events.jsonl?follow=1"), source_of("file:events.jsonl"), source_of("-")
    (('file', 'live'), ('file', 'batch'), ('stdin', 'batch'))
    >>> source_of("-?feed=live"), source_of("-?feed=live", drain=True)
    (('stdin', 'live'), ('stdin', 'batch'))
    """
    kind = _kind_of(url)
    query = kind.query(url)
    feed = query.get("feed", kind.feed(query))
    check_feed(feed)
    return kind.name(url), "live" if feed == "live" and not drain else "batch"


def _kind_of(url: str) -> SourceKind:
    scheme = "-" if url.partition("?")[0] == "-" else url.partition(":")[0]
    if scheme not in SOURCES or (scheme != "-" and ":" not in url):
        expected = ", ".join(kind.form for kind in SOURCES.values())
        raise ConfigError(f"unknown source {quoted(masked(url))}, expected one of: {expected}")
    return SOURCES[scheme]


def _files(url: str, options: Options) -> Source:
    plain, query = file_query(url)
    return Files(
        path_of(plain),
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


# Importing the Kafka client takes 0.2 s; commands on files avoid it.
def _kafka_source(url: str, options: Options) -> Source:
    from pipeline.sources.kafka.source import KafkaSource

    return KafkaSource(
        url,
        batch_size=options.batch_size,
        clock_us=options.clock_us,
        drain=options.drain,
        batch_ms=options.batch_ms,
        client=options.kafka_client,
    )


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))


class SourceKind(Struct, frozen=True, kw_only=True):
    """A kind of source.

    Attributes
    ----------
    form
        Its URL, as messages show it.
    open
        Opens the source of a URL.
    name
        Gives the name of a source, by which the store knows its last event.
    query
        Gives the parameters of a URL.
    feed
        Whether a source with these parameters is live, where no ``feed`` says so.
    """

    form: str
    open: Callable[[str, Options], Source]
    name: Callable[[str], str]
    query: Callable[[str], dict[str, str]] = _query
    feed: Callable[[dict[str, str]], FeedKind] = lambda _: "batch"


SOURCES = {
    "-": SourceKind(form="-", open=_stdin, name=lambda _: "stdin"),
    "file": SourceKind(
        form="file:PATH",
        open=_files,
        name=lambda _: "file",
        query=lambda url: file_query(url)[1],
        feed=lambda query: "live" if query.get("follow") == "1" else "batch",
    ),
    "kafka": SourceKind(
        form="kafka://HOST:PORT/TOPIC?group=NAME",
        open=_kafka_source,
        name=lambda url: f"kafka:{urlsplit(url).path.strip('/')}",
        feed=lambda _: "live",
    ),
}
