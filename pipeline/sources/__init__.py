"""Sources of events, by URL scheme; a new source is one file here and one entry in `SOURCES`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from models.errors import ConfigError
from pipeline.processing.stream_types import MAX_VALUE
from pipeline.sources.feed import check_feed
from pipeline.sources.file_url import file_query, path_of
from pipeline.sources.files import Files, find
from pipeline.sources.finding import Finding
from pipeline.sources.source_kind import Options, SourceKind
from pipeline.sources.stdin import Stdin
from pipeline.text.quoted import masked, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pipeline.processing.stream_types import Source
    from pipeline.store.batch import FeedKind

__all__ = ["SOURCES", "Options", "SourceKind", "forms", "kind_of", "open_source", "source_of"]


def open_source(
    url: str,
    *,
    batch_size: int = 1000,
    clock_us: Callable[[], int],
    drain: bool = False,
    batch_ms: int = 0,
    kafka_client: str = "kafka-python",
    skip: Iterable[Path] = (),
    whole_files: bool = False,
    longest: int = MAX_VALUE,
) -> Source:
    """Open a source.

    Parameters
    ----------
    url
        Of a form of `SOURCES`. ``feed=live`` and ``feed=batch`` declare whether events should keep
        coming (`source_of`).
    batch_size, clock_us, drain, batch_ms, kafka_client, skip, whole_files, longest
        As in `Options`.

    Raises
    ------
    ConfigError
        The URL has another form, or there is nothing to read.

    Examples
    --------
    >>> open_source("fle:events.jsonl", clock_us=lambda: 0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    models.errors.ConfigError: unknown source 'fle:events.jsonl', expected one of: -, file:PATH, ...
    """
    kind = kind_of(url)
    if batch_size < 1:
        raise ConfigError(f"batch size must be at least 1, got {batch_size}")
    options = Options(
        batch_size=batch_size,
        clock_us=clock_us,
        drain=drain,
        batch_ms=batch_ms,
        kafka_client=kafka_client,
        skip=frozenset(path.resolve() for path in skip),
        whole_files=whole_files,
        longest=longest,
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
    kind = kind_of(url)
    query = kind.query(url)
    feed = query.get("feed", kind.feed(query))
    check_feed(feed)
    return kind.name(url), "live" if feed == "live" and not drain else "batch"


def kind_of(url: str) -> SourceKind:
    """Give the kind of a source; raise `ConfigError` if none is registered for the URL."""
    scheme = "-" if url.partition("?")[0] == "-" else url.partition(":")[0]
    if scheme not in SOURCES or (scheme != "-" and ":" not in url):
        raise ConfigError(f"unknown source {quoted(masked(url))}, expected one of: {forms()}")
    return SOURCES[scheme]


def forms() -> str:
    """Give the URLs of all sources, for messages."""
    return ", ".join(kind.form for kind in SOURCES.values())


def _files(url: str, options: Options) -> Source:
    plain, query = file_query(url)
    return Files(
        path_of(plain),
        batch_size=options.batch_size,
        clock_us=options.clock_us,
        follow=query.get("follow") == "1",
        drain=options.drain,
        skip=options.skip,
        whole_files=options.whole_files,
        longest=options.longest,
    )


def _stdin(url: str, options: Options) -> Source:
    query = url.partition("?")[2]
    if query and not query.startswith("feed="):
        raise ConfigError(f"unknown parameter in {quoted(url)}, expected -?feed=live")
    if options.whole_files:
        raise ConfigError("this format reads whole files, and standard input is none; name a file")
    check_feed(query.removeprefix("feed=") or None)
    return Stdin(batch_size=options.batch_size, clock_us=options.clock_us, longest=options.longest)


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
        longest=options.longest,
    )


def _check_stdin(url: str, _client: str) -> Finding:
    return Finding("ok", f"standard input, {source_of(url)[1]}")


def _check_files(url: str, _client: str) -> Finding:
    plain, query = file_query(url)
    path = path_of(plain)
    files = find(path)
    if not files and query.get("follow") != "1":
        return Finding("missing", f"no file at {path!r}", "set HABITUS_SOURCE")
    size = sum(file.stat().st_size for file in files)
    return Finding("ok", f"{len(files)} files, {size / 1e6:.1f} MB, {source_of(url)[1]}")


def _check_kafka(url: str, client: str) -> Finding:
    from pipeline.sources.kafka.reachable import check_broker

    return check_broker(url, client, topic=True)


def _check_kafka_positions(url: str, client: str, positions: Mapping[str, str]) -> Finding:
    from pipeline.sources.kafka.reachable import check_positions

    return check_positions(url, client, positions)


SOURCES = {
    "-": SourceKind(
        form="-",
        meaning="`-` reads standard input.",
        open=_stdin,
        name=lambda _: "stdin",
        check=_check_stdin,
    ),
    "file": SourceKind(
        form="file:PATH",
        meaning="`file:PATH` reads a file, a folder or a pattern; `follow=1` follows files as "
        "they grow.",
        open=_files,
        name=lambda _: "file",
        check=_check_files,
        query=lambda url: file_query(url)[1],
        feed=lambda query: "live" if query.get("follow") == "1" else "batch",
    ),
    "kafka": SourceKind(
        form="kafka://HOST:PORT/TOPIC?group=NAME",
        meaning="`kafka://HOST:PORT[,HOST:PORT]/TOPIC?group=NAME` reads a topic, group `habitus` "
        "by default; `config=FILE` has its "
        "[encryption and authentication](scale.md#kafka-encrypted-and-authenticated), and "
        "`lost=skip` continues where the broker has deleted the next events.",
        open=_kafka_source,
        name=lambda url: f"kafka:{urlsplit(url).path.strip('/')}",
        check=_check_kafka,
        check_positions=_check_kafka_positions,
        feed=lambda _: "live",
    ),
}
