"""Checks of source and sink: files, brokers, topics, and the position in a topic."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.commands.doctor.check import Check
from pipeline.commands.doctor.store_checks import stored
from pipeline.sources import source_of
from pipeline.sources.file_url import file_query

if TYPE_CHECKING:
    from pipeline.settings import Settings


def check_source(settings: Settings) -> Check:
    """Check that the source is there."""
    url = settings.source
    if not url:
        todo = "set HABITUS_SOURCE to kafka:, file: or - for habitus run"
        return Check("source", "optional", "none, so only events over HTTP are judged", todo)
    _, kind = source_of(url)
    if url.partition("?")[0] == "-":
        return Check("source", "ok", f"standard input, {kind}")
    if url.startswith("kafka:"):
        return _kafka("source", url, settings.kafka_client, topic=True)
    if not url.startswith("file:"):
        return Check(
            "source",
            "missing",
            "unknown kind of source",
            "set HABITUS_SOURCE to kafka:, file: or -",
        )
    from pipeline.sources.files import find

    plain, query = file_query(url)
    path = plain.removeprefix("file:")
    files = find(path)
    if not files and query.get("follow") != "1":
        return Check("source", "missing", f"no file at {path!r}", "set HABITUS_SOURCE")
    size = sum(file.stat().st_size for file in files)
    return Check("source", "ok", f"{len(files)} files, {size / 1e6:.1f} MB, {kind}")


def check_sink(settings: Settings) -> Check:
    """Check that results can be published."""
    url = settings.sink
    if url == "none":
        return Check("sink", "optional", "results stay in the store", "HABITUS_SINK publishes them")
    if url.startswith("kafka:"):
        return _kafka("sink", url, settings.kafka_client, topic=False)
    if not url.startswith("file:"):
        todo = "set HABITUS_SINK to kafka:, file: or none"
        return Check("sink", "missing", "unknown kind of sink", todo)
    place = Path(url.removeprefix("file:")).resolve()
    while not place.exists():
        place = place.parent
    if place.is_dir() and os.access(place, os.W_OK):
        return Check("sink", "ok", url)
    return Check("sink", "missing", f"{place} cannot be written", "set HABITUS_SINK")


def _kafka(name: str, url: str, client: str, *, topic: bool) -> Check:
    if client == "librdkafka" and find_spec("confluent_kafka") is None:
        todo = "install habitus with the extra librdkafka, or leave HABITUS_KAFKA_CLIENT out"
        return Check(name, "missing", "the client librdkafka is not installed", todo)
    from pipeline.sources.kafka.address import answers, parse, without_group
    from pipeline.sources.kafka.clients.registry import try_options

    address = parse(url, topic=topic)
    brokers = ",".join(address.brokers)
    if not answers(address.brokers):
        todo = "start the broker, or correct the address"
        return Check(name, "missing", f"no Kafka broker answers at {brokers}", todo)
    from pipeline.sources.kafka.topics import ACTIONS, TOPICS, topics_at

    wanted = {address.topic} if topic else set(TOPICS) - {ACTIONS}
    try:
        try_options(client, without_group(address))
        missing = ", ".join(sorted(wanted - topics_at(address)))
    except ConfigError as error:
        return Check(name, "missing", str(error), "correct the options of the client")
    if missing:
        todo = "habitus doctor --create-topics"
        return Check(name, "missing", f"{brokers} answers, but has no topic {missing}", todo)
    return Check(name, "ok", f"{brokers} answers, its topics are there")


def check_position(settings: Settings) -> Check:
    """Check whether the source still holds the store's resume positions."""
    if not settings.source.startswith("kafka:"):
        return Check("position", "ok", "a source of this kind keeps its records")
    from pipeline.sources.kafka.address import answers, parse
    from pipeline.sources.kafka.retained import outside

    address = parse(settings.source, topic=True)
    positions = stored(settings.store, lambda store: store.positions())
    if not positions or not answers(address.brokers):
        return Check("position", "ok", "none stored, or no broker to ask")
    lost = outside(settings.kafka_client, address, positions)
    if not lost:
        return Check("position", "ok", "the broker holds the next records")
    if address.skip_lost:
        return Check("position", "optional", lost[0], "lost=skip resumes at the first record held")
    todo = "restore the records, or add lost=skip to the source once"
    return Check("position", "missing", lost[0], todo)
