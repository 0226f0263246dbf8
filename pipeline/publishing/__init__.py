"""Sinks of results, by URL scheme; a new sink is one file here and one line in `SINKS`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.publishing.folder import Discard, Folder
from pipeline.sources.file_url import path_of
from pipeline.text.quoted import masked, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.processing.stream_types import Sink

__all__ = ["SINKS", "folder_of", "open_fenced_sink", "open_sink", "topic_file"]


def open_sink(url: str, *, kafka_client: str = "kafka-python") -> Sink:
    """Open a sink: ``kafka://HOST:PORT``, ``file:FOLDER`` or ``none``.

    Parameters
    ----------
    kafka_client
        As in `pipeline.sources.Options`.

    Raises
    ------
    ConfigError
        The URL has another form, or the client cannot be used with it.
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


SINKS: dict[str, Callable[[str, str], Sink]] = {
    "file": lambda url, client: Folder(path_of(url)),  # noqa: ARG005  # signature of a factory
    "kafka": _kafka_sink,
    "none": lambda url, client: Discard(),  # noqa: ARG005  # signature of a factory
}
