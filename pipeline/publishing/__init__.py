"""Sinks of results, by URL scheme; a new sink is one file here and one line in `SINKS`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.publishing.folder import Discard, Folder
from pipeline.publishing.sink_kind import SinkKind
from pipeline.sources.file_url import path_of
from pipeline.sources.finding import Finding
from pipeline.text.quoted import masked, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.processing.stream_types import Sink

__all__ = [
    "SINKS",
    "SinkKind",
    "folder_of",
    "open_fenced_sink",
    "open_sink",
    "sink_kind_of",
    "topic_file",
]


def open_sink(url: str, *, kafka_client: str = "kafka-python") -> Sink:
    """Open a sink.

    Parameters
    ----------
    url
        Of a form of `SINKS`.
    kafka_client
        As in `pipeline.sources.Options`.

    Raises
    ------
    ConfigError
        The URL has another form, or the client cannot be used with it.
    """
    return sink_kind_of(url).open(url, kafka_client)


def sink_kind_of(url: str) -> SinkKind:
    """Give the kind of a sink; raise `ConfigError` if none is registered for the URL."""
    scheme, colon, _ = url.partition(":")
    kind = SINKS.get(scheme)
    if kind is None or (":" in kind.form) != bool(colon):
        forms = ", ".join(kind.form for kind in SINKS.values())
        raise ConfigError(f"unknown sink {quoted(masked(url))}, expected one of: {forms}")
    return kind


def open_fenced_sink(
    url: str, owner: str, still_ours: Callable[[], None], *, kafka_client: str = "kafka-python"
) -> Sink:
    """Open a sink for a shard that may move between workers.

    Parameters
    ----------
    owner, still_ours
        As for `pipeline.publishing.kafka.fenced.FencedSink`; only Kafka can refuse a replaced
        worker.
    kafka_client
        As in `pipeline.sources.Options`.
    """
    if not url.startswith("kafka:"):
        return open_sink(url)
    from pipeline.publishing.kafka.fenced import FencedSink
    from pipeline.sources.kafka.address import parse

    return FencedSink(parse(url, topic=False), kafka_client, owner, still_ours)


def topic_file(url: str, topic: str) -> Path:
    """Give the file of a topic in a folder sink.

    >>> str(topic_file("file:out", "agent.trust"))
    'out/agent.trust.jsonl'
    """
    return folder_of(url) / f"{topic}.jsonl"


def folder_of(url: str) -> Path:
    """Give the folder of a ``file:`` URL; raise `ConfigError` if it has none."""
    return Path(path_of(url))


def _kafka_sink(url: str, client: str) -> Sink:
    from pipeline.publishing.kafka.sink import KafkaSink
    from pipeline.sources.kafka.address import parse

    return KafkaSink(parse(url, topic=False), client)


def _check_none(_url: str, _client: str) -> Finding:
    return Finding("optional", "results stay in the store", "HABITUS_SINK publishes them")


def _check_folder(url: str, _client: str) -> Finding:
    place = folder_of(url).resolve()
    while not place.exists():
        place = place.parent
    if place.is_dir() and os.access(place, os.W_OK):
        return Finding("ok", url)
    return Finding("missing", f"{place} cannot be written", "set HABITUS_SINK")


def _check_kafka(url: str, client: str) -> Finding:
    from pipeline.sources.kafka.reachable import check_broker

    return check_broker(url, client, topic=False)


SINKS = {
    "none": SinkKind(
        form="none",
        meaning="`none` publishes nothing.",
        open=lambda _url, _client: Discard(),
        check=_check_none,
    ),
    "file": SinkKind(
        form="file:FOLDER",
        meaning="`file:FOLDER` writes a `TOPIC.jsonl` for each topic.",
        open=lambda url, _client: Folder(path_of(url)),
        check=_check_folder,
    ),
    "kafka": SinkKind(
        form="kafka://HOST:PORT",
        meaning="`kafka://HOST:PORT` writes topics; `config=FILE` as for a source.",
        open=_kafka_sink,
        check=_check_kafka,
    ),
}
